import { clipPixels, cropImages, unstandardise } from '../data/pixels.ts';
import { channelRanges, nearest, seedAsPicture, shownChannels } from '../data/sheet.ts';
import { SeedbedError } from '../errors.ts';
import { average, psnr } from '../tensor/statistics.ts';
import { type Floats, rows, type Tensor, unstack } from '../tensor/tensor.ts';
import { type Denoiser, type DenoiserInfo, givesLatents, isOfLatents } from './info.ts';

/**
 * The size of the pictures that a model takes, without its padding: its autoencoder's, where it has one.
 * @returns [C, H, W], of the latents where a model of latents has none; [D] for a model of points.
 * @group Models
 * @example
 * import { loadModel, pictureShape, SHIPPED_DENOISER } from 'seedbed';
 * console.log(pictureShape(await loadModel(SHIPPED_DENOISER))); // prints [ 1, 28, 28 ]
 */
export function pictureShape(model: Denoiser): number[] {
  if (model.autoencoder) return model.autoencoder.info.shape;
  return model.info.shape.map((dim, axis) => (axis === 0 ? dim : dim - 2 * model.info.padding));
}

/**
 * Refuses bytes, and what runs from -1 to 1, which give themselves away by their means; what resampling left a little outside is
 * welcome.
 * @param wanted what takes pixels from 0 to 1, in words.
 * @throws {SeedbedError} BadArgument.
 */
export function requirePixels(wanted: string, images: Floats): void {
  const wrong = unstack(images)
    .map(({ data }) => average(data))
    .find(mean => !(mean >= 0 && mean <= 1));
  if (wrong !== undefined)
    throw new SeedbedError(
      'BadArgument',
      `${wanted}, got a picture with a mean of ${wrong.toPrecision(3)}. Divide bytes by 255`,
    );
}

/**
 * What a network's output [N, ...shape] shows. Pictures: pixels in [0,1], clipped, inside the padding; latents and points:
 * their numbers.
 */
export function toPixels(
  x0: Tensor<'float32'>,
  info: Pick<DenoiserInfo, 'range' | 'padding' | 'shape'>,
): Tensor<'float32'> {
  const data = unstandardise(x0, info.range);
  if (info.shape.length !== 3) return data;
  return cropImages(isOfLatents(info) ? data : clipPixels(data), info.padding);
}

/**
 * Seeds [n, ...shape] as pictures of the size of what they grow: each number drawn as a square where an autoencoder enlarges
 * them; of seeds of other than one or three channels, the first.
 */
export function seedPictures(
  {
    info,
    autoencoder,
  }: { readonly info: Pick<DenoiserInfo, 'padding'>; readonly autoencoder?: Denoiser['autoencoder'] },
  latent: Tensor<'float32'>,
): Tensor<'float32'>[] {
  const [, height = 0, width = 0] = autoencoder?.info.shape ?? [];
  return unstack(cropImages(latent, info.padding)).map(seed => {
    const drawn = seedAsPicture(shownChannels(seed));
    return autoencoder ? nearest(drawn, height, width) : drawn;
  });
}

/**
 * How what a denoiser grows is drawn: pictures as they are; latents by their first three channels (by the first where
 * there are fewer), each from its least to its greatest value in `scale`.
 * @param scale [n, C, H, W]
 */
export function drawing(model: Denoiser, scale: Floats): (values: Floats) => Tensor<'float32'>[] {
  return givesLatents(model) ? values => unstack(values).map(channelRanges(scale)) : unstack;
}

/**
 * Peak signal-to-noise ratio of each picture: its peak is 1 for pixels, of latents the span of the one that is wanted, 1 of a constant one.
 * @param wanted [n, C, H, W]
 */
export function psnrs(ofLatents: boolean, errors: readonly number[], wanted: Floats): number[] {
  return errors.map((mse, i) => psnr(mse, ofLatents ? span(rows(wanted, i, i + 1).data) || 1 : 1));
}

function span(values: Float32Array): number {
  const [least, greatest] = values.reduce(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)] as const,
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY] as const,
  );
  return greatest - least;
}
