import { requireWhole, SeedbedError } from '../errors.ts';
import { GraphBuilder, type Value } from '../graph/builder.ts';
import type { Dim } from '../graph/ir.ts';
import { float32, sizeOf } from '../tensor/tensor.ts';
import { samplerGrid } from './grid.ts';
import { type Denoiser, type DenoiserInfo, ddim, type SamplerInfo } from './info.ts';
import { createModel } from './model.ts';
import { learnedTarget } from './prediction.ts';
import { FLOW_TIMESTEPS, type Rates, SCHEDULES } from './schedule.ts';
import { stepGain } from './solvers.ts';

/**
 * How a closed-form denoiser is written down; on one schedule all forms grow the same pictures.
 * @group Sampling
 */
export interface OracleForm {
  /** What the network predicts; 'epsilon' unless given. */
  readonly predicts?: DenoiserInfo['predicts'];
  /** How it is told the noise level; 'noiseVariance' unless given. */
  readonly level?: DenoiserInfo['level'];
  /** What it is shown: 'preserving', s x0 + n epsilon, unless given, or 'exploding', that over s. */
  readonly sees?: DenoiserInfo['sees'];
  /** The noise levels; `SCHEDULES.continuousCosine` unless given. */
  readonly schedule?: DenoiserInfo['schedule'];
  /** T, the sampler's steps; 10. */
  readonly steps?: number;
  /** What the sampler has besides or instead. */
  readonly sampler?: Partial<SamplerInfo>;
  /** Type of the level input; 'float32' unless given. */
  readonly levelType?: 'float32' | 'int64';
  /** Its shape; ['N'] unless given. */
  readonly levelShape?: readonly Dim[];
}

/** In a graph: signal and noise rate, and their squares. */
interface RateValues {
  readonly s: Value;
  readonly n: Value;
  readonly s2: Value;
  readonly n2: Value;
}

/** What the best denoiser knows of x = s x0 + n epsilon [N, D]: the posterior means of both parts. */
type Posterior = (b: GraphBuilder, x: Value, rates: RateValues) => { x0: Value; epsilon: Value };

/**
 * The best denoiser of Gaussian data N(0, variance), in closed form: the posterior mean of epsilon given
 * x = s x0 + n epsilon is n x / (s^2 variance + n^2) (Tweedie's formula, Efron 2011). Its sampler multiplies seeds by
 * {@link samplerGain}, so that seeds and gradients are known exactly: a network to test with, without training.
 * @param variance of a standardised pixel, from 0.
 * @param shape of a picture; [1, 4, 4].
 * @param steps T of its sampler; 10.
 * @param form how it is written down.
 * @throws {SeedbedError} BadArgument for a variance below 0, or a level that the schedule does not have.
 * @group Sampling
 * @example
 * import { decode, float32, gaussianDenoiser, samplerGain } from 'seedbed';
 * const grown = await decode(gaussianDenoiser(0.5, [1, 1, 1]), float32([1, 1, 1, 1], [0.7]));
 * // A pixel of [0,1] is .5 and .2 times the standardised one.
 * console.log(grown.data[0].toFixed(5), (0.5 + 0.2 * 0.7 * samplerGain(0.5)).toFixed(5)); // prints 0.57805 0.57805
 */
export function gaussianDenoiser(
  variance: number,
  shape: readonly number[] = [1, 4, 4],
  steps = 10,
  form: Omit<OracleForm, 'steps'> = {},
): Denoiser {
  requireVariance(variance);
  return oracle('gaussian', shape, { steps, ...form }, (b, x, { s, n, s2, n2 }) => {
    const total = b.add(b.mul(s2, b.scalar(variance)), n2);
    return {
      epsilon: b.mul(x, b.div(n, total)),
      x0: b.mul(x, b.div(b.mul(s, b.scalar(variance)), total)),
    };
  });
}

/**
 * Equally likely Gaussians of one variance in all directions.
 * @group Sampling
 */
export interface Mixture {
  /** The mean of each, as many numbers as a picture has, standardised. */
  readonly means: readonly (readonly number[])[];
  /** Of a standardised pixel, about the mean of its Gaussian. */
  readonly variance: number;
}

