import { describe, expect, test } from 'vitest';
import { type DifferentiateOptions, differentiate, pushForward } from '../../src/autodiff/differentiate.ts';
import { SeedbedError } from '../../src/errors.ts';
import { GraphBuilder, type Value } from '../../src/graph/builder.ts';
import { OPS } from '../../src/graph/infer.ts';
import type { Dim, Graph } from '../../src/graph/ir.ts';
import { float32, int64, type Tensor, toFloat16, toNumbers, zeros } from '../../src/tensor/tensor.ts';
import { runGraph, singleNode, thrownBy } from '../support.ts';

/** A graph with output y from float32 inputs x0, x1, ... of the given shapes. */
function graphOf(
  shapes: readonly (readonly Dim[])[],
  write: (b: GraphBuilder, ...x: readonly Value[]) => Value,
): Graph {
  const b = new GraphBuilder('small.onnx');
  const inputs = shapes.map((shape, i) => b.input(`x${i}`, 'float32', shape));
  return b.build({ y: write(b, ...inputs) });
}

/** The gradients of y for the given values of x0, x1, ... and a cotangent of ones unless another is given. */
async function gradients(
  graph: Graph,
  at: readonly Tensor[],
  options: Partial<DifferentiateOptions> = {},
  cotangent?: Tensor,
): Promise<Record<string, number[]>> {
  const gradient = differentiate(graph, { of: 'y', wrt: graph.inputs.map(i => i.name), ...options });
  const shape = gradient.inputs.at(-1)!.shape as number[];
  const ones = float32(shape, new Array(shape.reduce((p, d) => p * d, 1)).fill(1));
  const feeds = Object.fromEntries(at.map((value, i) => [`x${i}`, value]));
  const [results] = await runGraph(gradient, [{ ...feeds, 'grad/y': cotangent ?? ones }]);
  return Object.fromEntries(Object.entries(results!).map(([name, value]) => [name, toNumbers(value)]));
}

