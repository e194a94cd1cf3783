import { backward } from '../autodiff/backward.ts';
import { differentiate } from '../autodiff/differentiate.ts';
import { GraphBuilder, type Value } from '../graph/builder.ts';
import { type Graph, keepOutputs, liveNodes } from '../graph/ir.ts';
import { replay } from '../graph/replay.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { float32, sizeOf, type Tensor } from '../tensor/tensor.ts';
import type { Denoiser } from './model.ts';
import { CLEAN, type Rates, ratesAt, type Schedule } from './schedule.ts';

/** One network evaluation: from the noise level `from` to the level `to`. */
export interface GridStep {
  readonly from: Rates;
  readonly to: Rates;
}

/**
 * The noise levels that T DDIM steps visit, t = 1, (T-1)/T, ..., 1/T; the last step returns the predicted x0, which
 * is Algorithm 2 of Asperti et al. 2023 with alpha_0 = 1.
 */
export function samplerGrid(schedule: Schedule, steps: number): GridStep[] {
  return Array.from({ length: steps }, (_, i) => ({
    from: ratesAt(schedule, (steps - i) / steps),
    to: i === steps - 1 ? CLEAN : ratesAt(schedule, (steps - i - 1) / steps),
  }));
}

/**
 * One DDIM step in a graph (Song et al. 2021, eq. 12 with sigma = 0): x0 = (x - n eps)/s, x' = s' x0 + n' eps.
 * @param rates scalars s, n, s', n'.
 */
export function ddimStep(
  b: GraphBuilder,
  model: Denoiser,
  x: Value,
  rates: { signal: Value; noise: Value; nextSignal: Value; nextNoise: Value },
): { next: Value; x0: Value } {
  const { info, graph } = model;
  const level = b.expand(b.reshape(b.mul(rates.noise, rates.noise), [1]), [b.shape(x)[0]!]);
  const epsilon = replay(b, graph, { [info.inputs.image]: x, [info.inputs.level]: level })[info.output]!;
  const x0 = b.div(b.sub(x, b.mul(rates.noise, epsilon)), rates.signal);
  return { next: b.add(b.mul(rates.nextSignal, x0), b.mul(rates.nextNoise, epsilon)), x0 };
}

/** The whole sampler, all T steps unrolled, from the value `x` to the generated picture (standardised). */
export function unrollSampler(b: GraphBuilder, model: Denoiser, x: Value, steps: number): Value {
  return samplerGrid(model.info.schedule, steps).reduce(
    (value, { from, to }) =>
      ddimStep(b, model, value, {
        signal: b.scalar(from.signalRate),
        noise: b.scalar(from.noiseRate),
        nextSignal: b.scalar(to.signalRate),
        nextNoise: b.scalar(to.noiseRate),
      }).next,
    x,
  );
}

/** A graph of one step whose rates are inputs: x, signal, noise, nextSignal, nextNoise to `next`. */
function stepGraph(model: Denoiser, batch: number): Graph {
  const b = new GraphBuilder(`${model.info.name} step`);
  const x = b.input('x', 'float32', [batch, ...model.info.shape]);
  const scalar = (name: string) => b.input(name, 'float32', []);
  const rates = {
    signal: scalar('signal'),
    noise: scalar('noise'),
    nextSignal: scalar('nextSignal'),
    nextNoise: scalar('nextNoise'),
  };
  return b.build({ next: ddimStep(b, model, x, rates).next });
}

function stepFeeds({ from, to }: GridStep): Record<string, Tensor> {
  const scalar = (value: number) => float32([], [value]);
  return {
    signal: scalar(from.signalRate),
    noise: scalar(from.noiseRate),
    nextSignal: scalar(to.signalRate),
    nextNoise: scalar(to.noiseRate),
  };
}

/** Generates pictures from seeds; `evaluations` counts network passes, a picture. */
export interface Sampler {
  /** Latents [n, ...shape] to pictures [n, ...shape], standardised; any n. */
  sample(
    latent: Tensor<'float32'>,
    onStep?: (done: number, total: number) => void,
  ): Promise<Tensor<'float32'>>;
  dispose(): Promise<void>;
}