/**
 * The best denoiser of a mixture of Gaussians, in closed form: each component's posterior mean of x0 is
 * m + s variance / (s^2 variance + n^2) (x - s m), and x = s x0 + n epsilon belongs to it by the softmax of
 * -|x - s m|^2 / (2 (s^2 variance + n^2)), Bayes' rule. Its sampler is not linear; between components that lie far apart it
 * is steep. With two means, m and -m, a seed grows the one in whose half-space it lies.
 * @param shape of a picture; [1, 4, 4].
 * @param form how it is written down.
 * @throws {SeedbedError} BadShape for means of another length, or none; BadArgument for a variance below 0, or a level that
 * the schedule does not have.
 * @group Sampling
 * @example
 * import { decode, float32, mixtureDenoiser } from 'seedbed';
 * const model = mixtureDenoiser({ means: [[-2], [2]], variance: 0 }, [1, 1, 1]);
 * const grown = await decode(model, float32([3, 1, 1, 1], [-1, -0.1, 0.4]));
 * console.log(Array.from(grown.data, value => value.toFixed(2))); // prints [ '0.10', '0.10', '0.90' ]
 */
export function mixtureDenoiser(
  { means, variance }: Mixture,
  shape: readonly number[] = [1, 4, 4],
  form: OracleForm = {},
): Denoiser {
  requireVariance(variance);
  const width = sizeOf(shape);
  if (means.length === 0 || means.some(mean => mean.length !== width))
    throw new SeedbedError(
      'BadShape',
      `mixtureDenoiser: means of pictures [${shape}] have ${width} numbers, got ${means.length === 0 ? 'none' : means.map(mean => mean.length)}`,
    );
  return oracle('mixture', shape, form, (b, x, { s, n, s2, n2 }) => {
    const total = b.add(b.mul(s2, b.scalar(variance)), n2);
    const rows = b.constant(float32([means.length, width], means.flat()));
    const columns = b.constant(
      float32([width, means.length], Array.from({ length: width }, (_, i) => means.map(m => m[i]!)).flat()),
    );
    const halves = b.constant(
      float32(
        [1, means.length],
        means.map(m => m.reduce((sum, value) => sum + value ** 2, 0) / 2),
      ),
    );
    const logits = b.div(b.sub(b.mul(s, b.matmul(x, columns)), b.mul(s2, halves)), total);
    const mean = b.matmul(b.op('Softmax', [logits], { axis: 1 }), rows);
    const off = b.sub(x, b.mul(s, mean));
    return {
      x0: b.add(mean, b.mul(b.div(b.mul(s, b.scalar(variance)), total), off)),
      epsilon: b.mul(b.div(n, total), off),
    };
  });
}

/** The noise that the mixture's best denoiser predicts in one x, in double precision. */
export function mixtureEpsilon({ means, variance }: Mixture, x: ArrayLike<number>, rates: Rates): number[] {
  const { signalRate: s, noiseRate: n } = rates;
  const total = s * s * variance + n * n;
  const at = Array.from(x);
  const distances = means.map(m => at.reduce((sum, value, i) => sum + (value - s * m[i]!) ** 2, 0));
  const least = Math.min(...distances);
  const likelihoods = distances.map(distance => Math.exp((least - distance) / (2 * total)));
  const sum = likelihoods.reduce((a, b) => a + b, 0);
  return at.map((value, i) => {
    const mean = means.reduce((all, m, k) => all + (likelihoods[k]! / sum) * m[i]!, 0);
    return (n * (value - s * mean)) / total;
  });
}

function oracle(name: string, shape: readonly number[], form: OracleForm, posterior: Posterior): Denoiser {
  const { predicts = 'epsilon', level = 'noiseVariance', sees, steps = 10 } = form;
  const { schedule = SCHEDULES.continuousCosine, levelType = 'float32', levelShape = ['N'] } = form;
  const b = new GraphBuilder(name);
  const seen = b.input('x', 'float32', ['N', ...shape]);
  const input = level === 'noiseVariance' ? 'noise_variance' : level;
  const fed = b.input(input, levelType, levelShape);
  const rates = ratesIn(b, level, b.reshape(fed, levelShape.length === 0 ? [1, 1] : [0, 1]), schedule);
  const flat = b.reshape(seen, [0, sizeOf(shape)]);
  const x = sees === 'exploding' ? b.mul(flat, rates.s) : flat;
  const { x0, epsilon } = posterior(b, x, rates);
  const output = learnedTarget(b, predicts, { x0, epsilon, signal: rates.s, noise: rates.n });
  return createModel(b.build({ [predicts]: b.reshape(output, [0, ...shape]) }), {
    seedbed: 1,
    kind: 'denoiser',
    name,
    inputs: { image: 'x', level: input },
    output: predicts,
    predicts,
    level,
    ...(sees && { sees }),
    shape: [...shape],
    range: {
      from: [0, 1],
      mean: shape.slice(0, 1).flatMap(c => new Array(c).fill(0.5)),
      std: new Array(shape[0]).fill(0.2),
    },
    padding: 0,
    schedule,
    sampler: { ...ddim(steps), ...form.sampler },
  });
}