describe('hand-computed gradients', () => {
  test('the outputs stay, the gradient is multiplied by the cotangent', async () => {
    const graph = graphOf([[2]], (b, x) => b.mul(x, x));
    const results = await gradients(graph, [float32([2], [3, -1])], {}, float32([2], [1, 10]));
    expect(results).toEqual({ y: [9, 1], 'grad/x0': [6, -20] });
  });

  test('a value that is used several times gathers all its gradients', async () => {
    const graph = graphOf([[1]], (b, x) => b.add(b.mul(x, x), b.add(x, b.mul(b.scalar(3), x))));
    expect((await gradients(graph, [float32([1], [5])]))['grad/x0']).toEqual([2 * 5 + 1 + 3]);
  });

  test('an input without influence has a gradient of zeros', async () => {
    const graph = graphOf([[2], [3]], (b, x) => b.neg(x));
    const results = await gradients(graph, [float32([2], [1, 2]), float32([3], [1, 2, 3])]);
    expect(results['grad/x1']).toEqual([0, 0, 0]);
  });

  test('a row that attends to nothing, which a graph writes 0 for, has no gradient', async () => {
    const off = Number.NEGATIVE_INFINITY;
    const masked = (mask: readonly number[]) =>
      graphOf([[mask.length / 2, 2]], (b, x) => {
        const softmax = b.op('Softmax', [b.add(x, b.constant(float32([mask.length / 2, 2], mask)))]);
        const isNone = b.op('Not', [b.op('Equal', [softmax, softmax])]);
        const weights = b.constant(float32([1, 2], [1, 3]));
        return b.mul(b.op('Where', [isNone, b.scalar(0), softmax]), weights);
      });
    const x = [0.3, -0.2, 1, 2];
    const whole = await gradients(masked([0, 0]), [float32([1, 2], x.slice(0, 2))]);
    const half = await gradients(masked([0, 0, off, off]), [float32([2, 2], x)]);
    expect(half.y).toEqual([...whole.y!, 0, 0]);
    expect(half['grad/x0']).toEqual([...whole['grad/x0']!, 0, 0]);
  });

  test('a value that was repeated receives the sum', async () => {
    const graph = graphOf([[2, 3], [3], [2, 1], []], (b, x, row, column, scalar) =>
      b.add(b.add(x, row!), b.add(column!, scalar!)),
    );
    const at = [[2, 3], [3], [2, 1], []].map(shape =>
      float32(shape, new Array(shape.reduce((p, d) => p * d, 1)).fill(0)),
    );
    const results = await gradients(graph, at, {}, float32([2, 3], [1, 2, 3, 4, 5, 6]));
    expect(results['grad/x0']).toEqual([1, 2, 3, 4, 5, 6]);
    expect(results['grad/x1']).toEqual([5, 7, 9]);
    expect(results['grad/x2']).toEqual([6, 15]);
    expect(results['grad/x3']).toEqual([21]);
  });

  test('a mean hands every element its share', async () => {
    const graph = graphOf([[2, 2]], (b, x) => b.meanAll(x));
    expect((await gradients(graph, [float32([2, 2], [1, 2, 3, 4])]))['grad/x0']).toEqual([
      0.25, 0.25, 0.25, 0.25,
    ]);
  });

  test('the larger of two takes the gradient, equal ones share it', async () => {
    const graph = graphOf([[3], [3]], (b, x, y) => b.op('Max', [x, y!]));
    const results = await gradients(graph, [float32([3], [1, 5, 2]), float32([3], [4, 3, 2])]);
    expect(results['grad/x0']).toEqual([0, 1, 0.5]);
    expect(results['grad/x1']).toEqual([1, 0, 0.5]);
  });

  test('a power at 0 has the gradients of its limits, where it has any', async () => {
    const graph = graphOf([[4], [4]], (b, x, p) => b.pow(x, p!));
    const results = await gradients(graph, [float32([4], [0, 0, 0, 1]), float32([4], [0, 1, 2, 0])]);
    expect(results['grad/x0']).toEqual([0, 1, 0, 0]);
    expect(results['grad/x1']).toEqual([0, 0, 0, 0]);
    const constant = graphOf([[1]], (b, x) => b.pow(x, b.scalar(0)));
    expect((await gradients(constant, [float32([1], [0])]))['grad/x0']).toEqual([0]);
  });

  test('the length of a vector of zeros has no gradient', async () => {
    const x0 = float32([2, 2], [0, 0, 3, 4]);
    const graph = singleNode('ReduceL2', { x0 }, { axes: [1], keepdims: 0 }, { rank: 1 });
    const results = await gradients(graph, [x0]);
    expect(results.y).toEqual([0, 5]);
    expect(results['grad/x0']!.slice(0, 2)).toEqual([0, 0]);
    expect(results['grad/x0']![2]).toBeCloseTo(0.6, 6);
  });

  test('a constant output stays', async () => {
    const b = new GraphBuilder('shape');
    const x = b.input('x0', 'float32', [2]);
    const graph = b.build({ s: b.op('Shape', [x], {}, { outputs: ['s'] }), y: b.mul(x, x) });
    expect(await gradients(graph, [float32([2], [1, 2])])).toEqual({
      s: [2],
      y: [1, 4],
      'grad/x0': [2, 4],
    });
  });

  test('float16 weights may be cast to float32', async () => {
    const graph = graphOf([[2]], (b, x) => {
      const half = b.variable(toFloat16(float32([2], [3, 4])), 'half');
      return b.mul(x, b.cast(half, 'float32'));
    });
    expect((await gradients(graph, [float32([2], [1, 1])]))['grad/x0']).toEqual([3, 4]);
  });

  test('a table row looked up twice learns twice', async () => {
    const graph = graphOf([[3, 2]], (b, x) => b.op('Gather', [x, b.constant(int64([2, 0, 2]))]));
    const cotangent = float32([3, 2], [1, 2, 3, 4, 5, 6]);
    const results = await gradients(graph, [float32([3, 2], [0, 0, 0, 0, 0, 0])], {}, cotangent);
    expect(results['grad/x0']).toEqual([3, 4, 0, 0, 6, 8]);
  });

  test('pixels that a strided convolution never reads have no gradient', async () => {
    const kernel = float32([1, 1, 2], [10, 1]);
    const graph = graphOf([[1, 1, 6]], (b, x) => b.op('Conv', [x, b.constant(kernel)], { strides: [3] }));
    const results = await gradients(
      graph,
      [float32([1, 1, 6], [1, 2, 3, 4, 5, 6])],
      {},
      float32([1, 1, 2], [1, 2]),
    );
    expect(results).toEqual({ y: [12, 45], 'grad/x0': [10, 1, 0, 20, 2, 0] });
  });

  test('steps are flat: no gradient passes a Floor or a comparison', async () => {
    const graph = graphOf([[3]], (b, x) =>
      b.add(b.op('Floor', [x]), b.mul(x, b.cast(b.op('Greater', [x, b.scalar(1)]), 'float32'))),
    );
    expect((await gradients(graph, [float32([3], [0.5, 1.5, 2.5])]))['grad/x0']).toEqual([0, 1, 1]);
    const floor = graphOf([[2]], (b, x) => b.op('Floor', [x]));
    expect((await gradients(floor, [float32([2], [0.5, 1.5])]))['grad/x0']).toEqual([0, 0]);
  });

  test('the gradient of a weight is asked for by its name', async () => {
    const graph = graphOf([[1, 2]], (b, x) => {
      const weight = b.constant(float32([2, 2], [1, 2, 3, 4]), 'fc.weight');
      return b.matmul(x, weight);
    });
    const results = await gradients(graph, [float32([1, 2], [5, 7])], { wrt: ['fc.weight'] });
    expect(results).toEqual({ y: [26, 38], 'grad/fc.weight': [5, 5, 7, 7] });
  });

  test('also where its arithmetic could be done ahead of time, as in a Gemm with transB', async () => {
    const graph: Graph = {
      ...graphOf([[1, 2]], (b, x) => b.matmul(x, b.constant(float32([2, 1], [3, 4]), 'fc.weight'))),
      nodes: [
        { op: 'Gemm', name: 'fc', inputs: ['x0', 'fc.weight'], outputs: ['y'], attributes: { transB: 1 } },
      ],
      initializers: new Map([['fc.weight', float32([1, 2], [3, 4])]]),
    };
    const results = await gradients(graph, [float32([1, 2], [5, 7])], { wrt: ['fc.weight', 'x0'] });
    expect(results).toEqual({ y: [43], 'grad/fc.weight': [5, 7], 'grad/x0': [3, 4] });
  });

  test('the gradient of a value in the middle is asked for by its name', async () => {
    const graph = graphOf([[1]], (b, x) => b.mul(b.op('Exp', [x], {}, { outputs: ['middle'] }), b.scalar(3)));
    expect((await gradients(graph, [float32([1], [0])], { wrt: ['middle'] }))['grad/middle']).toEqual([3]);
  });

  test('a push-forward adds up the tangents of inputs that share one gradient', async () => {
    const graph = pushForward(
      graphOf([[2], [2]], (b, x, y) => b.add(x, y!)),
      { of: 'y', wrt: ['x0', 'x1'] },
    );
    const one = float32([2], [0, 0]);
    const tangents = { 'tangent/x0': float32([2], [1, 2]), 'tangent/x1': float32([2], [10, 20]) };
    const [results] = await runGraph(graph, [{ x0: one, x1: one, ...tangents }]);
    expect(toNumbers(results!['tangent/y']!)).toEqual([11, 22]);
  });
});

