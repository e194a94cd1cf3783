import { fileURLToPath } from 'node:url';
import type { Embedder } from '../diffusion/info.ts';
import { loadEmbedder, SHIPPED_DENOISER } from '../diffusion/load.ts';
import { SeedbedError } from '../errors.ts';
import { exists, readJson } from '../runtime/files.ts';

/** The denoiser that commands use when they are not given one. */
export const SHIPPED_MODEL = fileURLToPath(SHIPPED_DENOISER);

/** The path of a file of the installed package. */
export function packaged(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url));
}

export async function version(): Promise<string> {
  return ((await readJson(packaged('package.json'))) as { version: string }).version;
}

/** Where what belongs to a denoiser lies, beside it: NAME-embedder.onnx, NAME-autoencoder.onnx. */
export function besideModel(denoiserPath: string, kind: 'embedder' | 'autoencoder'): string {
  return denoiserPath.replace(/(\.onnx)?$/, `-${kind}.onnx`);
}

/** The embedder that belongs to a denoiser: the one named, or the one beside it; undefined where there is none. */
export async function findEmbedder(
  denoiserPath: string,
  named: string | undefined,
): Promise<Embedder | undefined> {
  if (named) return loadEmbedder(named);
  const beside = besideModel(denoiserPath, 'embedder');
  return (await exists(beside)) ? loadEmbedder(beside) : undefined;
}

/** Refuses to write over a run or result that is already there. */
export async function refuseExisting(path: string, what: string, fresh: boolean): Promise<void> {
  if (!fresh && (await exists(path))) {
    throw new SeedbedError(
      'BadArgument',
      `${path} already holds ${what}. --resume goes on with it, --fresh starts again, --out names another folder`,
    );
  }
}
