import { resolve } from 'node:path';
import type { Command } from 'commander';
import { SeedbedError } from '../../errors.ts';
import { checkEmbedOptions } from '../embed.ts';
import { type FlagsOf, options, withOptions } from '../flags.ts';
import { serve } from '../listening.ts';
import { whole } from '../options.ts';
import { createRunner } from '../runner.ts';
import { openTerminal, type TerminalFlags, withTerminal } from '../terminal.ts';
import { openJobs } from './jobs.ts';
import { LOOPBACK, service } from './service.ts';

const PORT = 8430;
const VARIABLE = 'SEEDBED_TOKEN';

const own = () =>
  options()
    .option(
      '--host <address>',
      `where to listen; beyond this machine with a token in ${VARIABLE}`,
      '127.0.0.1',
    )
    .option('--port <n>', 'the port', whole(0, 65_535), PORT)
    .option('--waiting <n>', 'pictures that may wait; more are told to come again', whole(1, 1_000_000), 100)
    .option('--out <folder>', 'where pictures and their seeds are kept', 'service');

type Flags = FlagsOf<typeof own> & TerminalFlags;

export function addServe(program: Command): void {
  withOptions(withTerminal(program.command('serve')), own())
    .description('find the seeds of pictures that are sent to it: a small service')
    .argument('[options...]', 'options of embed for all pictures, such as --model my.onnx --tau 0.3')
    .allowUnknownOption()
    .addHelpText('after', '\nExample: seedbed serve --model my.onnx\nThe guide: docs/serve.md')
    .action(run);
}

async function run(options: string[], { host, port, waiting, out, ...flags }: Flags): Promise<void> {
  const terminal = openTerminal(flags);
  // An empty one, as of a line of settings that nobody filled in, is none.
  const token = process.env[VARIABLE] || undefined;
  if (!LOOPBACK.includes(host) && !token)
    throw new SeedbedError(
      'BadArgument',
      `${host} is reached from other machines: set ${VARIABLE} to a secret that requests must bear`,
    );
  // Options that are wrong are the operator's fault, and no picture's.
  await checkEmbedOptions(options);
  const jobs = await openJobs(resolve(out), ['embed', ...options, '--quiet'], waiting, createRunner('.'));
  const { addresses, closed } = await serve(service(jobs, token), host, port, terminal.signal);
  terminal.line(`Seeds are found at ${addresses.join(', ')}: POST a picture to /embed. Ctrl-C ends it.`);
  terminal.json({ command: 'serve', address: addresses[0] });
  await closed;
  await jobs.stop();
}
