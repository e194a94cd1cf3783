import { type Denoiser, givesLatents } from '../diffusion/info.ts';
import { pictureShape } from '../diffusion/pictures.ts';
import { evaluationsOf } from '../diffusion/sampler.ts';
import type { SamplerInfo } from '../diffusion/sampler-info.ts';
import { createDecoder } from '../embedding/decoder.ts';
import type { Seeds } from '../embedding/seeds.ts';
import { joinPath, writeAtomic } from '../runtime/files.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { writeNpy } from '../tensor/npy.ts';
import { concatRows, rows, sizeOf, type Tensor } from '../tensor/tensor.ts';
import { tensorCodec } from '../work/kept.ts';
import { type DoPiece, inPieces, type Pieces, type Unfinished } from '../work/unfinished.ts';
import { DRAWN, subjectOf } from './latents.ts';
import { writeSheet } from './pictures.ts';
import type { Terminal } from './terminal.ts';

/** Seeds in work at once; and numbers in a piece that is kept, at least, so that it is worth its writing. */
const BATCH = 16;
const LEAST_NUMBERS = 2 ** 14;

/** Seeds that pictures are grown from, read as they are needed, and how. */
interface Growing {
  readonly model: Denoiser;
  readonly sampler: SamplerInfo;
  readonly count: number;
  /** Whether seeds are both states of a sampler that keeps two. */
  readonly paired?: boolean;
  seeds(first: number, last: number): Pick<Seeds, 'latent' | 'pair'>;
}

/**
 * Grows pictures piece by piece, each a batch, or several of small pictures; what is no number is refused.
 * @param onProgress told the evaluations that are done.
 * @param keep does the pieces and keeps them: `inPieces`, or `inPart` where they may be cut into shards.
 */
export async function growPieces<R>(
  { terminal, runtime }: { terminal: Terminal; runtime: Runtime },
  { model, sampler, count, paired, seeds }: Growing,
  onProgress: (done: number) => void,
  keep: (pieces: Pieces<Tensor<'float32'>>, doPiece: DoPiece<Tensor<'float32'>>) => Promise<R>,
): Promise<R> {
  const each = evaluationsOf(sampler, paired);
  const piece = BATCH * Math.ceil(LEAST_NUMBERS / (BATCH * sizeOf(model.info.shape)));
  const decoder = await createDecoder(runtime, model, sampler, Math.min(BATCH, count));
  const pieces = { count, piece, signal: terminal.signal, codec: tensorCodec(pictureShape(model)) };
  return keep(pieces, (first, last) => {
    const { latent, pair } = seeds(first, last);
    const report = (done: number) => onProgress(Math.min(first * each + done, count * each));
    return decoder.grow(pair?.latent ?? latent, report, pair?.latent2);
  }).finally(decoder.dispose);
}

/** Grows the pictures of all seeds, resumable. @param onProgress told the evaluations that are done. */
export async function growInPieces(
  { unfinished, ...where }: { terminal: Terminal; runtime: Runtime; unfinished: Unfinished },
  { model, sampler }: { model: Denoiser; sampler: SamplerInfo },
  { latent, pair }: Pick<Seeds, 'latent' | 'pair'>,
  onProgress: (done: number) => void,
): Promise<Tensor<'float32'>> {
  const seeds = (first: number, last: number) => ({
    latent: rows(latent, first, last),
    pair: pair && { latent: rows(pair.latent, first, last), latent2: rows(pair.latent2, first, last) },
  });
  const growing = { model, sampler, count: latent.shape[0]!, paired: pair !== undefined, seeds };
  const grown = await growPieces(where, growing, onProgress, (pieces, doPiece) =>
    inPieces(unfinished, pieces, doPiece),
  );
  return concatRows(grown);
}

/** Writes pictures, or latents, as an array and a sheet. @returns the names of the files written. */
export async function writeGrown(
  { terminal, out }: { terminal: Terminal; out: string },
  model: Denoiser,
  pictures: Tensor<'float32'>,
): Promise<string[]> {
  const subject = subjectOf(model);
  await writeAtomic(joinPath(out, `${subject}.npy`), writeNpy(pictures));
  if (pictures.shape.length !== 4) return [`${subject}.npy`];
  await writeSheet(joinPath(out, `${subject}.png`), model, pictures);
  if (givesLatents(model)) terminal.note(DRAWN);
  return [`${subject}.png`, `${subject}.npy`];
}
