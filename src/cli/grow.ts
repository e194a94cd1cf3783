import type { Denoiser, SamplerInfo } from '../diffusion/model.ts';
import { decode, pictureShape } from '../embedding/embed.ts';
import { joinPath, writeAtomic } from '../runtime/files.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { writeNpy } from '../tensor/npy.ts';
import { concatRows, requireFinite, rows, type Tensor } from '../tensor/tensor.ts';
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
  latent: Tensor<'float32'>,
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
  const pieces = await inPieces(
    unfinished,
    { count, piece: PIECE, signal: console.signal, codec: tensorCodec(pictureShape(model)) },
    (first, last) =>
      decode(runtime, model, rows(latent, first, last), {
        samplerSteps: sampler.steps,
        onProgress: done =>
          progress.update(
            Math.min(first * sampler.steps + done, count * sampler.steps),
            count * sampler.steps,
          ),
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
