import { applyPalette, GIFEncoder, quantize } from 'gifenc';
import type { Floats } from '../engine/engine.ts';
import { rgbaOf } from './pixels.tsx';

/** Milliseconds that a frame of an animated picture is shown. */
const FRAME = 110;
/** About how wide small frames are drawn. */
const SIDE = 256;

/** One item of [n, C, H, W] on a canvas, each pixel a square. */
function enlarged(frames: Floats, at: number, times: number): OffscreenCanvas {
  const image = rgbaOf(frames, at);
  const small = new OffscreenCanvas(image.width, image.height);
  small.getContext('2d')!.putImageData(image, 0, 0);
  const large = new OffscreenCanvas(image.width * times, image.height * times);
  const context = large.getContext('2d', { willReadFrequently: true })!;
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, large.width, large.height);
  return large;
}

const timesFor = ({ shape }: Floats) => Math.max(1, Math.round(SIDE / shape.at(-1)!));

/** A GIF that goes through pictures [n, C, H, W] and back again, and begins anew. */
export async function animated(frames: Floats): Promise<Blob> {
  const encoder = GIFEncoder();
  const count = frames.shape[0]!;
  const order = [...Array(count).keys(), ...[...Array(count).keys()].slice(1, -1).reverse()];
  for (const at of order) {
    const canvas = enlarged(frames, at, timesFor(frames));
    const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
    const palette = quantize(data, 256);
    encoder.writeFrame(applyPalette(data, palette), canvas.width, canvas.height, { palette, delay: FRAME });
    // Frames are drawn on the page's thread, one between two breaths of it.
    await new Promise(resolve => setTimeout(resolve));
  }
  encoder.finish();
  return new Blob([encoder.bytes() as BlobPart], { type: 'image/gif' });
}

/** Rows of pictures as one PNG. */
export async function strip(rows: readonly Floats[]): Promise<Blob> {
  const times = Math.max(1, Math.round(timesFor(rows[0]!) / 2));
  const [height, width] = rows[0]!.shape.slice(-2).map(side => side * times) as [number, number];
  const gap = 4;
  const count = Math.max(...rows.map(({ shape }) => shape[0]!));
  const sheet = new OffscreenCanvas(count * (width + gap) - gap, rows.length * (height + gap) - gap);
  const context = sheet.getContext('2d')!;
  context.fillStyle = 'white';
  context.fillRect(0, 0, sheet.width, sheet.height);
  rows.forEach((row, y) => {
    for (let x = 0; x < row.shape[0]!; x++)
      context.drawImage(enlarged(row, x, times), x * (width + gap), y * (height + gap));
  });
  return sheet.convertToBlob({ type: 'image/png' });
}
