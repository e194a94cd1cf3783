import { prepare } from '../../../diffusion/batches.ts';
import type { Denoiser, Embedder } from '../../../diffusion/info.ts';
import { seedPictures } from '../../../diffusion/pictures.ts';
import { createEncoder } from '../../../embedding/finders.ts';
import { meanSquaredErrors } from '../../../tensor/statistics.ts';
import { concatRows, type Floats, rows, unstack } from '../../../tensor/tensor.ts';
import type { SheetPicture } from '../claims.ts';
import { BATCH, grow, type Lab } from '../lab.ts';
import { figure } from '../means.ts';

/** Pictures, their seeds by an embedding network, and what those grow. */
export interface Reconstruction {
  readonly images: Floats;
  readonly latent: Floats;
  readonly pictures: Floats;
  /** Mean squared error of each. */
  readonly errors: readonly number[];
}

/** Pictures held in work at once: seeds of many test images need not lie in memory together. */
const PIECE = 512;

/** Embeds pictures [n, C, H, W] by one pass of a network and grows them again. */
export async function reconstruct(
  lab: Lab,
  model: Denoiser,
  embedder: Embedder,
  images: Floats,
): Promise<Reconstruction> {
  const { padding, range } = model.info;
  const encoder = await createEncoder(lab.runtime, embedder, Math.min(BATCH, images.shape[0]!));
  const latents: Floats[] = [];
  const grown: Floats[] = [];
  try {
    for (let first = 0; first < images.shape[0]!; first += PIECE) {
      const part = rows(images, first, Math.min(first + PIECE, images.shape[0]!));
      const latent = await encoder.run(prepare(part, padding, range));
      latents.push(latent);
      grown.push(await grow(lab, model, latent));
    }
  } finally {
    await encoder.dispose();
  }
  const pictures = concatRows(grown);
  return { images, latent: concatRows(latents), pictures, errors: meanSquaredErrors(pictures, images) };
}

/** Picture, seed and reconstruction in three rows. */
export function reconstructionRows(
  model: Denoiser,
  { images, latent, pictures, errors }: Reconstruction,
  shown: number,
): SheetPicture['rows'] {
  const count = Math.min(shown, images.shape[0]!);
  return [
    { label: 'picture', pictures: unstack(rows(images, 0, count)) },
    { label: 'seed', pictures: seedPictures(model, rows(latent, 0, count)) },
    {
      label: 'what it grows',
      pictures: unstack(rows(pictures, 0, count)),
      captions: errors.slice(0, count).map(error => figure(error, 2)),
    },
  ];
}
