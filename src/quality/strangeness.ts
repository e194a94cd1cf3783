import { prepare } from '../diffusion/batches.ts';
import { levelAt } from '../diffusion/grid.ts';
import type { Denoiser } from '../diffusion/info.ts';
import { createNetwork } from '../diffusion/network.ts';
import { toPixels } from '../diffusion/pictures.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { normals } from '../tensor/random.ts';
import { combine, filledRows } from '../tensor/rowwise.ts';
import { meanSquaredErrors } from '../tensor/statistics.ts';
import { concatRows, type Floats, rows } from '../tensor/tensor.ts';

/** The diffusion time at which a picture is noised, low enough for its own detail to show through. */
const TIME = 0.3;

/**
 * How strange pictures are to a denoiser: the mean squared error of pixels with which it removes a little noise from each,
 * E |x0(s x + n epsilon) - x|^2, by one draw. It restores pictures like those that it was trained on, and changes others.
 * @param images [n, C, H, W] in [0,1].
 */
export async function strangeness(
  { runtime, rng }: { readonly runtime: Runtime; readonly rng: number },
  model: Denoiser,
  images: Floats,
  batch: number,
): Promise<number[]> {
  const { info } = model;
  const x = prepare(images, info.padding, info.range);
  const count = x.shape[0]!;
  const size = Math.min(batch, count);
  const level = levelAt(info, TIME);
  const { signalRate, noiseRate } = level;
  const noisy = combine(
    [signalRate, x],
    [noiseRate, normals({ seed: rng, purpose: 'strangeness' }, x.shape)],
  );
  const network = await createNetwork(runtime, model, size);
  const parts: Floats[] = [];
  try {
    for (let first = 0; first < count; first += size) {
      const part = filledRows(noisy, first, size);
      const clean = await network.clean(part, level);
      parts.push(rows(clean, 0, Math.min(size, count - first)));
    }
  } finally {
    await network.dispose();
  }
  return meanSquaredErrors(toPixels(concatRows(parts), info), images);
}
