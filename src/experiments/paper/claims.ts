import type { Interval } from '../../tensor/statistics.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { figure, LEAST, type Sampled, withInterval } from './means.ts';

/** Whether what the paper says is so: it holds, in part, it fails, or the measurement cannot tell. */
export const VERDICTS = ['holds', 'partly', 'fails', 'open'] as const;
export type Verdict = (typeof VERDICTS)[number];

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
