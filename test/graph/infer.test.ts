import { expect, test } from 'vitest';
import { isSeedbedError } from '../../src/errors.ts';
import { GraphBuilder } from '../../src/graph/builder.ts';
import type { Op } from '../../src/graph/infer.ts';
import type { Attributes, Dim } from '../../src/graph/ir.ts';
import { float32, int64, type Tensor } from '../../src/tensor/tensor.ts';
import { thrownBy } from '../support.ts';

type Operand = readonly Dim[] | Tensor;

/** The shapes of a node's outputs; an operand is the shape of an input or a constant. */
function shapesOf(op: Op, operands: readonly Operand[], attributes: Attributes = {}, outputs = 1) {
  const b = new GraphBuilder('infer');
  const inputs = operands.map((operand, i) =>
    'dtype' in operand ? b.constant(operand) : b.input(`x${i}`, 'float32', operand),
  );
  return b.node(op, inputs, attributes, { name: 'down.0', outputs }).map(value => b.type(value).shape);
}

test.each<[Op, Operand[], Attributes, readonly Dim[]]>([
  [
    'Add',
    [
      ['N', 1, 4],
      [3, 1],
    ],
    {},
    ['N', 3, 4],
  ],
  [
    'MatMul',
    [
      ['N', 3],
      [3, 5],
    ],
    {},
    ['N', 5],
  ],
  [
    'Conv',
    [['N', 3, 32, 32], int64(new Array(8 * 3 * 9).fill(0), [8, 3, 3, 3])],
    { pads: [1, 1, 1, 1], strides: [2, 2] },
    ['N', 8, 16, 16],
  ],
  ['AveragePool', [['N', 8, 7, 7]], { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 }, ['N', 8, 4, 4]],
  [
    'Concat',
    [
      ['N', 3],
      ['N', 4],
    ],
    { axis: -1 },
    ['N', 7],
  ],
  ['Reshape', [['N', 4, 6], int64([0, 3, -1])], {}, ['N', 3, 8]],
  ['Flatten', [['N', 4, 6]], {}, ['N', 24]],
  // In float32, 30 times 0.7 is 21; in double precision it is a little less.
  ['Resize', [['N', 30], int64([]), float32([2], [1, 0.7])], {}, ['N', 21]],
  ['Slice', [['N', 9], int64([-1]), int64([-100]), int64([1]), int64([-2])], {}, ['N', 5]],
  ['ReduceMean', [['N', 4, 6]], { axes: [1], keepdims: 0 }, ['N', 6]],
  ['Transpose', [['N', 4, 6]], { perm: [2, 0, 1] }, [6, 'N', 4]],
  ['Tile', [['N', 4], int64([1, 3])], {}, ['N', 12]],
])('%s keeps open dimensions open', (op, operands, attributes, shape) => {
  expect(shapesOf(op, operands, attributes)).toEqual([shape]);
});

test.each<[Op, Operand[], Attributes, RegExp]>([
  ['Add', [[2, 3], [2]], {}, /shapes \[2,3\] and \[2\] do not broadcast/],
  [
    'Mul',
    [
      ['N', 3],
      ['M', 3],
    ],
    {},
    /shapes \[N,3\] and \[M,3\] do not broadcast/,
  ],
  [
    'MatMul',
    [
      [2, 3],
      [4, 5],
    ],
    {},
    /cannot multiply \[2,3\] by \[4,5\]/,
  ],
  [
    'Conv',
    [
      [1, 3, 8, 8],
      [4, 2, 3, 3],
    ],
    {},
    /input has 3 channels, the weights \[4,2,3,3\] in 1 group\(s\) take 2/,
  ],
  [
    'Conv',
    [
      [1, 2, 2, 8],
      [4, 2, 3, 3],
    ],
    {},
    /kernel of 3 does not fit into 2 padded pixels/,
  ],
  [
    'Concat',
    [
      [2, 3],
      [3, 3],
    ],
    { axis: 1 },
    /cannot join shapes \[2,3\], \[3,3\] on axis 1/,
  ],
  ['Reshape', [[2, 3], int64([4, -1])], {}, /cannot reshape \[2,3\] to \[4,-1\]/],
  ['Reshape', [['N', 3], int64([-1])], {}, /dimension 'N' of \[N,3\] has no size yet\. Bind it/],
  [
    'ReduceSum',
    [[2, 3], [1]],
    {},
    /its axes depend on data, or on operators that are not computed ahead; Seedbed needs them fixed/,
  ],
  ['Squeeze', [[1, 3], [1]], {}, /its axes depend on data/],
  ['Split', [[4], [1]], {}, /its sizes depend on data/],
  ['Slice', [[4], int64([0]), int64([2]), [1]], {}, /its axes depend on data/],
  ['Slice', [[4], int64([0]), int64([2]), int64([0]), [1]], {}, /its steps depend on data/],
  ['Resize', [[1, 4], int64([]), float32([2], [1, 2]), [2]], {}, /its sizes depend on data/],
  ['Resize', [[1, 4], int64([]), [2]], {}, /its scales depend on data/],
  ['Add', [[2], int64([1, 2])], {}, /operands have different types, float32 and int64/],
  ['Less', [[2], int64([1, 2])], {}, /operands have different types, float32 and int64/],
  ['Where', [[2], [2], int64([1, 2])], {}, /operands have different types, float32 and int64/],
  [
    'Reshape',
    [['N', 'T', 64], int64([0, 0, 8, 8])],
    {},
    /dimension 'N' of \[N,T,64\] has no size yet\. Bind it/,
  ],
  [
    'Reshape',
    [[2, 3], [1]],
    {},
    /its shape depend on data, or on operators that are not computed ahead; Seedbed needs them fixed/,
  ],
  ['Softmax', [], {}, /input 0 is missing/],
  ['Sub', [[2]], {}, /input 1 is missing/],
  ['Pow', [[2]], {}, /input 1 is missing/],
  ['Where', [[2], [2]], {}, /input 2 is missing/],
  ['ReduceSum', [[2, 3], int64([2])], {}, /axis 2 is outside a tensor of rank 2/],
  ['Squeeze', [[2, 3], int64([0])], {}, /cannot squeeze axes \[0\] of \[2,3\]/],
  ['Unsqueeze', [[2], int64([0, 0])], {}, /axes \[0,0\] name one axis twice/],
  ['Split', [[5], int64([2, 2])], {}, /parts of 2 \+ 2 do not make up 5/],
  ['Transpose', [[2, 3]], { perm: [0, 2] }, /\[0,2\] does not order the axes of \[2,3\]/],
  ['Pad', [[2], int64([-1, -2])], {}, /its output would have the impossible shape \[-1\]/],
])('%s refuses in words that name the node', (op, operands, attributes, message) => {
  const error = thrownBy(() => shapesOf(op, operands, attributes)) as Error;
  expect(isSeedbedError(error), String(error)).toBe(true);
  expect(error.message).toContain(`${op} 'down.0': `);
  expect(error.message).toMatch(message);
});