describe('open dimensions', () => {
  const graph = graphOf([['N', 3]], (b, x) => b.mul(x, x));

  test('must be bound, and the message says how', () => {
    const error = thrownBy(() => differentiate(graph, { of: 'y', wrt: ['x0'] })) as SeedbedError;
    expect(error).toBeInstanceOf(SeedbedError);
    expect(error.message).toMatch(/^small\.onnx: .*'N' of \[N,3\] has no size yet.*\(--bind N=1\)/);
  });

  test('are bound by name', () => {
    const gradient = differentiate(graph, { of: 'y', wrt: ['x0'], bind: { N: 2 } });
    expect(gradient.inputs.map(i => i.shape)).toEqual([
      [2, 3],
      [2, 3],
    ]);
    expect(gradient.outputs.map(o => [o.name, o.shape])).toEqual([
      ['y', [2, 3]],
      ['grad/x0', [2, 3]],
    ]);
  });
});

describe('refusals', () => {
  const node = (op: string, inputs: string[], attributes = {}): Graph => ({
    ...graphOf([[2]], (b, x) => b.neg(x)),
    nodes: [{ op, name: 'middle.7', inputs, outputs: ['y'], attributes }],
    initializers: new Map([['axes', int64([0])]]),
  });
  const refusal = (graph: Graph, options: Partial<DifferentiateOptions> = {}) => {
    const error = thrownBy(() => differentiate(graph, { of: 'y', wrt: ['x0'], file: 'my.onnx', ...options }));
    expect(error).toBeInstanceOf(SeedbedError);
    return error as SeedbedError;
  };

  test.each<[string, Graph, Partial<DifferentiateOptions>, string, RegExp]>([
    [
      'an unknown output',
      node('Neg', ['x0']),
      { of: 'z' },
      'BadArgument',
      /my\.onnx: no output is named 'z'\. It has: 'y'/,
    ],
    [
      'an unknown input',
      node('Neg', ['x0']),
      { wrt: ['x9'] },
      'BadArgument',
      /my\.onnx: no input is named 'x9'\. It has: 'x0'/,
    ],
    [
      'an integer output',
      node('Shape', ['x0']),
      {},
      'BadArgument',
      /my\.onnx: 'y' is int64; only floating-point/,
    ],
    [
      'an integer weight',
      node('ReduceSum', ['x0', 'axes']),
      { wrt: ['axes'] },
      'BadArgument',
      /my\.onnx: 'axes' is int64/,
    ],
    [
      'a float64 input',
      singleNode('Relu', { x0: zeros('float64', [2]) }, {}, { dtype: 'float64', rank: 1 }),
      {},
      'Unsupported',
      /my\.onnx: 'y' is float64: .* not supported\. Seedbed differentiates float32 graphs/,
    ],
    [
      'float16 arithmetic in the middle',
      graphOf([[2]], (b, x) => b.cast(b.neg(b.cast(x, 'float16')), 'float32')),
      {},
      'Unsupported',
      /my\.onnx: Cast 'Cast_1': '\w+' is float16: float16 computation is not supported/,
    ],
    [
      'an operator without a rule',
      node('ReduceProd', ['x0']),
      {},
      'Unsupported',
      /my\.onnx: ReduceProd 'middle\.7' has no gradient here: .*Mul/,
    ],
    [
      'a node whose input nothing produces',
      node('Neg', ['ghost']),
      {},
      'BadFile',
      /my\.onnx: Neg 'middle\.7': 'ghost' is used before/,
    ],
    ['a node without its inputs', node('Neg', []), {}, 'BadFile', /my\.onnx: Neg 'middle\.7'/],
  ])('%s', (_, graph, options, kind, message) => {
    const error = refusal(graph, options);
    expect(error.message).toMatch(message);
    expect(error.kind).toBe(kind);
  });

  test('an unsupported operator: the message names it, its node and the file, and lists what is supported', () => {
    const { kind, message } = refusal(node('Magic', ['x0']));
    expect(kind).toBe('Unsupported');
    expect(message).toMatch(/^my\.onnx: Magic 'middle\.7': this operator is not supported\. Supported are: /);
    for (const op of [...OPS, 'Gemm', 'LayerNormalization']) expect(message).toContain(op);
  });

  test("an operator with the name of one of JavaScript's own functions", () => {
    expect(refusal(node('toString', ['x0'])).kind).toBe('Unsupported');
  });
});
