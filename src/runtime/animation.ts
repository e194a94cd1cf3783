import sharp from 'sharp';
import type { Tensor } from '../tensor/tensor.ts';
import { encodePng } from './images.ts';

/**
 * A moving picture that begins again when it ends: an animated WebP file, lossless, each pixel drawn as a square.
 * @param frames [C, H, W] in [0,1], all of one size.
 * @param options.milliseconds that a frame is shown; 120.
 * @param options.side about how wide small frames are drawn; 256.
 */
export async function encodeAnimation(
  frames: readonly Tensor<'float32'>[],
  { milliseconds = 120, side = 256 } = {},
): Promise<Uint8Array> {
  const enlarged = frames.map(async frame => {
    const [, height = 1, width = 1] = frame.shape;
    const times = Math.max(1, Math.round(side / width));
    return sharp(await encodePng(frame))
      .toColourspace('srgb')
      .resize(width * times, height * times, { kernel: 'nearest' })
      .png()
      .toBuffer();
  });
  return sharp(await Promise.all(enlarged), { join: { animated: true } })
    .webp({ lossless: true, loop: 0, delay: frames.map(() => milliseconds) })
    .toBuffer();
}
