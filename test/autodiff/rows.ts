import { GraphBuilder, type Value } from '../../src/graph/builder.ts';
import { ONNX_DTYPES } from '../../src/graph/dtypes.ts';
import type { Op } from '../../src/graph/infer.ts';
import type { Attributes, Graph } from '../../src/graph/ir.ts';
import { fillUniform } from '../../src/tensor/random.ts';
import { float32, int64, sizeOf, type Tensor, tensor } from '../../src/tensor/tensor.ts';

/** How a row's inputs are filled: between two numbers, or apart from one another and from zero for what has kinks. */
type Values = readonly [number, number] | 'apart';

/** One case of a gradient rule: a node, which of its inputs are differentiated and what values they take. */
export interface Row {
  readonly title: string;
  readonly op: Op;
  readonly graph: Graph;
  /** The differentiated inputs' values by name. */
  readonly at: Readonly<Record<string, Tensor>>;
}

interface Settings {
  readonly values?: Values;
  /** How many outputs the node has; they are laid end to end. */
  readonly outputs?: number;
  /** Put where the single node would stand. */
  readonly build?: (b: GraphBuilder, inputs: readonly Value[]) => Value;
}

const APART = { values: 'apart' } as const;
const POSITIVE = { values: [0.8, 2] } as const;

/** A shape is a differentiated input, a tensor a constant one, '' one that is left out. */
function row(
  op: Op,
  inputs: readonly (readonly number[] | Tensor | '')[],
  attributes: Attributes = {},
  { values = [-1, 1], outputs = 1, build }: Settings = {},
): Row {
  const b = new GraphBuilder(op);
  const shapes = inputs.filter(input => Array.isArray(input)) as number[][];
  const filled = fill(shapes, values);
  const at: Record<string, Tensor> = {};
  const operands = inputs.map((input, i): Value => {
    if (input === '') return '';
    if ('dtype' in input) return b.constant(input);
    at[`x${i}`] = filled.shift()!;
    return b.input(`x${i}`, 'float32', input);
  });
  const produced = build ? [build(b, operands)] : b.node(op, operands, attributes, { outputs });
  const y =
    outputs === 1
      ? produced[0]!
      : b.concat(
          produced.map(v => b.reshape(v, [-1])),
          0,
        );
  const describe = (input: readonly number[] | Tensor | '') =>
    input && ('dtype' in input ? `${input.dtype} ${input.data}` : `[${input}]`);
  const title = `${op} ${inputs.map(describe).join(' ')} ${JSON.stringify(attributes)}`;
  return { title, op, graph: b.build({ y }), at };
}

function fill(shapes: readonly number[][], values: Values): Tensor<'float32'>[] {
  const count = shapes.reduce((sum, shape) => sum + sizeOf(shape), 0);
  const random = new Float64Array(count);
  fillUniform({ seed: 1, purpose: 'rows' }, 0, 0, random);
  // Apart: odd multiples of 1/8, each once, in random order.
  const order = [...random.keys()].sort((i, j) => random[i]! - random[j]!);
  const all =
    values === 'apart'
      ? order.map(place => (place - Math.floor(count / 2)) / 4 + 1 / 8)
      : Array.from(random, u => values[0] + u * (values[1] - values[0]));
  let start = 0;
  return shapes.map(shape => {
    start += sizeOf(shape);
    return float32(shape, all.slice(start - sizeOf(shape), start));
  });
}

const bools = (shape: number[], values: number[]) => tensor('bool', shape, Uint8Array.from(values));
const floats = (...values: number[]) => float32([values.length], values);
const scalar = (value: number) => float32([], [value]);

/** Equal shapes, either side smaller, both smaller, scalars, and axes of one in the middle. */
const BROADCASTS: readonly [number[], number[]][] = [
  [
    [2, 3],
    [2, 3],
  ],
  [[2, 3], [3]],
  [[3], [2, 3]],
  [
    [2, 3],
    [2, 1],
  ],
  [
    [2, 1],
    [1, 3],
  ],
  [[2, 3], []],
  [[], [2, 3]],
  [
    [2, 1, 3],
    [4, 1],
  ],
];

