import type { Dataset } from '../data/dataset.ts';
import type { Standardisation } from '../data/pixels.ts';
import type { GraphBuilder, Value } from '../graph/builder.ts';
import { buildNetwork } from '../nn/networks.ts';
import type { StepContext, TrainingProblem } from '../nn/training-step.ts';
import { fillUniform, normals } from '../tensor/random.ts';
import { float32, type Tensor } from '../tensor/tensor.ts';
import { Batches, prepare } from './batches.ts';
import type { DenoiserConfig, LossKind } from './config.ts';
import { samplerGrid } from './grid.ts';
import { type Denoiser, type DenoiserInfo, picturesSeen } from './info.ts';
import { learnedTarget } from './prediction.ts';
import { chooseSampler, ddim, type SamplerInfo } from './sampler-info.ts';
import { ratesAt } from './schedule.ts';

/** Steps of the sampler that a freshly trained model names as its own. */
const SAMPLER_STEPS = 10;
/** What a denoiser learns, and from what. */
export interface DenoiserLesson {
  readonly config: DenoiserConfig;
  /** The items that are learned from, and the set's name for records. */
  readonly learned: Dataset;
  readonly name: string;
  readonly range: Standardisation;
  readonly rng: number;
  /** Goes on from this model's weights. */
  readonly init?: Denoiser | undefined;
}

/**
 * The training of a denoiser as a problem, Algorithm 1 of Asperti et al. 2023: epsilon, or what else the configuration
 * names, is predicted from s x0 + n epsilon at a diffusion time drawn from [0, 1].
 * @throws {SeedbedError} BadArgument for a sampler that the schedule does not have.
 */
export function denoiserProblem(lesson: DenoiserLesson): TrainingProblem & { info: DenoiserInfo } {
  const { config, learned, rng, range, init } = lesson;
  const { padding } = config.image;
  const { batch, loss, levels } = config.training;
  const info = describe(lesson);
  samplerGrid(info, info.sampler); // refuses, before any work, a sampler that the schedule does not have
  const batches = new Batches(learned.length, rng, batch);
  return {
    info,
    batch,
    network: buildNetwork(
      config.network,
      { name: info.name, shape: info.shape, level: info.inputs.level, output: info.output },
      rng,
      init?.graph.initializers,
    ),
    loss: context => denoiserLoss(context, info, batch, loss),
    async feeds(step) {
      const times = new Float64Array(batch);
      fillUniform({ seed: rng, purpose: 'training time' }, step, 0, times);
      if (levels === 'stratified') for (const [i, u] of times.entries()) times[i] = (i + u) / batch;
      return {
        x0: prepare(await learned.read(batches.indices(step)), padding, range),
        epsilon: normals({ seed: rng, purpose: 'training noise' }, [batch, ...info.shape], row => ({
          image: step,
          start: row,
        })),
        ...rateFeeds(
          Array.from(times, t => ratesAt(config.schedule, t)),
          info.shape,
        ),
      };
    },
  };
}

function describe({ config, learned, name, rng, range, init }: DenoiserLesson): DenoiserInfo {
  const shape = paddedShape(learned, config.image.padding);
  return {
    seedbed: 1,
    kind: 'denoiser',
    name: `${name.split(':')[0]}-${shape.at(-1)}`,
    inputs: { image: 'x', level: 'noise_variance' },
    output: config.predicts,
    predicts: config.predicts,
    level: 'noiseVariance',
    shape,
    range: { from: [0, 1], mean: range.mean, std: range.std },
    padding: config.image.padding,
    schedule: config.schedule,
    sampler: samplerOf(config),
    training: { data: name, steps: 0, rng, config, ...(init && { before: picturesSeen(init.info) }) },
  };
}

function samplerOf({ sampler }: DenoiserConfig): SamplerInfo {
  return chooseSampler(ddim(SAMPLER_STEPS), { samplerSteps: sampler?.steps, samplerGrid: sampler?.grid });
}

/** The shape that a network sees items in. */
export function paddedShape(dataset: Dataset, padding: number): number[] {
  return dataset.shape.map((dim, axis) => (axis === 0 ? dim : dim + 2 * padding));
}

/** The loss of a network as an input's graph: see {@link denoiserProblem}. */
function denoiserLoss({ b, network }: StepContext, info: DenoiserInfo, batch: number, kind: LossKind): Value {
  const x0 = b.input('x0', 'float32', [batch, ...info.shape]);
  const epsilon = b.input('epsilon', 'float32', [batch, ...info.shape]);
  const broadcast = [batch, ...info.shape.map(() => 1)];
  const signal = b.input('signal', 'float32', broadcast);
  const noise = b.input('noise', 'float32', broadcast);
  const noisy = b.add(b.mul(signal, x0), b.mul(noise, epsilon));
  const level = b.reshape(b.mul(noise, noise), [batch]);
  const predicted = network({ [info.inputs.image]: noisy, [info.inputs.level]: level })[info.output]!;
  const target = learnedTarget(b, info.predicts, { x0, epsilon, signal, noise });
  return lossOf(b, predicted, target, kind);
}

/** Mean absolute or mean squared error over all elements. */
export function lossOf(b: GraphBuilder, predicted: Value, target: Value, kind: LossKind): Value {
  const difference = b.sub(predicted, target);
  return b.meanAll(kind === 'mae' ? b.abs(difference) : b.mul(difference, difference));
}

/** What signal and noise rates a batch is fed. */
function rateFeeds(
  rates: readonly { signalRate: number; noiseRate: number }[],
  shape: readonly number[],
): Record<'signal' | 'noise', Tensor<'float32'>> {
  const broadcast = [rates.length, ...shape.map(() => 1)];
  return {
    signal: float32(
      broadcast,
      rates.map(r => r.signalRate),
    ),
    noise: float32(
      broadcast,
      rates.map(r => r.noiseRate),
    ),
  };
}
