import { expect, test } from 'vitest';
import { GraphBuilder, type Value } from '../../src/graph/builder.ts';
import { type Interpolation, interpolationMatrix } from '../../src/graph/interpolation.ts';
import { float32, int64, toNumbers } from '../../src/tensor/tensor.ts';
import { runGraph } from '../support.ts';

const SIZES = [1, 2, 3, 6, 7, 16, 29, 30];
const SCALES = [0.3, 0.5, 2 / 3, 0.7, 0.9, 1.1, 1.3, 1.5, 2, 3.3];
const COORDINATES = [
  'half_pixel',
  'pytorch_half_pixel',
  'half_pixel_symmetric',
  'asymmetric',
  'align_corners',
];
const KERNELS = [
  ...['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'].map(nearest => ({
    mode: 'nearest',
    nearest,
  })),
  { mode: 'linear', nearest: 'floor' },
  { mode: 'cubic', nearest: 'floor' },
];
const cases = COORDINATES.flatMap(coordinates => KERNELS.map(kernel => ({ ...kernel, coordinates })));

interface Resized {
  readonly value: Value;
  readonly to: number;
  readonly scale: number;
}

/** Resizes of x to every size that the scales give, by scale and by size. */
function resizes(b: GraphBuilder, x: Value, from: number, how: Interpolation): Resized[] {
  const attributes = {
    mode: how.mode,
    coordinate_transformation_mode: how.coordinates,
    nearest_mode: how.nearest,
  };
  return SCALES.flatMap(scale => {
    const scales = b.constant(float32([4], [1, 1, 1, scale]));
    const byScale = b.op('Resize', [x, '', scales], attributes);
    const to = b.shape(byScale)[3]!;
    // The runtime copies what keeps its size.
    if (to === 0 || to === from) return [];
    const bySize = b.op('Resize', [x, '', '', b.constant(int64([from, 1, 1, to]))], attributes);
    return [
      { value: byScale, to, scale: Math.fround(scale) },
      { value: bySize, to, scale: Math.fround(to / from) },
    ];
  });
}

test.each(cases)('the runtime reads the pixels of $mode $nearest $coordinates', async kernel => {
  const how = { ...kernel, cubic: -0.75, excludeOutside: false, antialias: false };
  for (const from of SIZES) {
    const b = new GraphBuilder('resize');
    const resized = resizes(b, b.input('x', 'float32', [from, 1, 1, from]), from, how);
    const graph = b.build(Object.fromEntries(resized.map(({ value }, i) => [`y${i}`, value])));
    // Of the identity matrix, the resize gives its own matrix, transposed.
    const identity = Array.from({ length: from * from }, (_, i) => Number(i % (from + 1) === 0));
    const [results] = await runGraph(graph, [{ x: float32([from, 1, 1, from], identity) }]);
    for (const [i, { to, scale }] of resized.entries()) {
      const label = `${from} to ${to} by ${scale}`;
      const result = results![`y${i}`]!;
      expect(result.shape, label).toEqual([from, 1, 1, to]);
      const got = toNumbers(result);
      const matrix = interpolationMatrix(from, to, scale, how);
      const off = matrix.flatMap((row, out) =>
        row.map((weight, at) => Math.abs(weight - got[at * to + out]!)),
      );
      expect(Math.max(...off), label).toBeLessThan(1e-5);
    }
  }
});
