import { expect, test } from 'vitest';
import { countFlops } from '../../bench/flops.ts';
import { GraphBuilder } from '../../src/graph/builder.ts';
import type { Graph } from '../../src/graph/ir.ts';
import { zeros } from '../../src/tensor/tensor.ts';
import { singleNode } from '../support.ts';

test('a convolution: output elements times taps times channels of the group, twice', () => {
  const b = new GraphBuilder('conv');
  const x = b.input('x', 'float32', ['N', 6, 8, 8]);
  const weight = b.constant(zeros('float32', [4, 3, 3, 3]), 'weight');
  const attributes = { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], group: 2 };
  const graph = b.build({ y: b.op('Conv', [x, weight], attributes) });
  // 5 pictures of 4 channels of 4x4, each element from 3 channels of 3x3.
  expect(countFlops(graph, { N: 5 })).toBe(2 * (5 * 4 * 4 * 4) * (3 * 3 * 3));
});

test('a transposed convolution: input elements times taps times output channels, twice', () => {
  const b = new GraphBuilder('conv');
  const x = b.input('x', 'float32', [1, 6, 8, 8]);
  const weight = b.constant(zeros('float32', [6, 4, 2, 2]), 'weight');
  const graph = b.build({ y: b.op('ConvTranspose', [x, weight], { kernel_shape: [2, 2], strides: [2, 2] }) });
  expect(countFlops(graph)).toBe(2 * (6 * 8 * 8) * (4 * 2 * 2));
});

test('a batched matrix product, and no operations for what is added and reshaped', () => {
  const b = new GraphBuilder('matmul');
  const product = b.matmul(b.input('left', 'float32', [7, 2, 3]), b.input('right', 'float32', [3, 4]));
  const graph = b.build({ sum: b.reshape(b.add(product, b.scalar(1)), [56]) });
  expect(countFlops(graph)).toBe(2 * 7 * 2 * 3 * 4);
});

test.each([
  ['Gemm', 'transA', 'transB'],
  ['FusedMatMul', 'transA', 'transB'],
])('%s, both sides transposed', (op, left, right) => {
  const graph: Graph = singleNode(
    op,
    { x: zeros('float32', [3, 2]), y: zeros('float32', [4, 3]) },
    { [left]: 1, [right]: 1 },
    { rank: 2 },
  );
  expect(countFlops(graph)).toBe(2 * 2 * 3 * 4);
});
