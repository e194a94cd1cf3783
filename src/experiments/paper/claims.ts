import type { Series } from '../../figures/line.ts';
import { fillUniform } from '../../tensor/random.ts';
import { average, bootstrapMean, type Interval, percentiles, wilson } from '../../tensor/statistics.ts';
import type { Tensor } from '../../tensor/tensor.ts';

/** Whether what the paper says is so: it holds, in part, it fails, or the measurement cannot tell. */
export const VERDICTS = ['holds', 'partly', 'fails', 'open'] as const;
export type Verdict = (typeof VERDICTS)[number];

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

/** One claim of the paper, measured: a row of the report. */
export interface Claim {
  /** What the paper says, with its number where it gives one. */
  readonly paper: string;
  /** The one number of the summary, and the one that it is compared with. */
  readonly number: string;
  readonly against: string;
  /** All that was measured here, with intervals. */
  readonly ours: string;
  /** What the same measurement gives where the claim could not be true, or would be trivially so. */
  readonly control: string;
  /** What the sentence asks of the numbers, cut-offs among it: `less than .1 of the control`. */
  readonly asked: string;
  readonly verdict: Verdict;
  /** What the numbers alone would say, were there enough independent things: equal to the verdict where there are. */
  readonly numbersSay: Verdict;
  /** The verdict in one sentence. */
  readonly because: string;
  /** The denoisers that it speaks of; all that the experiment asked for unless given. */
  readonly models?: readonly string[] | undefined;
  /** The numbers that the texts are made of, by name, for programs and tests. */
  readonly values: Readonly<Record<string, number>>;
}

/** A claim before the rules: its two numbers as measured, what else the verdict rests on, and the verdict by the numbers alone. */
export interface Measurement extends Omit<Claim, 'number' | 'against' | 'verdict' | 'numbersSay' | 'values'> {
  readonly number: Sampled | number;
  readonly against: Sampled | number;
  /** Further numbers that the verdict rests on. */
  readonly rests?: readonly Sampled[];
  /** Independent things behind the numbers that have no interval. */
  readonly n?: number;
  readonly numbersSay: Verdict;
  /** As in a claim, where a mean stands for its interval. */
  readonly values: Readonly<Record<string, Sampled | number>>;
}

/**
 * The one place where a verdict is given. What the numbers say stands only where every mean that it rests on goes over at
 * least {@link LEAST} independent things; else the claim stays open, and the sentence says what the numbers would have said.
 */
export function judged({
  number,
  against,
  rests = [],
  n = Number.POSITIVE_INFINITY,
  numbersSay,
  because,
  values,
  ...claim
}: Measurement): Claim {
  const means = [number, against, ...rests].filter(value => typeof value !== 'number');
  const fewest = Math.min(n, ...means.map(mean => mean.n));
  const known = [number, against, ...rests].every(value => !Number.isNaN(meanOf(value)));
  if (!known)
    return judged({
      ...claim,
      number: 0,
      against: 0,
      numbersSay: 'open',
      because: 'Open, as a number could not be computed.',
      values: {},
    });
  const told = fewest >= LEAST || numbersSay === 'open';
  const written = (value: Sampled | number) =>
    typeof value === 'number' ? figure(value) : withInterval(value);
  return {
    ...claim,
    number: written(number),
    against: written(against),
    verdict: told ? numbersSay : 'open',
    numbersSay,
    values: Object.fromEntries(Object.entries(values).map(([name, value]) => [name, meanOf(value)])),
    because: told
      ? because
      : `Open, as n = ${fewest} where a verdict takes ${LEAST}. What was seen: ${because}`,
  };
}

function meanOf(value: Sampled | number): number {
  return typeof value === 'number' ? value : value.mean;
}

/** What a verdict is given by: an interval, and what leaving out any one thing would make of its ends. */
type Told = Interval & Pick<Sampled, 'withoutOne'>;

/** The ends by which a verdict is given. */
function endsOf({ low, high, withoutOne = { low, high } }: Told): Pick<Interval, 'low' | 'high'> {
  return { low: Math.min(low, withoutOne.low), high: Math.max(high, withoutOne.high) };
}

/**
 * Whether a mean is below a cut-off: it is, it is not, or nothing can be told, as its interval holds the cut-off, or would
 * without some one thing.
 */
export function below(told: Told, cut: number): Verdict {
  const { low, high } = endsOf(told);
  return high < cut ? 'holds' : low >= cut ? 'fails' : 'open';
}

/** Whether a mean is above a cut-off, likewise. */
export function above(told: Told, cut: number): Verdict {
  const { low, high } = endsOf(told);
  return low > cut ? 'holds' : high <= cut ? 'fails' : 'open';
}

