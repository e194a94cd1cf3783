import { describe, expect, test } from 'vitest';
import { checkGradient } from '../../src/autodiff/check.ts';
import { differentiate } from '../../src/autodiff/differentiate.ts';
import type { Attributes } from '../../src/graph/ir.ts';
import { LOWERINGS } from '../../src/graph/lower.ts';
import { bind } from '../../src/graph/replay.ts';
import { float32, int64, sizeOf, type Tensor, tensor, toNumbers } from '../../src/tensor/tensor.ts';
import { frozen, relativeError, runGraph, singleNode, wave } from '../support.ts';

/** What a mask holds for a key that is not attended to. */
const NEVER = Number.NEGATIVE_INFINITY;

interface Case {
  readonly x: Tensor;
  /** Further operands, which are weights. */
  readonly with?: readonly Tensor[];
  readonly attributes?: Attributes;
  readonly opset?: number;
  /** Whether its gradient is compared with differences, too: where it is smooth. */
  readonly smooth?: true;
}

/** A call of every composite operator; the runtime knows it too, in the operator set given. */
const COMPOSITES: Readonly<Record<string, readonly Case[]>> = {
  Attention: [
    { x: wave(2, 2, 3, 4), with: [wave(2, 1, 5, 4), wave(2, 1, 5, 2)], opset: 23, smooth: true },
    {
      x: wave(1, 3, 8),
      with: [wave(1, 3, 8), wave(1, 3, 8), wave(3, 3)],
      attributes: { q_num_heads: 2, kv_num_heads: 2, softcap: { float: 1.5 }, scale: { float: 0.3 } },
      opset: 24,
      smooth: true,
    },
    {
      x: wave(1, 2, 3, 4),
      with: [
        wave(1, 2, 3, 4),
        wave(1, 2, 3, 4),
        tensor('bool', [3, 3], Uint8Array.of(1, 0, 0, 0, 1, 1, 1, 1, 0)),
      ],
      attributes: { is_causal: 1 },
      opset: 23,
      smooth: true,
    },
    // A query that may attend to no key.
    {
      x: wave(1, 1, 2, 4),
      with: [wave(1, 1, 3, 4), wave(1, 1, 3, 4), float32([2, 3], [0.5, NEVER, 0, NEVER, NEVER, NEVER])],
      opset: 23,
    },
  ],
  CastLike: [{ x: wave(3), with: [tensor('int32', [1], Int32Array.of(0))] }],
  Celu: [{ x: wave(5) }, { x: wave(5), attributes: { alpha: { float: 0.3 } } }],
  CenterCropPad: [{ x: wave(4, 3), with: [int64([1, 6])], opset: 18, smooth: true }],
  Col2Im: [
    {
      x: wave(1, 8, 6),
      with: [int64([5, 7]), int64([2, 2])],
      attributes: { strides: [2, 2] },
      opset: 18,
      smooth: true,
    },
  ],
  Constant: [],
  DepthToSpace: [
    { x: wave(1, 8, 2, 3), attributes: { blocksize: 2 } },
    { x: wave(1, 8, 2, 3), attributes: { blocksize: 2, mode: 'CRD' } },
  ],
  DequantizeLinear: [
    {
      x: tensor('uint8', [2, 3], Uint8Array.of(0, 7, 255, 128, 3, 1)),
      with: [float32([], [0.5]), tensor('uint8', [], Uint8Array.of(128))],
    },
    { x: tensor('int8', [2, 3], Int8Array.of(0, 7, -1, 127, -128, 1)), with: [float32([3], [0.5, 2, -1])] },
    // A scale for each block of two rows, the last of which is of one.
    {
      x: tensor('uint8', [3, 2], Uint8Array.of(0, 7, 255, 128, 3, 1)),
      with: [float32([2, 2], [0.5, 2, -1, 3]), tensor('uint8', [2, 2], Uint8Array.of(1, 2, 3, 4))],
      attributes: { axis: 0, block_size: 2 },
      opset: 21,
    },
    // One scale for a vector, its axis left out.
    { x: tensor('int8', [3], Int8Array.of(0, 7, -1)), with: [float32([], [0.5])] },
  ],
  Dropout: [{ x: wave(4) }, { x: wave(4), with: [float32([], [0.5]), tensor('bool', [], Uint8Array.of(0))] }],
  Einsum: [{ x: wave(2, 3), with: [wave(3, 2)], attributes: { equation: 'ij,jk->ki' } }],
  EyeLike: [{ x: wave(2, 3), attributes: { k: 1 } }],
  Gelu: [
    { x: wave(5), opset: 20 },
    { x: wave(5), opset: 20, attributes: { approximate: 'tanh' } },
  ],
  Gemm: [
    { x: wave(2, 3), with: [wave(3, 4)] },
    {
      x: wave(3, 2),
      with: [wave(4, 3), wave(4)],
      attributes: { transA: 1, transB: 1, alpha: { float: 0.5 }, beta: { float: 2 } },
    },
  ],
  GlobalAveragePool: [{ x: wave(2, 3, 4, 2) }],
  GlobalMaxPool: [{ x: wave(2, 3, 4, 2) }],
  GridSample: ['zeros', 'border', 'reflection'].flatMap(padding_mode => [
    ...[
      { mode: 'bilinear', smooth: true as const },
      { mode: 'nearest' },
      { mode: 'bicubic', smooth: true as const },
    ].flatMap(({ mode, ...rest }) =>
      [0, 1].map(align_corners => ({
        x: wave(2, 2, 3, 4),
        with: [wave(2, 2, 3, 2)],
        attributes: { mode, padding_mode, align_corners },
        opset: 16,
        ...rest,
      })),
    ),
    // Halfway between pixels, inside and outside.
    {
      x: wave(1, 1, 1, 3),
      with: [
        float32(
          [1, 1, 9, 2],
          [-6, -5, -4, -2, 0, 2, 4, 5, 6].flatMap(thirds => [thirds / 3, 0]),
        ),
      ],
      attributes: { mode: 'nearest', padding_mode },
      opset: 16,
    },
  ]),
  GroupNormalization: [
    { x: wave(2, 4, 3), with: [wave(4), wave(4)], attributes: { num_groups: 2 }, opset: 21 },
    { x: wave(2, 4, 3), with: [wave(2), wave(2)], attributes: { num_groups: 2 }, opset: 18 },
  ],
  HardSigmoid: [{ x: wave(9) }, { x: wave(9), attributes: { alpha: { float: 0.5 }, beta: { float: 0.1 } } }],
  HardSwish: [{ x: float32([5], [-4, -1, 0, 2, 5]) }],
  InstanceNormalization: [
    { x: wave(2, 3, 4), with: [wave(3), wave(3)], attributes: { epsilon: { float: 0.1 } } },
  ],
  IsInf: [
    { x: float32([4], [1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) },
    {
      x: float32([2], [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]),
      attributes: { detect_positive: 0 },
    },
  ],
  IsNaN: [{ x: float32([3], [1, Number.NaN, Number.POSITIVE_INFINITY]) }],
  LayerNormalization: [
    { x: wave(2, 3, 4), with: [wave(4), wave(4)] },
    { x: wave(2, 3, 4), with: [wave(3, 4)], attributes: { axis: 1 } },
  ],
  LpNormalization: [
    { x: wave(2, 3), attributes: { p: 1 } },
    { x: wave(2, 3), attributes: { axis: 0 }, smooth: true },
  ],
  Mean: [{ x: wave(2, 3), with: [wave(3), wave(1)] }],
  MeanVarianceNormalization: [{ x: wave(2, 3, 2, 2), smooth: true }],
  Mish: [{ x: wave(5), opset: 18 }],
  OneHot: [
    { x: int64([1, -1, 0, 5]), with: [int64([3], []), float32([2], [0.5, 2])] },
    { x: int64([0, 1, 1, 0], [2, 2]), with: [int64([2], []), float32([2], [0, 1])], attributes: { axis: 0 } },
  ],
  PRelu: [{ x: wave(2, 3), with: [wave(3)] }],
  ReduceL1: [{ x: wave(2, 3, 2), attributes: { axes: [1] } }],
  ReduceL2: [
    { x: wave(2, 3, 2), attributes: { axes: [-1], keepdims: 0 } },
    { x: wave(2, 3), with: [int64([0])], opset: 18 },
  ],
  ReduceLogSum: [{ x: float32([2, 2], [1, 2, 3, 4]), attributes: { axes: [0] } }],
  ReduceLogSumExp: [
    { x: float32([2, 2], [1, 200, 3, -4]), attributes: { axes: [1] } },
    { x: wave(2, 3, 2), attributes: { axes: [0, -1], keepdims: 0 } },
    { x: wave(2, 3), with: [int64([0])], opset: 18 },
  ],
  ReduceSumSquare: [{ x: wave(2, 3) }],
  RMSNormalization: [
    { x: wave(2, 3, 4), with: [wave(3, 4)], attributes: { axis: 1 }, opset: 23, smooth: true },
  ],
  RotaryEmbedding: [
    {
      x: wave(2, 3, 12),
      with: [wave(5, 2), wave(5, 2), int64([0, 1, 2, 4, 3, 2], [2, 3])],
      attributes: { num_heads: 2, rotary_embedding_dim: 4, interleaved: 1 },
      opset: 23,
      smooth: true,
    },
  ],
  Selu: [{ x: wave(5) }, { x: wave(5), attributes: { alpha: { float: 2 }, gamma: { float: 0.5 } } }],
  Shrink: [{ x: wave(9), attributes: { lambd: { float: 1 }, bias: { float: 0.25 } } }],
  Size: [{ x: wave(2, 3) }],
  Softsign: [{ x: wave(5) }],
  SpaceToDepth: [{ x: wave(1, 2, 4, 6), attributes: { blocksize: 2 } }],
  Sum: [{ x: wave(2, 3), with: [wave(3), wave(2, 1)] }],
  Swish: [{ x: wave(5), attributes: { alpha: { float: 1.5 } }, opset: 24, smooth: true }],
  ThresholdedRelu: [{ x: wave(9) }],
  Trilu: [
    { x: wave(3, 4) },
    { x: int64([1, 2, 3, 4, 5, 6], [2, 3]) },
    { x: wave(2, 3, 3), with: [int64([-1], [])], attributes: { upper: 0 } },
  ],
  Xor: [
    {
      x: tensor('bool', [4], Uint8Array.of(0, 0, 1, 1)),
      with: [tensor('bool', [4], Uint8Array.of(0, 1, 0, 1))],
    },
  ],
};

describe('composite operators in plain ones give what the runtime gives', () => {
  test('every composite operator is tested', () => {
    expect(Object.keys(COMPOSITES).sort()).toEqual(Object.keys(LOWERINGS).sort());
  });

  const cases = Object.entries(COMPOSITES).flatMap(([op, list]) => list.map(one => [op, one] as const));
  test.each(cases)('%s %#', async (op, { x, with: weights = [], attributes = {}, opset = 17, smooth }) => {
    const named = Object.fromEntries(weights.map((weight, i) => [`w${i}`, weight]));
    const graph = frozen(singleNode(op, { x, ...named }, attributes, { opset }), named);
    const plain = bind(graph);
    const [want] = await runGraph({ ...graph, outputs: plain.outputs }, [{ x }]);
    const [got] = await runGraph(plain, [{ x }]);
    expect(plain.outputs[0]).toMatchObject({ dtype: want!.y!.dtype, shape: want!.y!.shape });
    expect(relativeError(got!.y!, want!.y!)).toBeLessThan(1e-5);
    if (smooth)
      expect(await checkGradient(runGraph, plain, { of: 'y', wrt: ['x'], at: { x } })).toBeLessThan(1e-3);
  });
});

describe('where a plain formula would give no number', () => {
  const gradientOf = async (
    op: string,
    x: Tensor<'float32'>,
    attributes: Attributes,
    weights: Tensor[] = [],
  ) => {
    const named = Object.fromEntries(weights.map((weight, i) => [`w${i}`, weight]));
    const plain = bind(frozen(singleNode(op, { x, ...named }, attributes), named));
    const gradient = differentiate(plain, { of: 'y', wrt: ['x'] });
    const [, dy] = gradient.inputs;
    const ones = float32(dy!.shape as number[], new Array(sizeOf(dy!.shape as number[])).fill(1));
    const [results] = await runGraph(gradient, [{ x, [dy!.name]: ones }]);
    return toNumbers(results!['grad/x']!);
  };

  test('ReduceLogSumExp of infinities is infinite', async () => {
    const x = float32([3, 2], [NEVER, NEVER, NEVER, 1, -NEVER, 1]);
    const [got] = await runGraph(bind(singleNode('ReduceLogSumExp', { x }, { axes: [1], keepdims: 0 })), [
      { x },
    ]);
    expect(toNumbers(got!.y!)).toEqual([NEVER, 1, -NEVER]);
  });

  test('no gradient passes the deviation of equal values', async () => {
    const x = float32([1, 1, 2, 2], [3, 3, 3, 3]);
    expect((await gradientOf('MeanVarianceNormalization', x, {})).every(Number.isFinite)).toBe(true);
  });

  test('PRelu has at 0 the slope below it, as in PyTorch', async () => {
    expect(await gradientOf('PRelu', float32([3], [-1, 0, 1]), {}, [float32([1], [0.25])])).toEqual([
      0.25, 0.25, 1,
    ]);
  });
});
