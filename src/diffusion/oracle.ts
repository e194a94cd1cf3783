import { requireWhole, SeedbedError } from '../errors.ts';
import type { GraphBuilder, Value } from '../graph/builder.ts';
import { float32, sizeOf } from '../tensor/tensor.ts';
import { samplerGrid } from './grid.ts';
import type { Denoiser } from './info.ts';
import { type OracleForm, oracle, type Posterior } from './oracle-form.ts';
import { ddim } from './sampler-info.ts';
import { type Rates, SCHEDULES } from './schedule.ts';
import { stepGain } from './solvers.ts';

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
  mixture: Mixture,
  shape: readonly number[] = [1, 4, 4],
  form: OracleForm = {},
): Denoiser {
  requireMeans(mixture, shape);
  return oracle('mixture', shape, form, posteriorOf(mixture));
}

/** What is added to the logarithm of a component's likelihood where the class is another one. */
const NEVER = -1e9;

/**
 * The best denoiser of a mixture of Gaussians whose component may be told: a conditional model in closed form, to try
 * conditions and guidance with. Its condition `class_labels`, int64 [N], is the number of a component from 0, or the number
 * of components for none, where it is {@link mixtureDenoiser}'s. Guidance g from class a to class b is the best denoiser of
 * the Gaussian about m_a + g (m_b - m_a).
 * @param shape of a picture; [1, 4, 4].
 * @param form how it is written down.
 * @throws {SeedbedError} as {@link mixtureDenoiser}.
 * @group Sampling
 * @example
 * import { classDenoiser } from 'seedbed';
 * console.log(classDenoiser({ means: [[-1], [1]], variance: 0.1 }, [1, 1, 1]).info.conditions); // prints [ 'class_labels' ]
 */
export function classDenoiser(
  mixture: Mixture,
  shape: readonly number[] = [1, 4, 4],
  form: OracleForm = {},
): Denoiser {
  requireMeans(mixture, shape);
  const count = mixture.means.length;
  const rows = mixture.means.map((_, told) => mixture.means.map((_, k) => (k === told ? 0 : NEVER)));
  const table = float32([count + 1, count], [...rows.flat(), ...new Array(count).fill(0)]);
  const prior = (b: GraphBuilder) =>
    b.op('Gather', [b.constant(table), b.input('class_labels', 'int64', ['N'])], { axis: 0 });
  const model = oracle('classes', shape, form, posteriorOf(mixture, prior));
  return { ...model, info: { ...model.info, conditions: ['class_labels'] } };
}

function requireMeans({ means, variance }: Mixture, shape: readonly number[]): void {
  requireVariance(variance);
  const width = sizeOf(shape);
  if (means.length === 0 || means.some(mean => mean.length !== width))
    throw new SeedbedError(
      'BadShape',
      `means of pictures [${shape}] have ${width} numbers, got ${means.length === 0 ? 'none' : means.map(mean => mean.length)}`,
    );
}

/** @param prior the logarithm of each component's weight, [N, components] or one row for all; equal unless given. */
function posteriorOf({ means, variance }: Mixture, prior?: (b: GraphBuilder) => Value): Posterior {
  const width = means[0]!.length;
  return (b, x, { s, n, s2, n2 }) => {
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
    const likelihoods = b.div(b.sub(b.mul(s, b.matmul(x, columns)), b.mul(s2, halves)), total);
    const logits = prior ? b.add(likelihoods, prior(b)) : likelihoods;
    const mean = b.matmul(b.op('Softmax', [logits], { axis: 1 }), rows);
    const off = b.sub(x, b.mul(s, mean));
    return {
      x0: b.add(mean, b.mul(b.div(b.mul(s, b.scalar(variance)), total), off)),
      epsilon: b.mul(b.div(n, total), off),
    };
  };
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
