import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { differentiate } from '../../src/autodiff/differentiate.ts';
import type { Graph } from '../../src/graph/ir.ts';
import { parseModel, serializeModel } from '../../src/graph/protobuf.ts';
import { bind } from '../../src/graph/replay.ts';
import { normals } from '../../src/tensor/random.ts';
import { float32, int64, type Tensor } from '../../src/tensor/tensor.ts';
import { runGraph } from '../support.ts';

const folder = new URL('../../../shared/data/checkpoints/', import.meta.url);
const pathOf = (name: string) => new URL(`${name}/${name}.onnx`, folder);

interface Names {
  readonly sample: string;
  readonly time: string;
  readonly batch: string;
  readonly output: string;
}

/** How far the gradient along a random direction is from the central difference, relative to it. */
async function gradientError(graph: Graph, at: number, names: Names): Promise<number> {
  const bound = bind(graph, { [names.batch]: 1 });
  const shape = bound.inputs.find(({ name }) => name === names.sample)!.shape as number[];
  const noise = (purpose: string) => normals({ seed: 0, purpose }, shape);
  const [sample, direction, cotangent] = [noise('sample'), noise('direction'), noise('cotangent')];
  const feeds = { [names.time]: int64([at]) };
  const step = 1e-2;
  const moved = [step, -step].map(by => ({
    ...feeds,
    [names.sample]: float32(
      shape,
      sample.data.map((value, i) => value + by * direction.data[i]!),
    ),
  }));
  const [above, below] = (await runGraph(bound, moved)).map(result => dot(result[names.output]!, cotangent));
  const difference = (above! - below!) / (2 * step);

  const gradient = differentiate(bound, { of: names.output, wrt: [names.sample] });
  const [result] = await runGraph(gradient, [
    { ...feeds, [names.sample]: sample, [`grad/${names.output}`]: cotangent },
  ]);
  const slope = dot(result![`grad/${names.sample}`]!, direction);
  return Math.abs(slope - difference) / Math.abs(difference);
}

function dot(a: Tensor, b: Tensor): number {
  return (a as Tensor<'float32'>).data.reduce(
    (sum, value, i) => sum + value * (b as Tensor<'float32'>).data[i]!,
    0,
  );
}

describe.skipIf(!existsSync(pathOf('anime64')))(
  'a U-Net of 63 million weights, stored in 8 bits each',
  () => {
    const graph = () => parseModel(readFileSync(pathOf('anime64')), 'anime64.onnx');

    test('is read, and its gradient built, within seconds', () => {
      const begun = performance.now();
      const gradient = differentiate(graph(), { of: 'epsilon', wrt: ['sample'], bind: { N: 1 } });
      expect(gradient.nodes.length).toBeLessThan(5000);
      expect(performance.now() - begun).toBeLessThan(10_000);
    });

    test('has a gradient that agrees with differences', async () => {
      const names = { sample: 'sample', time: 'timestep', batch: 'N', output: 'epsilon' };
      expect(await gradientError(graph(), 150, names)).toBeLessThan(1e-2);
    });
  },
);

describe.skipIf(!existsSync(pathOf('heart2d')))('a perceptron over points that PyTorch exported', () => {
  test('has a gradient that agrees with differences', async () => {
    const graph = parseModel(readFileSync(pathOf('heart2d')), 'heart2d.onnx');
    const names = { sample: 'x', time: 't', batch: 'n', output: 'eps' };
    expect(await gradientError(graph, 20, names)).toBeLessThan(1e-2);
  });
});

test('graphs of thousands of nodes are read, and differentiated, within seconds', () => {
  const count = 20_000;
  const weight = float32([4], [1, 2, 3, 4]);
  const last = `v${count - 1}`;
  const value = (name: string) => ({ name, dtype: 'float32' as const, shape: [1, 4] });
  const graph: Graph = {
    name: 'long',
    opset: 17,
    inputs: [value('x')],
    outputs: [value(last)],
    initializers: new Map(Array.from({ length: count }, (_, i) => [`w${i}`, weight])),
    nodes: Array.from({ length: count }, (_, i) => ({
      op: i % 2 === 0 ? 'Mul' : 'Add',
      name: `node ${i}`,
      inputs: [i === 0 ? 'x' : `v${i - 1}`, `w${i}`],
      outputs: [`v${i}`],
      attributes: {},
    })),
    metadata: new Map(),
  };
  const begun = performance.now();
  const gradient = differentiate(parseModel(serializeModel(graph), 'long.onnx'), { of: last, wrt: ['x'] });
  expect(gradient.nodes.length).toBeGreaterThan(count);
  // It takes half a second; what grows with the square of the nodes would take minutes.
  expect(performance.now() - begun).toBeLessThan(20_000);
});
