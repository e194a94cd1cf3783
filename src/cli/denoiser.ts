import type { Command } from 'commander';
import { withAutoencoder } from '../diffusion/autoencoder.ts';
import { originOf } from '../diffusion/conditions.ts';
import type { Denoiser } from '../diffusion/info.ts';
import { loadAutoencoder } from '../diffusion/load.ts';
import { exists } from '../runtime/files.ts';
import { type ConditionFlags, openBound, withConditionFlags } from './conditions.ts';
import { besideModel } from './files.ts';
import { type RuntimeFlags, withRuntime } from './options.ts';
import { type TerminalFlags, withTerminal } from './terminal.ts';

/** What commands are told that run a model. */
export type ModelFlags = RuntimeFlags & ConditionFlags & TerminalFlags;

/** Adds what says where a model runs, under which conditions, and what is said of it. */
export const withModel = (command: Command) => withTerminal(withConditionFlags(withRuntime(command)));

/**
 * A denoiser, bound to the values of its conditions, with the autoencoder that belongs to it: the one named, or the one
 * beside it where there is one.
 * @throws {SeedbedError} as {@link openBound}.
 */
export async function openModel(
  path: string,
  flags: ConditionFlags & { autoencoder?: string },
): Promise<Denoiser> {
  const model = await openBound(path, flags);
  const beside = besideModel(path, 'autoencoder');
  const file = flags.autoencoder ?? ((await exists(beside)) ? beside : undefined);
  return file === undefined ? model : withAutoencoder(model, await loadAutoencoder(file));
}

/** By what work with a denoiser is known again: its hash, what it is bound to, and its autoencoder's hash. */
export const hashesOf = (model: Denoiser) => ({
  ...originOf(model),
  ...(model.autoencoder && { autoencoder: model.autoencoder.hash }),
});