/** A DDIM sampler of T steps that runs one network pass at a time, so its memory does not grow with T. */
export async function createSampler(
  runtime: Runtime,
  model: Denoiser,
  steps: number,
  batch: number,
): Promise<Sampler> {
  const session = await runtime.load(stepGraph(model, batch));
  const grid = samplerGrid(model.info.schedule, steps);
  return {
    sample: (latent, onStep) =>
      inBatches(latent, batch, async (part, first) => {
        let x = part;
        for (const [i, step] of grid.entries()) {
          x = (await session.run({ x, ...stepFeeds(step) })).next as Tensor<'float32'>;
          onStep?.(first * grid.length + (i + 1) * batch, latent.shape[0]! * grid.length);
        }
        return x;
      }),
    dispose: () => session.dispose(),
  };
}

/** Runs a function of a fixed batch size over any number of rows; the last batch is filled up with its first row. */
export async function inBatches(
  rowsIn: Tensor<'float32'>,
  batch: number,
  run: (part: Tensor<'float32'>, first: number) => Promise<Tensor<'float32'>>,
): Promise<Tensor<'float32'>> {
  const [count = 0, ...shape] = rowsIn.shape;
  const stride = shape.reduce((p, d) => p * d, 1);
  const result = new Float32Array(count * stride);
  for (let first = 0; first < count; first += batch) {
    const here = Math.min(batch, count - first);
    const part = new Float32Array(batch * stride);
    for (let row = 0; row < batch; row++) {
      const from = (first + (row < here ? row : 0)) * stride;
      part.set(rowsIn.data.subarray(from, from + stride), row * stride);
    }
    const output = await run(float32([batch, ...shape], part), first);
    result.set(output.data.subarray(0, here * stride), first * stride);
  }
  return float32(rowsIn.shape, result);
}

/** A sampler with its gradient: pictures from seeds, and how a loss on the pictures pulls on the seeds. */
export interface DifferentiableSampler {
  /**
   * @param latent [batch, ...shape]
   * @param pull from the generated pictures to the loss's gradient on them, both [batch, ...shape].
   * @returns the pictures and the gradient on the latents.
   */
  run(
    latent: Tensor<'float32'>,
    pull: (x0: Tensor<'float32'>) => Promise<Tensor<'float32'>>,
  ): Promise<{ x0: Tensor<'float32'>; gradient: Tensor<'float32'> }>;
  dispose(): Promise<void>;
}

/**
 * The sampler's gradient with memory that is flat in T: the forward pass keeps one picture a step, the backward pass
 * computes each step again together with its vector-Jacobian product.
 */
export async function checkpointedSampler(
  runtime: Runtime,
  model: Denoiser,
  steps: number,
  batch: number,
): Promise<DifferentiableSampler> {
  const graph = stepGraph(model, batch);
  const forward = await runtime.load(graph);
  const reverse = await runtime.load(
    keepOutputs(differentiate(graph, { of: 'next', wrt: ['x'] }), name => name === 'grad/x'),
  );
  const grid = samplerGrid(model.info.schedule, steps);
  return {
    async run(latent, pull) {
      const visited = [latent];
      for (const step of grid)
        visited.push(
          (await forward.run({ x: visited.at(-1)!, ...stepFeeds(step) })).next as Tensor<'float32'>,
        );
      const x0 = visited.pop()!;
      let gradient = await pull(x0);
      for (const step of grid.toReversed()) {
        const result = await reverse.run({ x: visited.pop()!, ...stepFeeds(step), 'grad/next': gradient });
        gradient = result['grad/x'] as Tensor<'float32'>;
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
  steps: number,
  loss: (x0: Value) => Value,
): { x0: Value; loss: Value; gradient: Value; retainedBytes: number } {
  const x0 = unrollSampler(b, model, latent, steps);
  const value = loss(x0);
  const forwardNodes = b.nodes.length;
  const [gradient] = backward(b, new Map([[value, b.scalar(1)]]), [latent]);
  return { x0, loss: value, gradient: gradient!, retainedBytes: retainedBytes(b, forwardNodes, gradient!) };
}

/** What the forward pass must keep for the backward pass: the values that its nodes make and later nodes use. */
function retainedBytes(b: GraphBuilder, forwardNodes: number, gradient: Value): number {
  const made = new Set(b.nodes.slice(0, forwardNodes).flatMap(node => node.outputs));
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