/** The rates that the level input stands for, each [n, 1] or [1, 1]. */
function ratesIn(
  b: GraphBuilder,
  kind: DenoiserInfo['level'],
  level: Value,
  schedule: DenoiserInfo['schedule'],
): RateValues {
  const one = b.scalar(1);
  if (schedule.kind === 'flow') return flowRates(b, kind, level, schedule.timesteps ?? FLOW_TIMESTEPS);
  const fromNoise = (n2: Value) => {
    const s2 = b.sub(one, n2);
    return { s: b.sqrt(s2), n: b.sqrt(n2), s2, n2 };
  };
  const fromAngle = (angle: Value) => {
    const [s, n] = [b.cos(angle), b.sin(angle)];
    return { s, n, s2: b.mul(s, s), n2: b.mul(n, n) };
  };
  const fromSnr = (s2: Value, n2: Value) => ({ s: b.sqrt(s2), n: b.sqrt(n2), s2, n2 });
  switch (kind) {
    case 'noiseVariance':
      return fromNoise(level);
    case 'noiseRate':
      return fromNoise(b.mul(level, level));
    case 'sigma': {
      const total = b.add(one, b.mul(level, level));
      return fromSnr(b.div(one, total), b.div(b.mul(level, level), total));
    }
    case 'logSnr':
      return fromSnr(b.sigmoid(level), b.sigmoid(b.neg(level)));
    case 'diffusionTime': {
      if (schedule.kind !== 'continuousCosine')
        throw new SeedbedError(
          'BadArgument',
          'an oracle told the diffusion time has schedule continuousCosine',
        );
      const [first, last] = [Math.acos(schedule.maxSignalRate), Math.acos(schedule.minSignalRate)];
      return fromAngle(b.add(b.scalar(first), b.mul(b.scalar(last - first), level)));
    }
    case 'timestep': {
      if (schedule.kind !== 'alphaBar')
        throw new SeedbedError('BadArgument', 'an oracle told the timestep has schedule alphaBar');
      const table = (values: readonly number[]) =>
        b.op('Gather', [b.constant(float32([values.length], values)), b.cast(level, 'int64')], { axis: 0 });
      return fromSnr(table(schedule.values), table(schedule.values.map(value => 1 - value)));
    }
  }
}

/** The same on a flow schedule. */
function flowRates(b: GraphBuilder, kind: DenoiserInfo['level'], level: Value, count: number): RateValues {
  const readers: Partial<Record<DenoiserInfo['level'], () => Value>> = {
    noiseVariance: () => b.sqrt(level),
    noiseRate: () => level,
    timestep: () => b.div(level, b.scalar(count)),
    sigma: () => b.div(level, b.add(level, b.scalar(1))),
  };
  const n = readers[kind]?.();
  if (!n)
    throw new SeedbedError(
      'BadArgument',
      `an oracle on a flow schedule is told ${Object.keys(readers).join(', ')}`,
    );
  const s = b.sub(b.scalar(1), n);
  return { s, n, s2: b.mul(s, s), n2: b.mul(n, n) };
}

function requireVariance(variance: number): void {
  if (!(variance >= 0 && Number.isFinite(variance)))
    throw new SeedbedError('BadArgument', `a variance is a number from 0, got ${variance}`);
}

/**
 * The factor by which DDIM multiplies a seed of Gaussian data N(0, variance) on `SCHEDULES.continuousCosine`: the product
 * over its steps, from rates (s, n) to (s', n'), of (s' s variance + n' n) / (s^2 variance + n^2). It is less than
 * sqrt(variance), least where the variance is small: what the last step, the posterior mean, leaves out.
 * @param variance of a standardised pixel, from 0.
 * @param steps T; 10.
 * @throws {SeedbedError} BadArgument for a variance below 0, or steps that are no whole number from 1.
 * @group Sampling
 * @example
 * import { samplerGain } from 'seedbed';
 * console.log(samplerGain(1).toFixed(3), samplerGain(0.01).toFixed(3)); // prints 0.844 0.021
 */
export function samplerGain(variance: number, steps = 10): number {
  requireVariance(variance);
  requireWhole('steps', steps, 1);
  return samplerGrid(
    { schedule: SCHEDULES.continuousCosine, level: 'noiseVariance', predicts: 'epsilon' },
    ddim(steps),
  ).reduce((gain, step) => gain * stepGain(step, variance), 1);
}
