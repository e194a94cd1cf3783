import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { backward } from '../../src/autodiff/backward.ts';
import { GraphBuilder } from '../../src/graph/builder.ts';
import type { Graph } from '../../src/graph/ir.ts';
import { serializeModel } from '../../src/graph/protobuf.ts';
import { computesWeights, withFastConvolutions } from '../../src/runtime/convolutions.ts';
import { createEngine, type Ort } from '../../src/runtime/engine.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import { blockSizeOf } from '../../src/runtime/probe.ts';
import type { Engine } from '../../src/runtime/runtime.ts';
import { normals } from '../../src/tensor/random.ts';
import { type Floats, float32, toNumbers } from '../../src/tensor/tensor.ts';
import { relativeError } from '../support.ts';

const native = (await import('onnxruntime-node').catch(() => undefined)) as { default: Ort } | undefined;
const engine = native && createEngine(native.default, { intraOpNumThreads: 1 });
/** Channels of a block on this machine. */
const size = engine && (await blockSizeOf(engine));

interface Case {
  readonly batch: number;
  readonly from: number;
  readonly to: number;
  readonly side: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly dilation?: number;
}

/** A convolution with computed weights, and its gradients on picture and weights. */
function gradients({ batch, from, to, side, kernel, stride = 1, dilation = 1 }: Case) {
  const b = new GraphBuilder('convolution');
  const x = b.input('x', 'float32', [batch, from, side, side]);
  const weight = b.input('weight', 'float32', [to, from, kernel, kernel]);
  const pad = Math.floor(((kernel - 1) * dilation) / 2);
  const y = b.op('Conv', [x, weight], {
    strides: [stride, stride],
    dilations: [dilation, dilation],
    pads: [pad, pad, pad, pad],
  });
  const cotangent = b.input('cotangent', 'float32', b.shape(y));
  const [dx, dw] = backward(b, new Map([[y, cotangent]]), [x, weight]);
  const graph = b.build({ y, dx: dx!, dw: dw! });
  const feeds = Object.fromEntries(
    graph.inputs.map(({ name, shape }) => [name, normals({ seed: 1, purpose: name }, shape as number[])]),
  );
  return { graph, feeds };
}

async function runOn(engine: Engine, graph: Graph, feeds: Record<string, Floats>) {
  const session = await engine.load(serializeModel(graph));
  return engine.run(session, feeds).finally(() => engine.release(session));
}

const domains = ({ nodes }: Graph) => new Set(nodes.map(({ domain }) => domain ?? 'ai.onnx'));

describe.skipIf(!engine)('convolutions with computed weights', () => {
  const differs = async (given: Case) => {
    const { graph, feeds } = gradients(given);
    const want = await runOn(engine!, graph, feeds);
    const fast = [undefined, size].map(block => withFastConvolutions(graph, block));
    const found = await Promise.all(fast.map(form => runOn(engine!, form, feeds)));
    const errors = found.flatMap(got =>
      Object.keys(want).map(name => relativeError(got[name]!, want[name]!)),
    );
    return { error: Math.max(...errors), domains: fast.map(domains) };
  };

  test('of a graph that only looks like a gradient keep their bias, and their sizes', async () => {
    const like = (strides: number[], biased: boolean) => {
      const b = new GraphBuilder('like');
      const x = b.input('x', 'float32', [3, 2, 5, 5]);
      const weight = b.input('weight', 'float32', [3, 4, 4, 4]);
      const swapped = [x, weight].map(value => b.transpose(value, [1, 0, 2, 3]));
      const bias = biased ? [b.input('bias', 'float32', [4])] : [];
      return b.build({ y: b.op('Conv', [...swapped, ...bias], { strides }) });
    };
    for (const graph of [like([1, 1], true), like([2, 2], false)]) {
      const feeds = Object.fromEntries(
        graph.inputs.map(({ name, shape }) => [name, normals({ seed: 2, purpose: name }, shape as number[])]),
      );
      const want = await runOn(engine!, graph, feeds);
      for (const block of [undefined, size]) {
        const got = await runOn(engine!, withFastConvolutions(graph, block), feeds);
        expect(relativeError(got.y!, want.y!)).toBeLessThan(1e-5);
      }
    }
  });

  test('give what they give as they stand, whatever their sizes', async () => {
    const sizes = fc.record({
      batch: fc.constantFrom(1, 3, 8, 16),
      from: fc.constantFrom(1, 3, 8, 16, 32),
      to: fc.constantFrom(2, 8, 16, 32),
      side: fc.integer({ min: 5, max: 12 }),
      kernel: fc.constantFrom(1, 2, 3, 5),
      stride: fc.constantFrom(1, 1, 2),
      dilation: fc.constantFrom(1, 1, 2),
    });
    await fc.assert(
      fc.asyncProperty(sizes, async given => {
        expect((await differs(given)).error).toBeLessThan(2e-6);
      }),
      { numRuns: 25, seed: 4 },
    );
  });

  test.skipIf(!size)('of whole blocks go on blocked kernels, forward and back', async () => {
    const { error, domains } = await differs({ batch: 16, from: 32, to: 16, side: 8, kernel: 3 });
    expect(error).toBeLessThan(2e-6);
    expect(domains).toEqual([new Set(['ai.onnx']), new Set(['ai.onnx', 'com.microsoft.nchwc'])]);
  });

  test('of many pictures, whose weight gradients are summed up in strips', async () => {
    const { error } = await differs({ batch: 32, from: 16, to: 48, side: 32, kernel: 3 });
    expect(error).toBeLessThan(5e-6);
  });

  test('leave what lies between them in blocks: arithmetic, numbers of each channel, means', async () => {
    const b = new GraphBuilder('block');
    const x = b.input('x', 'float32', [2, 16, 8, 8]);
    const weights = ['one', 'two'].map(name => b.input(name, 'float32', [16, 16, 3, 3]));
    const conv = (picture: string, i: number) => b.op('Conv', [picture, weights[i]!], { pads: [1, 1, 1, 1] });
    const inner = b.swish(conv(x, 0));
    const centred = b.sub(inner, b.mean(inner, [0, 2, 3]));
    const y = b.add(x, conv(b.mul(centred, b.scalar(3)), 1));
    const loss = b.sumAll(b.mul(y, y));
    const [one, two] = backward(b, new Map([[loss, b.scalar(1)]]), weights);
    const sums = b.sum(y, [0, 2, 3], false);
    const graph = b.build({ y, sums, first: one!, second: two! });
    const feeds = Object.fromEntries(
      graph.inputs.map(({ name, shape }) => [name, normals({ seed: 1, purpose: name }, shape as number[])]),
    );
    const want = await runOn(engine!, graph, feeds);
    const fast = withFastConvolutions(graph, size);
    const got = await runOn(engine!, fast, feeds);
    for (const name of Object.keys(want)) expect(relativeError(got[name]!, want[name]!)).toBeLessThan(5e-6);
    const sigmoid = fast.nodes.find(({ op }) => op === 'Sigmoid')!;
    const before = fast.nodes.find(({ outputs }) => outputs[0] === sigmoid.inputs[0])!;
    expect(before).toMatchObject({ op: 'Conv', ...(size && { domain: 'com.microsoft.nchwc' }) });
  });
});

