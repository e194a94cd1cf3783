import { type Command, InvalidArgumentError, Option } from 'commander';
import { createRuntime, NATIVE_REMEDY } from '../runtime/node.ts';
import { FITS } from '../runtime/picture.ts';
import { DEVICES, type Device, type Runtime } from '../runtime/runtime.ts';
import type { Console } from './console.ts';

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

export interface RuntimeFlags {
  device?: Device;
  threads?: number;
}

/** Adds --device and --threads. */
export function withRuntime(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--device <name>',
        'where networks run (default: cpu, or wasm where that is not installed)',
      ).choices([...DEVICES]),
    )
    .option('--threads <n>', 'threads of one operator (default: the number of cores)', whole(1, 1024));
}

/** The runtime that the flags ask for; where nothing is asked and the native one is missing, says in a line what that costs. */
export async function openRuntime(console: Console, { device, threads }: RuntimeFlags): Promise<Runtime> {
  const runtime = await createRuntime({ device, threads });
  if (device === undefined && runtime.device === 'wasm') {
    console.note(
      `running as WebAssembly, 14 times slower on one thread: the native runtime is not here; ${NATIVE_REMEDY}`,
    );
  }
  return runtime;
}

/** Says --fit. */
export function fitOption(): Option {
  const meaning = "pictures of another shape than the model's: cut out their centre, or squeeze the whole";
  return new Option('--fit <way>', meaning).choices([...FITS]).default('crop');
}

/** Adds --rng. */
export function withRng(command: Command): Command {
  return command.option('--rng <n>', 'random number seed', whole(0), 0);
}
