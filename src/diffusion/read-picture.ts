import { SeedbedError } from '../errors.ts';
import type { Fit } from '../runtime/picture.ts';
import { decodeImage, readSource } from '../runtime/platform.ts';
import type { Source } from '../runtime/source.ts';
import { float32, type Tensor } from '../tensor/tensor.ts';
import type { Denoiser } from './info.ts';
import { pictureShape } from './pictures.ts';

/**
 * How {@link readPicture} makes a picture fit.
 * @group Files
 */
export interface PictureOptions {
  /** Of a picture of another shape than the model's, its centre (`crop`, unless given) or all of it (`squeeze`). */
  readonly fit?: Fit | undefined;
  /** Told what was done to the picture, in words; nothing where it is of the model's size and colours. */
  readonly onChanges?: ((changes: readonly string[]) => void) | undefined;
}

/**
 * Reads a picture at the size and in the colours that a model takes, the same pixels on Node and in the browser: its
 * centre, resized by Lanczos' filter; grey is the luma .299 R + .587 G + .114 B (ITU-R BT.601). Colours are taken from the
 * picture's profile to sRGB, and transparency is laid on black. A picture that fits exactly keeps its pixels.
 * @param source where the picture is, as for {@link loadModel}: PNG, JPEG or WebP, at most 2^27 pixels.
 * @param shape of a model's pictures, or [C, H, W] with one channel or three.
 * @returns [1, C, H, W], pixels in [0,1].
 * @throws {SeedbedError} BadShape for a model of anything but grey or colour pictures, BadArgument when there is no such file, BadFile when it is damaged or not a picture.
 * @group Files
 * @example
 * import { loadModel, readPicture, SHIPPED_DENOISER } from 'seedbed';
 * const model = await loadModel(SHIPPED_DENOISER);
 * const picture = await readPicture('examples/fashion-mnist/9-ankle-boot.png', model);
 * console.log(picture.shape); // prints [ 1, 1, 28, 28 ]
 */
export async function readPicture(
  source: Source,
  shape: Denoiser | readonly [channels: 1 | 3, height: number, width: number],
  { fit, onChanges }: PictureOptions = {},
): Promise<Tensor<'float32'>> {
  const wanted = 'info' in shape ? pictureShape(shape) : shape;
  const [channels, ...size] = wanted as [1 | 3, number, number];
  if (wanted.length !== 3 || (channels !== 1 && channels !== 3))
    throw new SeedbedError(
      'BadShape',
      `readPicture: gives pictures of one channel or three, [C, H, W], and not [${wanted}]; a model of latents takes pictures with its autoencoder`,
    );
  const { bytes, name } = await readSource(source);
  const { pixels, changes } = await decodeImage(bytes, name, { size, channels, fit });
  if (changes.length > 0) onChanges?.(changes);
  return float32([1, ...pixels.shape], pixels.data);
}
