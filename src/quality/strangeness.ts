import { openConversion } from '../diffusion/conversion.ts';
import { askableAt } from '../diffusion/grid.ts';
import type { Denoiser } from '../diffusion/info.ts';
import { createNetwork } from '../diffusion/network.ts';
import { checkImages } from '../embedding/checks.ts';
import { requireWhole } from '../errors.ts';
import { sharedRuntime } from '../runtime/platform.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { normals } from '../tensor/random.ts';
import { combine, filledRows } from '../tensor/rowwise.ts';
import { meanSquaredErrors } from '../tensor/statistics.ts';
import { concatRows, type Floats, rows } from '../tensor/tensor.ts';

/** The diffusion time at which a picture is noised, low enough for its own detail to show through. */
const TIME = 0.3;

/**
 * How {@link strangeness} is measured.
 * @group Models
 */
export interface StrangenessOptions {
  /** Random number seed of the noise, a whole number from 0; 0. */
  readonly rng?: number | undefined;
  /** Pictures in work at once; 16. */
  readonly batch?: number | undefined;
  /** Where to compute; one that calls share, the default of {@link createRuntime}, unless given. */
  readonly runtime?: Runtime | undefined;
}

/**
 * How strange pictures are to a denoiser: the mean squared error of pixels with which it removes a little noise from each,
 * E |x0(s x + n epsilon) - x|^2 at diffusion time .3, by one draw. It restores pictures like those that it was trained on, and
 * changes others. The noise goes by a picture's place among those given: what is compared, such as pictures before and after a change, is
 * given as many at a time and in the same order.
 * @param images [n, C, H, W], pixels in [0,1], of the model's size without its padding ({@link pictureShape}).
 * Of a model with an autoencoder the noise is put into latents.
 * @returns a squared error for each picture; compare it with that of pictures of the model's kind.
 * @throws {SeedbedError} BadShape for pictures of another size, Machine when the device fails.
 * @group Models
 * @example
 * import { loadModel, readPicture, SHIPPED_DENOISER, strangeness } from 'seedbed';
 * const model = await loadModel(SHIPPED_DENOISER);
 * const [boot] = await strangeness(model, await readPicture('examples/fashion-mnist/9-ankle-boot.png', model));
 * const [portrait] = await strangeness(model, await readPicture('examples/faces/london-001.png', model));
 * console.log(portrait > 2 * boot); // prints true
 */
export async function strangeness(
  model: Denoiser,
  images: Floats,
  options: StrangenessOptions = {},
): Promise<number[]> {
  const { rng = 0, batch = 16, runtime = await sharedRuntime() } = options;
  requireWhole('rng', rng, 0);
  requireWhole('batch', batch, 1);
  checkImages(images, model);
  const count = images.shape[0]!;
  const size = Math.min(batch, count);
  const conversion = openConversion(runtime, model, size);
  const level = askableAt(model.info, TIME);
  const { signalRate, noiseRate } = level;
  const parts: Floats[] = [];
  try {
    const x = await conversion.toNetwork(images);
    const noisy = combine(
      [signalRate, x],
      [noiseRate, normals({ seed: rng, purpose: 'strangeness' }, x.shape)],
    );
    const network = await createNetwork(runtime, model, size);
    try {
      for (let first = 0; first < count; first += size) {
        const clean = await network.clean(filledRows(noisy, first, size), level);
        parts.push(rows(clean, 0, Math.min(size, count - first)));
      }
    } finally {
      await network.dispose();
    }
    return meanSquaredErrors(await conversion.toPictures(concatRows(parts)), images);
  } finally {
    await conversion.dispose();
  }
}
