import { createEffect, Show } from 'solid-js';
import type { Floats } from '../engine/engine.ts';

/** Coordinates of a seed beyond this are drawn black or white. */
const REACH = 2.5;

export interface PixelsProps {
  /** [n, C, H, W], pixels in [0,1]; or seeds, which are noise about 0. */
  readonly of: Floats | undefined;
  /** Which of the n. */
  readonly at?: number;
  /** Whether they are seeds. */
  readonly seed?: boolean;
  /** What it shows, for those who do not see it. */
  readonly label: string;
}

/** The bytes of one item, RGBA. */
export function rgbaOf({ shape, data }: Floats, at = 0, seed = false): ImageData {
  const [channels = 1, height = 1, width = 1] = shape.slice(1);
  const plane = height * width;
  const rgba = new Uint8ClampedArray(4 * plane).fill(255);
  const first = at * channels * plane;
  for (let i = 0; i < plane; i++) {
    for (let c = 0; c < 3; c++) {
      const value = data[first + (channels === 3 ? c : 0) * plane + i]!;
      rgba[4 * i + c] = 255 * (seed ? value / (2 * REACH) + 0.5 : value);
    }
  }
  return new ImageData(rgba, width, height);
}

/** A picture or a seed, a square for each pixel. */
export function Pixels(props: PixelsProps) {
  return (
    <div class="pixels" role="img" aria-label={props.label}>
      <Show when={props.of} fallback={<div class="blank" />}>
        {of => {
          const [height, width] = of().shape.slice(-2);
          const canvas = (<canvas width={width} height={height} />) as HTMLCanvasElement;
          createEffect(() => {
            const tensor = props.of;
            const at = props.at ?? 0;
            if (!tensor || at >= tensor.shape[0]!) return;
            const image = rgbaOf(tensor, at, props.seed ?? false);
            if (canvas.width !== image.width) canvas.width = image.width;
            if (canvas.height !== image.height) canvas.height = image.height;
            canvas.getContext('2d')!.putImageData(image, 0, 0);
          });
          return canvas;
        }}
      </Show>
    </div>
  );
}