const SMOOTH = [
  ...(['Asinh', 'Atan', 'Cos', 'Cosh', 'Erf', 'Exp', 'Identity', 'Neg'] as const),
  ...(['Sigmoid', 'Sin', 'Sinh', 'Softplus', 'Tanh'] as const),
];
const KINKED = ['Abs', 'LeakyRelu', 'Relu'] as const;
const COORDINATES = ['half_pixel', 'pytorch_half_pixel', 'asymmetric', 'align_corners'] as const;
const NEAREST = ['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'] as const;
const UP = float32([4], [1, 1, 2, 1.5]);
const DOWN = float32([4], [1, 1, 0.6, 0.5]);

/** THE table of cases, at least one for every operator with a gradient rule. */
export const ROWS: readonly Row[] = [
  ...SMOOTH.map(op => row(op, [[2, 3]])),
  ...KINKED.map(op => row(op, [[2, 3]], {}, APART)),
  ...(['Log', 'Reciprocal', 'Sqrt'] as const).map(op => row(op, [[2, 3]], {}, POSITIVE)),
  ...(['Acos', 'Asin', 'Atanh', 'Tan'] as const).map(op => row(op, [[2, 3]], {}, { values: [-0.4, 0.4] })),
  row('Acosh', [[2, 3]], {}, { values: [1.5, 3] }),
  row('LeakyRelu', [[5]], { alpha: { float: 0.3 } }, APART),
  row('Elu', [[7]], { alpha: { float: 1.5 } }, APART),
  row('Elu', [[7]], { alpha: { float: -0.5 } }, APART),
  row('Cast', [[3]], { to: ONNX_DTYPES.float32 }),
  row('Clip', [[8], scalar(-0.5), scalar(0.5)], {}, APART),
  row('Clip', [[8], '', scalar(0.5)], {}, APART),
  row('Clip', [[8], scalar(0)], {}, APART),
  row(
    'Clip',
    [[8], [], []],
    {},
    { build: (b, [x, low, high]) => b.op('Clip', [b.mul(x!, b.scalar(9)), low!, b.add(high!, b.scalar(2))]) },
  ),

  ...BROADCASTS.flatMap(pair => [
    row('Add', pair),
    row('Sub', pair),
    row('Mul', pair),
    row('Div', pair, {}, POSITIVE),
    row('Pow', pair, {}, POSITIVE),
    row('Max', pair, {}, APART),
    row('Min', pair, {}, APART),
    row('Where', [bools([3], [1, 0, 1]), ...pair]),
  ]),
  row('Where', [bools([2, 2, 3], [1, 0, 0, 1, 1, 0, 0, 1, 0, 1, 0, 1]), [3], []]),
  row('Max', [[4], [4], [4]], {}, APART),
  row('Min', [[4], [2, 1], []], {}, APART),
  row('Mul', [[3], floats(1, -2, 3)]),
  row('Pow', [[4], scalar(3)]),
  row('Mod', [[5], scalar(0.7)], { fmod: 1 }, APART),
  row('Mod', [floats(1, -2.2, 5.3), [3]], { fmod: 1 }, POSITIVE),
  row('Pow', [[4], int64([2], [])]),
  row('Pow', [scalar(2), [3]]),

  row('MatMul', [
    [2, 3],
    [3, 2],
  ]),
  row('MatMul', [[3], [3]]),
  row('MatMul', [[2, 3], [3]]),
  row('MatMul', [[3], [3, 2]]),
  row('MatMul', [[3], [2, 3, 2]]),
  row('MatMul', [[2, 2, 3], [3]]),
  row('MatMul', [
    [2, 2, 3],
    [3, 2],
  ]),
  row('MatMul', [
    [2, 3],
    [2, 3, 1],
  ]),
  row('MatMul', [
    [2, 1, 2, 3],
    [3, 3, 2],
  ]),

  row('Conv', [
    [2, 2, 3, 3],
    [3, 2, 1, 1],
  ]),
  row('Conv', [[1, 2, 5, 4], [2, 2, 3, 3], [2]]),
  row(
    'Conv',
    [
      [2, 2, 4, 4],
      [2, 2, 3, 3],
    ],
    { pads: [1, 1, 1, 1] },
  ),
  row('Conv', [[1, 1, 6, 6], [2, 1, 5, 5], [2]], { pads: [2, 2, 2, 2] }),
  row(
    'Conv',
    [
      [1, 2, 5, 5],
      [2, 2, 2, 4],
    ],
    { pads: [1, 0, 0, 2] },
  ),
  row(
    'Conv',
    [
      [1, 2, 5, 6],
      [2, 2, 3, 2],
    ],
    { pads: [0, 2, 1, 0], strides: [2, 1] },
  ),
  row(
    'Conv',
    [
      [2, 2, 6, 6],
      [2, 2, 3, 3],
    ],
    { strides: [2, 2] },
  ),
  row(
    'Conv',
    [
      [1, 2, 7, 7],
      [2, 2, 2, 2],
    ],
    { strides: [3, 3] },
  ),
  row(
    'Conv',
    [
      [1, 2, 4, 4],
      [3, 2, 1, 1],
    ],
    { strides: [2, 2] },
  ),
  row(
    'Conv',
    [
      [1, 1, 4, 4],
      [1, 1, 1, 1],
    ],
    { pads: [1, 1, 1, 1] },
  ),
  row(
    'Conv',
    [
      [1, 2, 6, 7],
      [2, 2, 3, 2],
    ],
    { dilations: [2, 3], pads: [2, 1, 2, 1] },
  ),
  row(
    'Conv',
    [
      [1, 1, 8, 8],
      [1, 1, 3, 3],
    ],
    { dilations: [2, 2], strides: [2, 3] },
  ),
  row('Conv', [[2, 4, 4, 4], [6, 2, 3, 3], [6]], { group: 2, pads: [1, 1, 1, 1] }),
  row(
    'Conv',
    [
      [1, 4, 5, 5],
      [4, 2, 2, 3],
    ],
    { group: 2, strides: [2, 2], pads: [1, 0, 0, 1] },
  ),
  row(
    'Conv',
    [
      [1, 3, 5, 5],
      [3, 1, 3, 3],
    ],
    { group: 3, dilations: [2, 1] },
  ),
  row(
    'Conv',
    [
      [1, 2, 5, 5],
      [2, 2, 3, 3],
    ],
    { auto_pad: 'SAME_UPPER', strides: [2, 2] },
  ),
  row(
    'Conv',
    [
      [1, 2, 5, 5],
      [2, 2, 2, 2],
    ],
    { auto_pad: 'SAME_LOWER' },
  ),
  row('Conv', [[2, 2, 7], [3, 2, 3], [3]], { strides: [2], pads: [1, 1] }),
  row(
    'Conv',
    [
      [1, 1, 16, 16],
      [1, 1, 3, 3],
    ],
    { pads: [1, 1, 1, 1] },
  ),
  row('Conv', [
    [1, 1, 3, 4, 3],
    [1, 1, 2, 2, 2],
  ]),

  row('ConvTranspose', [[1, 2, 3, 3], [2, 3, 2, 2], [3]]),
  row(
    'ConvTranspose',
    [
      [2, 2, 3, 3],
      [2, 2, 3, 3],
    ],
    { strides: [2, 2], pads: [1, 1, 1, 1] },
  ),
  row(
    'ConvTranspose',
    [
      [1, 2, 3, 2],
      [2, 2, 3, 3],
    ],
    { strides: [2, 2], pads: [1, 1, 1, 1], output_padding: [1, 1] },
  ),
  row('ConvTranspose', [[1, 4, 3, 3], [4, 2, 3, 2], [4]], { group: 2, strides: [2, 1], pads: [0, 1, 1, 0] }),
  row(
    'ConvTranspose',
    [
      [1, 1, 3, 3],
      [1, 2, 2, 2],
    ],
    { dilations: [2, 2] },
  ),
  row(
    'ConvTranspose',
    [
      [1, 2, 4],
      [2, 2, 3],
    ],
    { strides: [3], output_padding: [2] },
  ),

  row('AveragePool', [[1, 2, 4, 6]], { kernel_shape: [2, 3], strides: [2, 3] }),
  row('AveragePool', [[1, 1, 5, 5]], { kernel_shape: [2, 2], strides: [2, 2] }),
  row('AveragePool', [[1, 1, 5, 5]], { kernel_shape: [3, 2] }),
  row('AveragePool', [[1, 1, 4, 4]], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }),
  row('AveragePool', [[1, 1, 4, 4]], { kernel_shape: [3, 3], pads: [1, 1, 1, 1], count_include_pad: 1 }),
  row('AveragePool', [[1, 1, 6, 5]], { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 }),
  row('AveragePool', [[1, 1, 6, 5]], {
    kernel_shape: [3, 3],
    strides: [2, 3],
    pads: [1, 0, 0, 1],
    ceil_mode: 1,
  }),
  row('AveragePool', [[1, 1, 6, 5]], {
    kernel_shape: [3, 2],
    strides: [2, 2],
    pads: [1, 0, 1, 1],
    ceil_mode: 1,
    count_include_pad: 1,
  }),
  row('AveragePool', [[1, 1, 5, 5]], { kernel_shape: [2, 2], strides: [2, 2], auto_pad: 'SAME_UPPER' }),
  // Rounding up would begin a last window in the padding behind the data: there is none.
  row('AveragePool', [[1, 1, 5]], { kernel_shape: [2], strides: [3], pads: [1, 1], ceil_mode: 1 }),
  row('AveragePool', [[1, 2, 7]], { kernel_shape: [3], strides: [2] }),
  row('MaxPool', [[1, 2, 4, 4]], { kernel_shape: [2, 2], strides: [2, 2] }, APART),
  row('MaxPool', [[2, 1, 5, 5]], { kernel_shape: [3, 3], strides: [1, 2] }, APART),
  row('MaxPool', [[1, 1, 5, 5]], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }, APART),
  row('MaxPool', [[2, 1, 4, 6]], { kernel_shape: [2, 2], strides: [2, 2], storage_order: 1 }, APART),
  row('MaxPool', [[1, 1, 6, 6]], { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 }, APART),

  ...[UP, DOWN].flatMap(scales => [
    ...COORDINATES.flatMap(coordinate_transformation_mode => [
      ...NEAREST.map(nearest_mode =>
        row('Resize', [[1, 1, 3, 4], '', scales], {
          mode: 'nearest',
          coordinate_transformation_mode,
          nearest_mode,
        }),
      ),
      row('Resize', [[1, 1, 3, 4], '', scales], { mode: 'linear', coordinate_transformation_mode }),
      ...[0, 1].map(exclude_outside =>
        row('Resize', [[1, 1, 4, 5], '', scales], {
          mode: 'cubic',
          coordinate_transformation_mode,
          exclude_outside,
        }),
      ),
    ]),
  ]),
  row('Resize', [[1, 2, 3, 4], '', '', int64([1, 2, 5, 7])], { mode: 'linear' }),
  row('Resize', [[1, 1, 4, 4], '', '', int64([1, 1, 6, 3])], {
    mode: 'cubic',
    cubic_coeff_a: { float: -0.5 },
  }),
  // A source of 2 / (2/3) is 3 in float32 alone.
  row('Resize', [[1, 1, 1, 6], '', float32([4], [1, 1, 1, 2 / 3])], {
    mode: 'nearest',
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
  }),
  // Three pixels stay three: they are copied.
  row('Resize', [[1, 1, 2, 3], '', float32([4], [1, 1, 1, 1.3])], { mode: 'linear' }),
  row('Resize', [[1, 2, 4], '', float32([3], [1, 1, 2])], { mode: 'linear' }),

  row('BatchNormalization', [
    [2, 3, 2, 2],
    floats(0.5, -1, 2),
    floats(0, 1, -1),
    floats(0.1, 0.2, 0.3),
    floats(1, 0.5, 2),
  ]),
  row('BatchNormalization', [[2, 2, 3], [2], [2], [2], [2]], { epsilon: { float: 0.1 } }, POSITIVE),
  row('Softmax', [[2, 4]]),
  row('Softmax', [[2, 3, 2]], { axis: 1 }),
  row('LogSoftmax', [[2, 4]]),
  row('LogSoftmax', [[3, 2, 2]], { axis: -3 }),

  ...(['ReduceMax', 'ReduceMean', 'ReduceMin'] as const).flatMap(op => [
    row(op, [[2, 3]], {}, APART),
    row(op, [[2, 3, 2]], { axes: [1] }, APART),
    row(op, [[2, 3, 2]], { axes: [-1, 0], keepdims: 0 }, APART),
  ]),
  row('CumSum', [[2, 3], int64([1], [])]),
  row('CumSum', [[3, 2], int64([-2], [])], { exclusive: 1 }),
  row('CumSum', [[4], int64([0], [])], { reverse: 1 }),
  row('CumSum', [[4], int64([0], [])], { reverse: 1, exclusive: 1 }),
  ...[
    { axis: 1, largest: 1 },
    { axis: 0, largest: 0 },
  ].map(attributes =>
    row('TopK', [[3, 4], int64([2])], attributes, {
      values: 'apart',
      build: (b, inputs) => b.node('TopK', inputs, attributes, { outputs: 2 })[0]!,
    }),
  ),
  row('ReduceSum', [[2, 3]], { keepdims: 0 }),
  row('ReduceSum', [[2, 3, 2], int64([1, -1])]),
  row('ReduceSum', [[2, 3, 2], int64([0])], { keepdims: 0 }),
  row('ReduceSum', [[2, 3], int64([])], { noop_with_empty_axes: 1 }),

  row(
    'Concat',
    [[2, 1], [2, 3], floats(1, 2)],
    { axis: -1 },
    { build: (b, [p, q, r]) => b.concat([p!, q!, b.reshape(r!, [2, 1])], -1) },
  ),
  row(
    'Concat',
    [
      [1, 2],
      [3, 2],
    ],
    { axis: 0 },
  ),
  row('Expand', [[3, 1], int64([2, 1, 4])]),
  row('Expand', [[], int64([2, 2])]),
  row('Flatten', [[2, 3, 2]], { axis: 2 }),
  row('Flatten', [[2, 3]], { axis: 0 }),
  row('Gather', [[4, 2], int64([1, 1, -1, 0, 1])]),
  row('Gather', [[2, 3, 2], int64([2, -3, 0, 0], [2, 2])], { axis: 1 }),
  row('Gather', [[3, 2], int64([-1], [])], { axis: -1 }),
  row('GatherElements', [[3, 2], int64([0, 2, 0, -1], [2, 2])]),
  row('GatherElements', [[2, 3], int64([0, 0, 2, 1], [2, 2])], { axis: -1 }),
  row('ScatterElements', [[3, 2], int64([0, 0, 2, 0], [2, 2]), [2, 2]], { reduction: 'add' }),
  row('ScatterElements', [[2, 3], int64([0, 2], [2, 1]), [2, 1]], { axis: 1 }),
  row('ScatterND', [[3, 2], int64([2, 0], [2, 1]), [2, 2]]),
  row('ScatterND', [[3, 2], int64([0, 1, -1, 0, 0, 1], [3, 2]), [3]], { reduction: 'add' }),
  row('GatherND', [[3, 2], int64([0, 1, 2, 0, 0, 1], [3, 2])]),
  row('GatherND', [[2, 3, 2], int64([1, 0, -2, 2], [2, 2])]),
  row('GatherND', [[2, 3, 2], int64([2, 0], [2, 1])], { batch_dims: 1 }),
  row('Pad', [[2, 3], int64([1, 0, 0, 2])]),
  row('Pad', [[3, 4], int64([-1, 1, 2, -2]), scalar(5)]),
  row('Pad', [[2, 2], int64([0, 1, 1, 1]), []]),
  row('Reshape', [[2, 6], int64([3, -1, 2])]),
  row('Reshape', [[2, 3, 2], int64([0, -1])]),
  row('Slice', [[5, 3], int64([1]), int64([4])]),
  row('Slice', [[5], int64([4]), int64([-6]), int64([0]), int64([-1])]),
  row('Slice', [[5], int64([-100]), int64([-1000]), int64([0]), int64([-1])]),
  row('Slice', [[5], int64([3]), int64([0]), int64([0]), int64([-1])]),
  row('Slice', [[7], int64([1]), int64([100]), int64([0]), int64([2])]),
  row('Slice', [[7], int64([-1]), int64([0]), int64([-1]), int64([-2])]),
  row('Slice', [[4, 5, 3], int64([0, -1, 1]), int64([4, 0, 3]), int64([0, 1, -1]), int64([2, -2, 1])]),
  row('Split', [[5, 2], int64([1, 3, 1])], { axis: 0 }, { outputs: 3 }),
  row('Split', [[2, 4], int64([2, 2])], { axis: -1 }, { outputs: 2 }),
  row(
    'Split',
    [[2, 5], int64([2, 3])],
    { axis: 1 },
    { build: (b, [x, sizes]) => b.node('Split', [x!, sizes!], { axis: 1 }, { outputs: 2 })[1]! },
  ),
  row('Squeeze', [[1, 3, 1], int64([0])]),
  row('Squeeze', [[1, 3, 1]]),
  row('Tile', [[2, 3], int64([2, 1])]),
  row('Tile', [[1, 2, 2], int64([3, 2, 2])]),
  row('Transpose', [[2, 3]]),
  row('Transpose', [[2, 3, 4]], { perm: [2, 0, 1] }),
  row('Unsqueeze', [[3, 2], int64([0, -1])]),
];
