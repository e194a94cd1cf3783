import type { Denoiser } from '../diffusion/info.ts';
import { createSampler, evaluationsOf } from '../diffusion/sampler.ts';
import type { Pairs } from '../embedding/train-embedder.ts';
import { SeedbedError } from '../errors.ts';
import { exists, joinPath, readBytes, writeAtomic } from '../runtime/files.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { normals } from '../tensor/random.ts';
import { readSafetensors, writeSafetensors } from '../tensor/safetensors.ts';
import { concatRows, requireFinite, rows, sizeOf, type Tensor } from '../tensor/tensor.ts';
import { MOST_BYTES } from '../tensor/zip.ts';
import { tensorCodec } from '../work/kept.ts';
import { inPieces, openUnfinished } from '../work/unfinished.ts';
import type { Terminal } from './terminal.ts';

/** Pairs generated between two writings of what is done: a batch. */
const PIECE = 32;

/** Seeds and what they grow, generated once a run, resumable, and kept beside its checkpoint. */
export async function pairsOf(
  { terminal, runtime, denoiser }: { terminal: Terminal; runtime: Runtime; denoiser: Denoiser },
  { count, rng, ...folder }: { count: number; rng: number; out: string; resume: boolean },
): Promise<Pairs> {
  const { shape, sampler } = denoiser.info;
  const most = Math.floor(MOST_BYTES / (2 * 4 * sizeOf(shape))) - 1;
  if (count > most)
    throw new SeedbedError(
      'BadArgument',
      `${count} pairs of [${shape}] do not fit a file that can be read again; at most ${most}. Say so as training.pairs in the configuration`,
    );
  const path = joinPath(folder.out, 'pairs.safetensors');
  const about = {
    model: denoiser.hash,
    sampler: JSON.stringify(sampler),
    rng: String(rng),
    pairs: String(count),
  };
  if (await exists(path)) {
    const { tensors, metadata } = readSafetensors(await readBytes(path), path);
    const same = Object.entries(about).every(([key, value]) => metadata[key] === value);
    const [latent, x] = [tensors.get('latent'), tensors.get('x')];
    const fits = (t?: Tensor) => t?.dtype === 'float32' && t.shape.join() === [count, ...shape].join();
    if (same && fits(latent) && fits(x)) return { latent, x } as Pairs;
  }
  const latent = normals({ seed: rng, purpose: 'pairs' }, [count, ...shape]);
  const each = evaluationsOf(sampler);
  const unfinished = await openUnfinished({ ...folder, fresh: true }, { command: 'pairs', ...about });
  const progress = terminal.progress('pairs', 'evaluations');
  const engine = await createSampler(runtime, denoiser, sampler, PIECE);
  const pieces = { count, piece: PIECE, signal: terminal.signal, codec: tensorCodec(shape) };
  const grown = await inPieces(unfinished, pieces, async (first, last) => {
    const x = await engine.sample(rows(latent, first, last), done =>
      progress.update(first * each + done, count * each),
    );
    requireFinite(x, 'the pictures that the denoiser grows are not numbers: it is broken');
    return x;
  }).finally(() => {
    progress.stop();
    return engine.dispose();
  });
  const x = concatRows(grown);
  await writeAtomic(path, writeSafetensors({ latent, x }, about));
  await unfinished.remove();
  return { latent, x };
}
