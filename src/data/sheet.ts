import { SeedbedError } from '../errors.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { float32, sizeOf, zeros } from '../tensor/tensor.ts';
import { clipPixels } from './pixels.ts';

const BACKGROUND = 0.94;
/** About the width, in pixels, at which a small picture can be looked at. */
const CELL = 96;

/**
 * A grid of pictures of one size on a light background, each pixel drawn as a square.
 * @param rows of pictures [C, H, W] in [0,1], C 1 or 3; grey ones are drawn in colour where any has colour. Rows
 * may be shorter than others.
 * @param options.scale side of the square of a pixel; such that a picture is about 96 wide if left out.
 * @param options.gap pixels between pictures and around them.
 * @returns [C, H, W] in [0,1].
 * @throws {SeedbedError} BadShape when there are no pictures or they differ in size.
 * @example await encodePng(contactSheet([originals, reconstructions]))
 */
export function contactSheet(
  rows: readonly (readonly Tensor<'float32'>[])[],
  options: { readonly scale?: number; readonly gap?: number } = {},
): Tensor<'float32'> {
  const pictures = rows.flat();
  const [, height = 0, width = 0] = pictures[0]?.shape ?? [];
  const misfit = pictures.find(({ shape: [c, h, w, ...more] }) => {
    return more.length > 0 || (c !== 1 && c !== 3) || h !== height || w !== width;
  });
  if (misfit || height * width === 0) {
    const got = misfit ? `[${misfit.shape}] beside [${pictures[0]?.shape}]` : 'none';
    throw new SeedbedError(
      'BadShape',
      `contactSheet: expected pictures [1 or 3, H, W] of one size, got ${got}`,
    );
  }
  const { scale = Math.max(1, Math.round(CELL / width)), gap = 4 } = options;
  const channels = pictures.some(picture => picture.shape[0] === 3) ? 3 : 1;
  const columns = Math.max(...rows.map(row => row.length));
  const sheet = zeros('float32', [
    channels,
    gap + rows.length * (height * scale + gap),
    gap + columns * (width * scale + gap),
  ]);
  sheet.data.fill(BACKGROUND);
  for (const [r, row] of rows.entries()) {
    for (const [c, picture] of row.entries()) {
      draw(picture, sheet, gap + r * (height * scale + gap), gap + c * (width * scale + gap), scale);
    }
  }
  return sheet;
}

/** Copies a picture, enlarged, to the sheet with its upper left corner at (top, left). */
function draw(
  picture: Tensor<'float32'>,
  sheet: Tensor<'float32'>,
  top: number,
  left: number,
  scale: number,
): void {
  const [channels = 0, height = 0, width = 0] = picture.shape;
  const [sheetChannels = 0, sheetHeight = 0, sheetWidth = 0] = sheet.shape;
  for (let c = 0; c < sheetChannels; c++) {
    const plane = Math.min(c, channels - 1) * height * width;
    for (let y = 0; y < height * scale; y++) {
      const from = plane + Math.floor(y / scale) * width;
      const to = (c * sheetHeight + top + y) * sheetWidth + left;
      for (let x = 0; x < width * scale; x++)
        sheet.data[to + x] = picture.data[from + Math.floor(x / scale)]!;
    }
  }
}

/** The channels of [C, H, W] that can be seen at once: the first three, or the first where there are fewer. */
export function shownChannels({
  shape: [channels = 0, ...size],
  data,
}: Tensor<'float32'>): Tensor<'float32'> {
  const shown = channels < 3 ? 1 : 3;
  return float32([shown, ...size], data.slice(0, shown * sizeOf(size)));
}

/**
 * Draws [C, H, W] by its {@link shownChannels}, each from its least to its greatest value in `scale` and clipped there.
 * @param scale [n, C, H, W]
 */
export function channelRanges(scale: Tensor<'float32'>): (values: Tensor<'float32'>) => Tensor<'float32'> {
  const plane = sizeOf(scale.shape.slice(2));
  const [, channels = 0] = scale.shape;
  const channelOf = (i: number) => Math.floor(i / plane) % channels;
  const low = new Float64Array(channels).fill(Number.POSITIVE_INFINITY);
  const high = new Float64Array(channels).fill(Number.NEGATIVE_INFINITY);
  for (const [i, value] of scale.data.entries()) {
    const c = channelOf(i);
    low[c] = Math.min(low[c]!, value);
    high[c] = Math.max(high[c]!, value);
  }
  return values => {
    const { shape, data } = shownChannels(values);
    const width = (c: number) => high[c]! - low[c]! || 1;
    const drawn = data.map((value, i) => (value - low[channelOf(i)]!) / width(channelOf(i)));
    return clipPixels(float32(shape, drawn));
  };
}

/** A picture [C, H, W] at another size, each pixel that of the nearest. */
export function nearest(
  { shape: [channels = 0, height = 0, width = 0], data }: Tensor<'float32'>,
  newHeight: number,
  newWidth: number,
): Tensor<'float32'> {
  const result = zeros('float32', [channels, newHeight, newWidth]);
  for (let i = 0; i < result.data.length; i++) {
    const [x, row] = [i % newWidth, Math.floor(i / newWidth)];
    const [y, c] = [row % newHeight, Math.floor(row / newHeight)];
    const from = (c * height + Math.floor((y * height) / newHeight)) * width;
    result.data[i] = data[from + Math.floor((x * width) / newWidth)]!;
  }
  return result;
}

/** Standard normal noise, [C, H, W], as a picture: 1/2 + z / 6, three deviations either way within [0,1]. */
export function seedAsPicture(latent: Tensor<'float32'>): Tensor<'float32'> {
  return clipPixels(
    float32(
      latent.shape,
      latent.data.map(z => 0.5 + z / 6),
    ),
  );
}