test('weights that are padded first are framed without a Pad, which ONNX Runtime would take for one on the picture', async () => {
  const b = new GraphBuilder('padded weights');
  const [x, weight] = [b.input('x', 'float32', [1, 1, 4, 4]), b.input('weight', 'float32', [1, 1, 2, 3])];
  const y = b.op('Conv', [x, b.pad(weight, [0, 0, 1, 0], [0, 0, 0, -1])]);
  const runtime = await createRuntime({ threads: 1 });
  const session = await runtime.load(b.build({ y }));
  const picture = float32(
    [1, 1, 4, 4],
    Array.from({ length: 16 }, (_, i) => i),
  );
  const given = float32([1, 1, 2, 3], [1, 0, 9, 0, 2, 9]);
  // Rows of taps: none, [1, 0], [0, 2].
  const want = [0, 1, 2, 4, 5, 6].map(i => i + 4 + 2 * (i + 9));
  expect(toNumbers((await session.run({ x: picture, weight: given })).y!)).toEqual(want);
  await session.dispose();
});

test('a frame of another number than zero is that number', async () => {
  const b = new GraphBuilder('framed weights');
  const [x, weight] = [b.input('x', 'float32', [1, 1, 2, 2]), b.input('weight', 'float32', [1, 1, 1, 2])];
  const framed = b.op('Pad', [weight, b.ints([0, 0, 1, 0, 0, 0, 0, 0]), b.scalar(5)]);
  const runtime = await createRuntime({ threads: 1 });
  const session = await runtime.load(b.build({ y: b.op('Conv', [x, framed]) }));
  const given = { x: float32([1, 1, 2, 2], [1, 2, 3, 4]), weight: float32([1, 1, 1, 2], [10, 100]) };
  expect(toNumbers((await session.run(given)).y!)).toEqual([5 * (1 + 2) + 10 * 3 + 100 * 4]);
  await session.dispose();
});

test('graphs of constant weights, or with open shapes, are left as they are', () => {
  const b = new GraphBuilder('constant');
  const x = b.input('x', 'float32', ['N', 1, 4, 4]);
  const open = b.build({ y: b.op('Conv', [x, b.input('weight', 'float32', [1, 1, 3, 3])]) });
  expect(computesWeights(open)).toBe(false);
  const c = new GraphBuilder('constant');
  const weight = c.constant(float32([1, 1, 3, 3], new Array(9).fill(1)), 'weight');
  const y = c.op('Conv', [c.input('x', 'float32', [1, 1, 4, 4]), weight]);
  expect(computesWeights(c.build({ y }))).toBe(false);
  expect(computesWeights(gradients({ batch: 1, from: 1, to: 1, side: 3, kernel: 1 }).graph)).toBe(true);
});

describe('the block of an engine', () => {
  /** An engine whose blocked kernels have a size of their own, and give nonsense for any other. */
  const engineOf = (own: number | undefined): Engine => {
    let blocked = 0;
    return {
      load: async model => {
        const text = new TextDecoder('latin1').decode(model);
        blocked = text.includes('nchwc') ? Number(/Reshape/.test(text)) * (sizes.shift() ?? 0) : 0;
        if (blocked && own === undefined) throw new Error('no such operator');
        return blocked;
      },
      run: async session => ({
        y: float32([1, 16, 8, 8], new Array(1024).fill(session === 0 || session === own ? 0.5 : 0.7)),
      }),
      release: async () => {},
    };
  };
  const sizes: number[] = [];

  test.each([
    [16, 16],
    [8, 8],
    [4, undefined],
    [undefined, undefined],
  ])('is what agrees with plain convolutions: of %s it is %s', async (own, found) => {
    sizes.splice(0, 9, 16, 8);
    expect(await blockSizeOf(engineOf(own))).toBe(found);
  });
});
