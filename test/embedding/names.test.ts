import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { differentiate, pushForward } from '../../src/autodiff/differentiate.ts';
import type { Denoiser } from '../../src/diffusion/info.ts';
import { createModel } from '../../src/diffusion/model.ts';
import { mixtureDenoiser } from '../../src/diffusion/oracle.ts';
import { diagnose } from '../../src/embedding/doctor.ts';
import { embed } from '../../src/embedding/embed.ts';
import { METHODS } from '../../src/embedding/methods.ts';
import { GraphBuilder } from '../../src/graph/builder.ts';
import type { Graph } from '../../src/graph/ir.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import type { Runtime } from '../../src/runtime/runtime.ts';
import { float32, type Tensor } from '../../src/tensor/tensor.ts';
import { runGraph } from '../support.ts';

const runtime = await createRuntime({ threads: 1 });
const means = [0, 1].map(k => Array.from({ length: 16 }, (_, i) => Math.sin(i + 2 * k)));
// Not linear, so that its gradients need every input.
const model = mixtureDenoiser({ means, variance: 0.5 }, [1, 4, 4], { steps: 3 });
const picture = float32(
  [1, 1, 4, 4],
  Array.from({ length: 16 }, (_, i) => 0.3 + 0.02 * i),
);
/** Those that take a denoiser alone. */
const methods = METHODS.filter(method => !method.includes('embedder'));

/** The graph with every value called otherwise: inputs, outputs, weights, what is inside. */
function renamed(graph: Graph, nameOf: (name: string) => string): Graph {
  const port = <T extends { name: string }>(p: T) => ({ ...p, name: nameOf(p.name) });
  const named = (name: string) => name && nameOf(name);
  return {
    ...graph,
    inputs: graph.inputs.map(port),
    outputs: graph.outputs.map(port),
    initializers: new Map([...graph.initializers].map(([name, t]) => [nameOf(name), t])),
    nodes: graph.nodes.map(node => ({
      ...node,
      inputs: node.inputs.map(named),
      outputs: node.outputs.map(named),
    })),
  };
}

function valuesOf({ inputs, initializers, nodes }: Graph): string[] {
  const names = [...inputs.map(({ name }) => name), ...initializers.keys(), ...nodes.flatMap(n => n.outputs)];
  return names.filter(Boolean);
}

function renamedModel({ graph, info }: Denoiser, nameOf: (name: string) => string): Denoiser {
  const { image, level } = info.inputs;
  return createModel(renamed(graph, nameOf), {
    ...info,
    inputs: { image: nameOf(image), level: nameOf(level) },
    output: nameOf(info.output),
  });
}

/** Seeds by every method. */
async function seedsOf(network: Denoiser, on: Runtime = runtime): Promise<Record<string, Tensor>> {
  const found: Record<string, Tensor> = {};
  for (const method of methods) {
    const sampler = method === 'exact' ? 'bdia' : method === 'reversed' ? 'fireflow' : undefined;
    const recipe = {
      loss: 'mse',
      penalty: 0.1,
      learningRate: 0.1,
      decay: 'constant',
      iterations: 2,
    } as const;
    for (const memory of method === 'descent' ? (['unrolled', 'checkpointed'] as const) : [undefined]) {
      const { latent } = await embed(network, picture, { runtime: on, method, sampler, recipe, memory });
      found[`${method} ${memory ?? ''}`] = latent;
    }
  }
  return found;
}

describe('what a network calls its values', () => {
  /** Every name that our own graphs use while they play a network, also of an input that none needs in the end. */
  const ours = new Set(['cotangent']);
  const listening: Runtime = {
    ...runtime,
    load: graph => {
      for (const name of valuesOf(graph)) ours.add(name);
      return runtime.load(graph);
    },
  };

  test('changes no seed, be they our own names', async () => {
    const expected = await seedsOf(model, listening);
    await diagnose(model, { runtime: listening, pictures: picture });
    for (const name of ['v', 'm', 'rate', 'value', 'latent']) expect(ours).toContain(name);
    const inside = valuesOf(model.graph);
    const names = fc.shuffledSubarray([...ours], { minLength: inside.length });
    await fc.assert(
      fc.asyncProperty(names, async chosen => {
        const network = renamedModel(model, name => chosen[inside.indexOf(name)]!);
        expect(await seedsOf(network)).toEqual(expected);
        await diagnose(network, { runtime, pictures: picture });
      }),
      { numRuns: 8 },
    );
  });

  test('changes no gradient, be it called as a gradient is', async () => {
    const b = new GraphBuilder('square');
    const x = b.input('x', 'float32', [2]);
    const [inner] = b.node('Mul', [x, x], {}, { outputs: ['grad/x'] });
    const [more] = b.node('Mul', [inner!, x], {}, { outputs: ['tangent/x'] });
    const graph = b.build({ y: b.add(more!, b.mul(x, b.constant(float32([2], [1, 2]), 'grad/y'))) });
    const feeds = { x: float32([2], [1, 2]) };
    const one = float32([2], [1, 1]);
    const options = { of: 'y', wrt: ['x'] };
    const [pulled] = await runGraph(differentiate(graph, options), [{ ...feeds, 'grad/y': one }]);
    expect(Array.from(pulled!['grad/x']!.data as Float32Array)).toEqual([4, 14]);
    const [pushed] = await runGraph(pushForward(graph, options), [{ ...feeds, 'tangent/x': one }]);
    expect(Array.from(pushed!['tangent/y']!.data as Float32Array)).toEqual([4, 14]);
  });
});
