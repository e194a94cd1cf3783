import sharp from 'sharp';
import { messageOf, SeedbedError } from '../errors.ts';
import { MOST_PIXELS } from './picture.ts';

/** The density at which a pixel of an SVG is one of the picture. */
const DENSITY = 72;

/**
 * The PNG file of an SVG figure, on white.
 * @param scale pixels of the picture for one of the figure, from 0.1 to 16.
 * @throws {SeedbedError} BadArgument when the scale is out of range, or the text is no SVG.
 * @example await writeAtomic('loss.png', await svgToPng(lineFigure(loss)))
 */
export async function svgToPng(svg: string, scale = 2): Promise<Uint8Array> {
  if (!(scale >= 0.1 && scale <= 16))
    throw new SeedbedError('BadArgument', `the scale of a figure is from 0.1 to 16, got ${scale}`);
  const bytes = new TextEncoder().encode(svg);
  return sharp(bytes, { density: DENSITY * scale, limitInputPixels: MOST_PIXELS })
    .flatten({ background: '#fff' })
    .png({ compressionLevel: 9 })
    .toBuffer()
    .catch(cause => {
      throw new SeedbedError('BadArgument', `cannot draw the SVG as PNG: ${messageOf(cause)}`, { cause });
    });
}
