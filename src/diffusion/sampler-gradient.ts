import { backward } from '../autodiff/backward.ts';
import { differentiate } from '../autodiff/differentiate.ts';
import { SeedbedError } from '../errors.ts';
import { GraphBuilder, type Value } from '../graph/builder.ts';
import type { Graph } from '../graph/ir.ts';
import { dropUnusedInputs, keepOutputs, liveNodes } from '../graph/nodes.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { type Floats, float32, sizeOf } from '../tensor/tensor.ts';
import { samplerGrid } from './grid.ts';
import { type Denoiser, withSampler } from './info.ts';
import { levelFeeds, levelInputs, predict } from './network.ts';
import { unrollSampler } from './sampler.ts';
import type { SamplerInfo } from './sampler-info.ts';
import { samplerRow } from './samplers.ts';
import { type AffineStep, affineStep } from './solvers.ts';

/** A sampler with its gradient: pictures from seeds, and how a loss on the pictures pulls on the seeds. */
export interface DifferentiableSampler {
  /**
   * @param latent [batch, ...shape]
   * @param pull from the generated pictures to the loss's gradient on them, both [batch, ...shape].
   * @returns the pictures and the gradient on the latents.
   */
  run(latent: Floats, pull: (x0: Floats) => Promise<Floats>): Promise<{ x0: Floats; gradient: Floats }>;
  dispose(): Promise<void>;
}

/** A graph of one first-order step: x, alpha, beta and the level to `next`. */
function stepGraph(model: Denoiser, batch: number): Graph {
  const b = new GraphBuilder(`${model.info.name} step`);
  const x = b.input('x', 'float32', [batch, ...model.info.shape]);
  return b.build({ next: affineInGraph(b, model, x) });
}

/** S(x) = alpha x + beta p(x) in a graph, with alpha, beta and the level as inputs. */
export function affineInGraph(b: GraphBuilder, model: Denoiser, x: Value): Value {
  const scalar = (name: string) => b.input(name, 'float32', []);
  const [alpha, beta] = [scalar('alpha'), scalar('beta')];
  const predicted = predict(b, model, x, levelInputs(b));
  return b.add(b.mul(alpha, x), b.mul(beta, predicted));
}

/** What {@link affineInGraph} is fed. */
export function affineFeeds({ alpha, beta, level }: AffineStep): Record<string, Floats> {
  return { alpha: float32([], [alpha]), beta: float32([], [beta]), ...levelFeeds(level) };
}

/**
 * The gradient of a DDIM sampler with memory that is flat in T: the forward pass keeps one picture a step, the backward
 * pass computes each step again together with its vector-Jacobian product.
 */
export async function checkpointedSampler(
  runtime: Runtime,
  model: Denoiser,
  sampler: SamplerInfo,
  batch: number,
): Promise<DifferentiableSampler> {
  const row = samplerRow(sampler.kind);
  if (row.states === 2 || !row.affine)
    throw new SeedbedError(
      'BadArgument',
      `one step at a time there is only the gradient of sampler 'ddim', not of '${sampler.kind}'. Give --memory unrolled`,
    );
  const graph = stepGraph(withSampler(model, sampler), batch);
  const forward = await runtime.load(dropUnusedInputs(graph));
  const gradient = differentiate(graph, { of: 'next', wrt: ['x'] });
  const reverse = await runtime.load(dropUnusedInputs(keepOutputs(gradient, name => name === 'grad/x')));
  const steps = samplerGrid(model.info, sampler).map(affineStep);
  return {
    async run(latent, pull) {
      const visited = [latent];
      for (const step of steps)
        visited.push((await forward.run({ x: visited.at(-1)!, ...affineFeeds(step) })).next as Floats);
      const x0 = visited.pop()!;
      let gradient = await pull(x0);
      for (const step of steps.toReversed()) {
        const result = await reverse.run({ x: visited.pop()!, ...affineFeeds(step), 'grad/next': gradient });
        gradient = result['grad/x'] as Floats;
      }
      return { x0, gradient };
    },
    async dispose() {
      await Promise.all([forward.dispose(), reverse.dispose()]);
    },
  };
}

/**
 * All T steps and a loss in one graph: the fastest way while its activations fit into memory.
 * @param loss adds the loss's nodes: from the pictures to a scalar.
 * @returns the picture, the loss and its gradient on `latent`, and the memory held between the two passes.
 */
export function unrolledGradient(
  b: GraphBuilder,
  model: Denoiser,
  latent: Value,
  sampler: SamplerInfo,
  loss: (x0: Value) => Value,
): { x0: Value; loss: Value; gradient: Value; retainedBytes: number } {
  const x0 = unrollSampler(b, model, latent, sampler);
  const value = loss(x0);
  const forwardNodes = b.nodes.length;
  const [gradient] = backward(b, new Map([[value, b.scalar(1)]]), [latent]);
  return {
    x0,
    loss: value,
    gradient: gradient!,
    retainedBytes: retainedBytes(b, forwardNodes, latent, gradient!),
  };
}

/**
 * What the forward pass must keep for the backward pass: the values that its nodes make from the seeds and later nodes
 * use. What they make of weights alone the runtime computes once.
 */
function retainedBytes(b: GraphBuilder, forwardNodes: number, latent: Value, gradient: Value): number {
  const made = new Set([latent]);
  for (const { inputs, outputs } of b.nodes.slice(0, forwardNodes))
    if (inputs.some(input => made.has(input))) for (const output of outputs) made.add(output);
  const later = new Set(b.nodes.slice(forwardNodes));
  const used = new Set(
    liveNodes(b.nodes, [gradient])
      .filter(node => later.has(node))
      .flatMap(node => node.inputs),
  );
  return [...used]
    .filter(value => made.has(value))
    .reduce((sum, value) => sum + 4 * sizeOf(b.shape(value)), 0);
}
