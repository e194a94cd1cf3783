import type { Denoiser, SamplerInfo } from '../diffusion/info.ts';
import { evaluationsOf } from '../diffusion/sampler.ts';
import { pictureShape } from '../embedding/checks.ts';
import { decode } from '../embedding/embed.ts';
import type { Seeds } from '../embedding/seeds.ts';
import { joinPath, writeAtomic } from '../runtime/files.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { writeNpy } from '../tensor/npy.ts';
import { concatRows, requireFinite, rows } from '../tensor/tensor.ts';
import type { Console } from './console.ts';
import { writeSheet } from './pictures.ts';
import { inPieces, openUnfinished, tensorCodec } from './unfinished.ts';

/** Seeds that are grown between two looks at the signals. */
const PIECE = 256;

/**
 * Grows pictures from seeds, resumable, and writes them as an array and a sheet.
 * @param about what the work is, for `--resume`.
 * @returns the names of the files written.
 */
export async function growAndWrite(
  console: Console,
  runtime: Runtime,
  model: Denoiser,
  { latent, pair }: Pick<Seeds, 'latent' | 'pair'>,
  {
    sampler,
    about,
    ...folder
  }: {
    sampler: SamplerInfo;
    out: string;
    resume?: boolean;
    force?: boolean;
    about: { command: string } & Record<string, unknown>;
  },
): Promise<string[]> {
  const unfinished = await openUnfinished(folder, { ...about, model: model.hash, sampler });
  const progress = console.progress('growing', 'evaluations');
  const count = latent.shape[0]!;
  const each = evaluationsOf(sampler);
  const pieces = await inPieces(
    unfinished,
    { count, piece: PIECE, signal: console.signal, codec: tensorCodec(pictureShape(model)) },
    (first, last) =>
      decode(runtime, model, rows(pair?.latent ?? latent, first, last), {
        sampler,
        latent2: pair && rows(pair.latent2, first, last),
        onProgress: done => progress.update(Math.min(first * each + done, count * each), count * each),
      }),
  ).finally(() => progress.stop());
  const { out } = folder;
  const pictures = concatRows(pieces);
  requireFinite(pictures, 'the pictures are not numbers: the model or the seeds are broken');
  await writeAtomic(joinPath(out, 'pictures.npy'), writeNpy(pictures));
  const flat = pictures.shape.length === 4;
  if (flat) await writeSheet(joinPath(out, 'pictures.png'), pictures);
  await unfinished.remove();
  return flat ? ['pictures.png', 'pictures.npy'] : ['pictures.npy'];
}
