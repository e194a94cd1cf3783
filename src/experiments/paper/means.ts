import type { Series } from '../../figures/line.ts';
import { fillUniform } from '../../tensor/random.ts';
import { average, bootstrapMean, type Interval, percentiles, wilson } from '../../tensor/statistics.ts';

/** Independent things below which an interval is not printed and decides nothing: at 4 a nominal 95 % covers 87 %. */
export const LEAST = 10;
const RESAMPLES = 2000;

/** A mean, its 95 % interval (of the bootstrap, of shares Wilson's, of pairs of trainings the jackknife's), and over how many independent things (pictures, seeds of noise, trainings) it goes. */
export interface Sampled extends Interval {
  readonly n: number;
  /** Points that are no independent things, such as seeds of one picture, where the mean goes over those. */
  readonly points?: number;
  /** How far the ends move, with the mean, where that one thing is left out which moves them farthest out. */
  readonly withoutOne?: Pick<Interval, 'low' | 'high'>;
}

/** The mean of values that are independent of each other. */
export function sampled(values: readonly number[], rng: number): Sampled {
  const interval = bootstrapMean(values, rng);
  const n = values.length;
  const means = values.map(value => (n * interval.mean - value) / (n - 1));
  return { ...interval, n, ...(n >= LEAST && moved(interval, means)) };
}

/** An interval's ends as its mean moves where things are left out. @param means the mean without each thing in turn. */
function moved({ mean, low, high }: Interval, means: readonly number[]): Pick<Sampled, 'withoutOne'> {
  // Of what is infinite nothing can be taken away.
  if (!means.every(Number.isFinite)) return {};
  return { withoutOne: { low: low + Math.min(...means) - mean, high: high + Math.max(...means) - mean } };
}

/**
 * The mean of shares from 0 to 1, each of one independent thing, such as of ones and noughts: with Wilson's interval, which
 * is not empty where all are alike; of shares that are neither 0 nor 1 it is wider than need be.
 */
export function shareOf(shares: readonly number[]): Sampled {
  const mean = average(shares);
  const n = shares.length;
  const ends = [Math.max(...shares), Math.min(...shares)].map(share =>
    wilson((n * mean - share) / (n - 1), n - 1),
  );
  const withoutOne = { low: ends[0]!.low, high: ends[1]!.high };
  return { mean, ...wilson(mean, n), n, ...(n >= LEAST && { withoutOne }) };
}

/** The mean of values that all belong to one picture or one training: however many, n is 1. */
export function ofOne(values: readonly number[], rng: number): Sampled {
  return { ...bootstrapMean(values, rng), n: 1, points: values.length };
}

/** A number among others of one picture that is a share, see {@link shareOf}. */
export interface Share {
  readonly ofOne: number;
}

/** An arrangement of numbers with the mean over pictures in the place of each. */
export type Means<F> = F extends number | Share
  ? Sampled
  : F extends undefined
    ? undefined
    : { readonly [K in keyof F]: Means<F[K]> };

/** The means over pictures of each of their numbers. @param all of one arrangement. */
export function meansOf<F>(all: readonly F[], rng: number): Means<F> {
  return overPictures(all, rng) as Means<F>;
}

function overPictures(all: readonly unknown[], rng: number): unknown {
  const [first] = all;
  if (typeof first === 'number') return sampled(all as readonly number[], rng);
  if (typeof first !== 'object' || first === null) return undefined;
  if ('ofOne' in first) return shareOf((all as readonly Share[]).map(({ ofOne }) => ofOne));
  const at = (key: string) =>
    overPictures(
      all.map(one => (one as Readonly<Record<string, unknown>>)[key]),
      rng,
    );
  return Array.isArray(first)
    ? first.map((_, i) => at(String(i)))
    : Object.fromEntries(Object.keys(first).map(key => [key, at(key)]));
}

