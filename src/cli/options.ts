import { Option } from '@commander-js/extra-typings';
import { type Command, InvalidArgumentError } from 'commander';
import { GRIDS, MOST_SAMPLER_STEPS, type SamplerInfo } from '../diffusion/sampler-info.ts';
import { SAMPLERS, samplerRow } from '../diffusion/samplers.ts';
import { SeedbedError } from '../errors.ts';
import { createRuntime, NATIVE_REMEDY } from '../runtime/node.ts';
import { FITS } from '../runtime/picture.ts';
import { DEVICES, type Runtime } from '../runtime/runtime.ts';
import { type FlagsOf, options, withOptions } from './flags.ts';
import type { Terminal } from './terminal.ts';

/** Parses a whole number from `least` to `most`. */
export function whole(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return text => {
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < least || value > most || text.trim() === '') {
      const end = most === Number.MAX_SAFE_INTEGER ? '' : ` and at most ${most}`;
      throw new InvalidArgumentError(`expected a whole number of at least ${least}${end}.`);
    }
    return value;
  };
}

/** Parses a number greater than zero. */
export function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value)))
    throw new InvalidArgumentError('expected a number greater than 0.');
  return value;
}

const runtimeOptions = () =>
  options()
    .addOption(
      new Option(
        '--device <name>',
        'where networks run (default: cpu, or wasm where that is not installed)',
      ).choices([...DEVICES]),
    )
    .addOption(
      new Option(
        '--threads <n>',
        'threads of one operator (default: the number of cores, which the processes of embed, evaluate, cloud and reproduce share)',
      )
        .argParser(whole(1, 1024))
        .env('OMP_NUM_THREADS'),
    );

export type RuntimeFlags = FlagsOf<typeof runtimeOptions>;

/** Adds --device and --threads; the latter where it is not given is what batch systems tell each task of a node, OMP_NUM_THREADS. */
export const withRuntime = (command: Command) => withOptions(command, runtimeOptions());

/** The runtime that the flags ask for; where nothing is asked and the native one is missing, says in a line what that costs. */
export async function openRuntime(terminal: Terminal, { device, threads }: RuntimeFlags): Promise<Runtime> {
  const runtime = await createRuntime({ device, threads });
  if (device === undefined && runtime.device === 'wasm') {
    terminal.note(
      `running as WebAssembly, 14 times slower on one thread: the native runtime is not here; ${NATIVE_REMEDY}`,
    );
  }
  return runtime;
}

/** Says --autoencoder. */
export function autoencoderOption() {
  const meaning =
    "what makes pictures of a model's latents (default: the model's own, NAME-autoencoder.onnx beside it)";
  return new Option('--autoencoder <file>', meaning);
}

/** Says --sampler. */
export function samplerOption() {
  return new Option('--sampler <name>', "what grows the pictures, instead of the model's own").choices([
    ...SAMPLERS,
  ]);
}

/** Says --sampler-steps. */
export function stepsOption() {
  return new Option('--sampler-steps <n>', "T, instead of the model's own").argParser(
    whole(1, MOST_SAMPLER_STEPS),
  );
}

/** Says --sampler-grid. */
export function gridOption() {
  const meaning =
    "how the sampler's levels are spaced, evenly in time or in log SNR, instead of the model's own";
  return new Option('--sampler-grid <name>', meaning).choices([...GRIDS]);
}

/** Says --data-dir. */
export function dataDirOption() {
  return new Option('--data-dir <folder>', 'where data sets are looked for first');
}

/** Says --fit. */
export function fitOption() {
  const meaning = "pictures of another shape than the model's: cut out their centre, or squeeze the whole";
  return new Option('--fit <way>', meaning).choices([...FITS]).default('crop' as const);
}

const rngOptions = () => options().option('--rng <n>', 'random number seed', whole(0), 0);

export type RngFlags = FlagsOf<typeof rngOptions>;

/** Adds --rng. */
export const withRng = (command: Command) => withOptions(command, rngOptions());

/** What a command promises that goes on where it was stopped: docs/same-bits.md. */
export const SAME_BITS = 'to the same bits where machine, version and --threads are the same';

/** Adds --resume and --fresh. */
export function withUnfinished(command: Command): Command {
  return command
    .option('--resume', `go on with unfinished work in the folder, ${SAME_BITS}`)
    .addOption(new Option('--fresh', 'drop unfinished work in the folder').conflicts('resume'));
}

/** Refuses samplers that keep two states. @param command that works with seeds of one. */
export function refusePairs(command: string, sampler: SamplerInfo): void {
  if (samplerRow(sampler.kind).states === 2)
    throw new SeedbedError(
      'BadArgument',
      `sampler '${sampler.kind}' keeps two states for a seed; ${command} works with seeds of one. Use another sampler and method`,
    );
}
