import type { Denoiser, SamplerInfo } from '../diffusion/info.ts';
import { evaluationsOf } from '../diffusion/sampler.ts';
import { pictureShape } from '../embedding/checks.ts';
import { createDecoder } from '../embedding/decoder.ts';
import type { Seeds } from '../embedding/seeds.ts';
import { joinPath, writeAtomic } from '../runtime/files.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { writeNpy } from '../tensor/npy.ts';
import { concatRows, rows, sizeOf, type Tensor } from '../tensor/tensor.ts';
import { tensorCodec } from '../work/kept.ts';
import { inPieces, openUnfinished, type Unfinished, type UnfinishedOptions } from '../work/unfinished.ts';
import { writeSheet } from './pictures.ts';
import type { Terminal } from './terminal.ts';

/** Seeds in work at once; and numbers in a piece that is kept, at least, so that it is worth its writing. */
const BATCH = 16;
const LEAST_NUMBERS = 2 ** 14;

/**
 * Grows pictures from seeds, resumable and known to be numbers: piece by piece, each a batch, or several of small pictures.
 * @param onProgress told the evaluations that are done.
 */
export async function growInPieces(
  { terminal, runtime, unfinished }: { terminal: Terminal; runtime: Runtime; unfinished: Unfinished },
  { model, sampler }: { model: Denoiser; sampler: SamplerInfo },
  { latent, pair }: Pick<Seeds, 'latent' | 'pair'>,
  onProgress: (done: number) => void,
): Promise<Tensor<'float32'>> {
  const count = latent.shape[0]!;
  const each = evaluationsOf(sampler);
  const piece = BATCH * Math.ceil(LEAST_NUMBERS / (BATCH * sizeOf(model.info.shape)));
  const decoder = await createDecoder(runtime, model, sampler, Math.min(BATCH, count));
  const pieces = await inPieces(
    unfinished,
    { count, piece, signal: terminal.signal, codec: tensorCodec(pictureShape(model)) },
    (first, last) =>
      decoder.grow(
        rows(pair?.latent ?? latent, first, last),
        done => onProgress(Math.min(first * each + done, count * each)),
        pair && rows(pair.latent2, first, last),
      ),
  ).finally(decoder.dispose);
  return concatRows(pieces);
}

/**
 * Grows pictures from seeds, resumable, and writes them as an array and a sheet.
 * @param about what the work is, for `--resume`.
 * @returns the names of the files written.
 */
export async function growAndWrite(
  terminal: Terminal,
  runtime: Runtime,
  model: Denoiser,
  seeds: Pick<Seeds, 'latent' | 'pair'>,
  {
    sampler,
    about,
    ...folder
  }: UnfinishedOptions & { sampler: SamplerInfo; about: { command: string } & Record<string, unknown> },
): Promise<string[]> {
  const unfinished = await openUnfinished(folder, { ...about, model: model.hash, sampler }, terminal.note);
  const progress = terminal.progress('growing', 'evaluations');
  const total = seeds.latent.shape[0]! * evaluationsOf(sampler);
  const pictures = await growInPieces({ terminal, runtime, unfinished }, { model, sampler }, seeds, done =>
    progress.update(done, total),
  ).finally(() => progress.stop());
  const { out } = folder;
  await writeAtomic(joinPath(out, 'pictures.npy'), writeNpy(pictures));
  const flat = pictures.shape.length === 4;
  if (flat) await writeSheet(joinPath(out, 'pictures.png'), pictures);
  await unfinished.remove();
  return flat ? ['pictures.png', 'pictures.npy'] : ['pictures.npy'];
}