/** Whether several things are so: not so where one of them is not, and untold where one of the others is. */
export function together(...verdicts: readonly Verdict[]): Verdict {
  const worst = (['fails', 'open', 'partly'] as const).find(verdict => verdicts.includes(verdict));
  return worst ?? 'holds';
}

/** Whether a mean is below another one, likewise by both intervals. */
export function less(one: Told, other: Told): Verdict {
  const [a, b] = [endsOf(one), endsOf(other)];
  return a.high < b.low ? 'holds' : a.low > b.high ? 'fails' : 'open';
}

/** A mean in other units. */
export function times({ mean, low, high, withoutOne, ...over }: Sampled, factor: number): Sampled {
  const ends = withoutOne && { low: factor * withoutOne.low, high: factor * withoutOne.high };
  const scaled = { mean: factor * mean, low: factor * low, high: factor * high };
  return { ...scaled, ...over, ...(ends && { withoutOne: ends }) };
}

/** A verdict on what has degrees: what is not shown to hold holds in part where something weaker is so. */
export function orInPart(verdict: Verdict, weaker: Verdict): Verdict {
  return verdict !== 'holds' && weaker === 'holds' ? 'partly' : verdict;
}

/** The sentence of a verdict; `open` is that where it cannot be told. */
export function worded(
  verdict: Verdict,
  { holds, fails, open }: { holds: string; fails: string; open: string },
): string {
  return verdict === 'holds' ? holds : verdict === 'fails' ? fails : open;
}

/** What a model's gate said when `seedbed quality --into` measured it. */
export interface ModelGate {
  /** Conditions that it meets, of how many. */
  readonly passed: number;
  readonly of: number;
  /** Those that it does not meet, in words. */
  readonly fails: readonly string[];
}

/** The gates of denoisers by name; null for one that nobody has measured. */
export type Gates = Readonly<Record<string, ModelGate | null>>;

/** A claim with what its models' gates say of them, in a few words. */
export type GatedClaim = Claim & { readonly gate: string };

/**
 * Seeds speak for data only where the model has learned them: a claim whose models fail their gate, or have not been
 * measured, stays open, whatever its numbers say.
 */
export function gated(claim: Claim, gates: Gates): GatedClaim {
  const names = (claim.models ?? Object.keys(gates)).filter(name => name in gates);
  const gate = names.map(name => `${name} ${inShort(gates[name]!)}`).join(', ');
  const faults = names.flatMap(name => inBrief(name, gates[name]!) ?? []);
  if (faults.length === 0 || claim.verdict === 'open') return { ...claim, gate };
  return {
    ...claim,
    gate,
    verdict: 'open',
    because: `Open, as ${faults.join(', and ')}. What was seen: ${claim.because}`,
  };
}

const inShort = (gate: ModelGate | null) => (gate ? `${gate.passed} of ${gate.of}` : 'not measured');

/** Why a denoiser's gate leaves claims open; undefined where it passes. */
function inBrief(name: string, gate: ModelGate | null): string | undefined {
  if (!gate) return `${name} has not been held against its gate`;
  return gate.fails.length > 0 ? `${name} fails its gate` : undefined;
}

/** The same, with the conditions that it does not meet. */
export function faultOf(name: string, gate: ModelGate | null): string | undefined {
  const brief = inBrief(name, gate);
  return brief && gate ? `${brief} (not met: ${gate.fails.join('; ')})` : brief;
}

/** Numbers in rows and columns. */
export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Pictures in named rows. */
export interface SheetPicture {
  /** The file's name without its ending. */
  readonly file: string;
  /** What one sees, in a sentence. */
  readonly caption: string;
  readonly title: string;
  readonly rows: readonly {
    readonly label: string;
    /** [C, H, W] in [0,1], all of one size; undefined leaves a place free. */
    readonly pictures: readonly (Tensor<'float32'> | undefined)[];
    /** Below each picture. */
    readonly captions?: readonly (string | undefined)[];
    /** Whether the row begins a new group, set off from what is above. */
    readonly apart?: boolean;
  }[];
}

/** A plot, drawn. */
export interface PlotPicture {
  readonly file: string;
  readonly caption: string;
  readonly svg: string;
}

export type Picture = SheetPicture | PlotPicture;

/** What the first half of an experiment gives: numbers that JSON keeps, and the sheets of pictures, which it does not. */
export interface Measured<Numbers> {
  readonly numbers: Numbers;
  readonly sheets?: readonly SheetPicture[];
}

/** What the second half makes of the numbers: verdicts, words and plots. */
export interface Findings {
  readonly claims: readonly Claim[];
  readonly tables?: readonly Table[];
  readonly plots?: readonly PlotPicture[];
  /** How it was measured, and what was not: sentences for the report. */
  readonly notes?: readonly string[];
}