/**
 * The mean of some values over that of others, with its 95 % bootstrap interval.
 * @param paired whether value i of both belongs to one thing, so that they are drawn together.
 */
export function ratioOfMeans(
  above: readonly number[],
  below: readonly number[],
  rng: number,
  paired = false,
): Sampled {
  const at = (values: readonly number[], drawn: readonly number[]) => average(drawn.map(i => values[i]!));
  const counts = paired ? [above.length] : [above.length, below.length];
  return resampled(counts, ([a, b = a]) => at(above, a!) / at(below, b!), rng);
}

/**
 * A statistic of one or several independent samples, with its 95 % bootstrap interval.
 * @param counts the sizes of the samples.
 * @param of the statistic of what is drawn of each sample, by its places there.
 */
export function resampled(
  counts: readonly number[],
  of: (drawn: readonly (readonly number[])[]) => number,
  rng: number,
): Sampled {
  const all = counts.map(count => Array.from({ length: count }, (_, i) => i));
  const draws = counts.map(count => new Float64Array(count));
  const drawn = Array.from({ length: RESAMPLES }, (_, round) =>
    of(
      draws.map((uniform, k) => {
        fillUniform({ seed: rng, purpose: 'ratio' }, round, k, uniform);
        return Array.from(uniform, u => Math.min(uniform.length - 1, Math.floor(u * uniform.length)));
      }),
    ),
  ).sort((x, y) => x - y);
  const n = Math.min(...counts);
  const interval = { mean: of(all), ...percentiles(drawn, n) };
  const without = () =>
    all.flatMap((places, k) =>
      places.map(out => of(all.map((some, j) => (j === k ? some.filter(i => i !== out) : some)))),
    );
  return { ...interval, n, ...(n >= LEAST && moved(interval, without())) };
}

/** A mean in other units. */
export function times({ mean, low, high, withoutOne, ...over }: Sampled, factor: number): Sampled {
  const ends = withoutOne && { low: factor * withoutOne.low, high: factor * withoutOne.high };
  const scaled = { mean: factor * mean, low: factor * low, high: factor * high };
  return { ...scaled, ...over, ...(ends && { withoutOne: ends }) };
}

/** A number as the report writes it: three digits, without a zero before the point; powers of ten where it is tiny; ∞ for a ratio to nothing. */
export function figure(value: number, digits = 3): string {
  if (value === 0) return '0';
  if (value === Number.POSITIVE_INFINITY) return '∞';
  if (Math.abs(value) < 1e-4 || Math.abs(value) >= 1e6) return value.toExponential(digits - 1);
  const text = value.toPrecision(digits);
  const plain = text.includes('e') ? String(Number(text)) : text;
  return plain.replace(/^(-?)0\./, '$1.');
}

/** A mean with its 95 % interval and n: `.0281 (.0268 to .0294, n = 100)`; without the interval where n is too small for one. */
export function withInterval({ mean, low, high, n, points }: Sampled, digits = 3): string {
  const over = `n = ${n}${points === undefined ? '' : `, ${points} points`}`;
  if (n < LEAST) return `${figure(mean, digits)} (${over})`;
  return `${figure(mean, digits)} (${figure(low, digits)} to ${figure(high, digits)}, ${over})`;
}

/** A curve of means with their intervals as its band, which is left out where one goes over too few things for an interval. */
export function curveOf(name: string, xs: readonly number[], means: readonly Sampled[]): Series {
  const points = means.map(({ mean }, i) => [xs[i]!, mean] as const);
  if (means.some(({ n }) => n < LEAST)) return { name, points };
  return { name, points, band: means.map(({ low, high }, i) => [xs[i]!, low, high] as const) };
}

/** A share as percents. */
export function percent(share: number): string {
  return `${figure(100 * share, 2)} %`;
}

/** A share with its interval and n, as percents. */
export function percentInterval(share: Sampled): string {
  return withInterval(times(share, 100), 2).replace(' (', ' % (');
}
