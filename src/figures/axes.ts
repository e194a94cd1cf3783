import { format, precisionFixed } from 'd3-format';
import { scaleLinear } from 'd3-scale';
import { SeedbedError } from '../errors.ts';

/** What an axis shows: the quantity with its unit, as in "distortion (mean squared error)". */
export interface Axis {
  readonly label: string;
  /** Whether equal ratios are equally far apart; the values must be above zero then. */
  readonly log?: boolean;
}

/** An axis made ready: what it spans, and where it is marked. */
export interface Scale {
  readonly log: boolean;
  readonly domain: readonly [number, number];
  readonly ticks: readonly { readonly value: number; readonly text: string }[];
  /** Marks without a number. */
  readonly minor: readonly number[];
}

/** Of the ends of a logarithmic axis, and of its numbers where few powers of ten lie on it. */
const FACTORS = [1, 2, 5];
const HAIR = 1e-9;

/** Whether two numbers, the smaller first, are one to rounding. */
const isSame = (low: number, high: number) => high - low <= HAIR * Math.max(Math.abs(low), Math.abs(high));

/**
 * The scale that shows all values between round ends.
 * @param values finite, above zero for a logarithmic axis: {@link requireShowable}.
 * @param most how many numbers there is room for.
 * @param padded whether no value, other than zero, may lie on an end.
 */
export function scaleOf(
  { log = false }: Axis,
  values: readonly number[],
  most: number,
  padded: boolean,
): Scale {
  // Not Math.min(...values), which has a limit of arguments.
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  return log ? logarithmic(low, high, most, padded) : linear(low, high, most, padded);
}

function linear(low: number, high: number, most: number, padded: boolean): Scale {
  const spread = isSame(low, high) ? Math.abs(low) || 1 : high - low;
  const pad = padded || isSame(low, high) ? 0.04 * spread : 0;
  const ends = [low >= 0 ? Math.max(0, low - pad) : low - pad, high + pad];
  // Of so many that are asked for, D3 gives up to 1.6 times as many.
  const few = most / 1.6;
  const scale = scaleLinear(ends, [0, 1]).nice(few);
  const ticks = scale.ticks(few);
  const step = Number(((ticks.at(-1)! - ticks[0]!) / (ticks.length - 1)).toPrecision(6));
  const powers = step < 1e-4 || Math.max(...ticks.map(Math.abs)) >= 1e6;
  const text = (value: number) => (powers ? asPower(value) : plain(value, step));
  const [from, to] = scale.domain() as [number, number];
  return {
    log: false,
    domain: [from, to],
    ticks: ticks.map(value => ({ value, text: text(value) })),
    minor: [],
  };
}

function logarithmic(low: number, high: number, most: number, padded: boolean): Scale {
  const pad = padded || isSame(low, high) ? Math.max(high / low, 2) ** 0.03 : 1;
  const from = roundsAround(low / pad).findLast(round => round <= (low / pad) * (1 + HAIR))!;
  const to = roundsAround(high * pad).find(round => round >= high * pad * (1 - HAIR))!;
  const domain = [from, to] as const;
  const [first, last] = domain.map(end => Math.floor(Math.log10(end) + HAIR)) as [number, number];
  const exponents = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  const marks = (factors: readonly number[], of = exponents) =>
    of
      .flatMap(n => factors.map(factor => Number(`${factor}e${n}`)))
      .filter(mark => mark >= from * (1 - HAIR) && mark <= to * (1 + HAIR));
  const decades = marks([1]);
  const stride = Math.ceil(decades.length / most);
  const numbered =
    decades.length < 3
      ? marks(FACTORS)
      : marks(
          [1],
          exponents.filter(n => n % stride === 0),
        );
  const powers = domain[0] < 1e-3 || domain[1] > 1e6;
  const text = (value: number) => (powers ? asPower(value) : plain(value, value));
  return {
    log: true,
    domain,
    ticks: numbered.map(value => ({ value, text: text(value) })),
    minor: (stride > 1 ? decades : marks([1, 2, 3, 4, 5, 6, 7, 8, 9])).filter(
      value => !numbered.includes(value),
    ),
  };
}

/** The pixel of a value on a scale that is drawn from one pixel to another. */
export function pixelOn({ log, domain }: Scale, from: number, to: number): (value: number) => number {
  const along = log ? Math.log10 : (value: number) => value;
  const [low, high] = [along(domain[0]), along(domain[1])];
  return value => from + ((along(value) - low) / (high - low)) * (to - from);
}

/** @throws {SeedbedError} BadArgument when the axis cannot show the value that `where` names. */
export function requireShowable({ log }: Axis, value: number, where: string): void {
  if (!Number.isFinite(value))
    throw new SeedbedError('BadArgument', `${where} is ${value}; a figure shows finite numbers only`);
  if (log && value <= 0) {
    const remedy = 'leave it out, or draw the axis linear';
    throw new SeedbedError(
      'BadArgument',
      `${where} is ${value}; a logarithmic axis shows numbers above 0: ${remedy}`,
    );
  }
}

/** The numbers of 1, 2 or 5 times a power of ten from the last power of ten below a value to the next. */
function roundsAround(value: number): number[] {
  const exponent = Math.floor(Math.log10(value));
  return [...FACTORS, 10].map(factor => Number(`${factor}e${exponent}`));
}

const SUPERSCRIPTS: Readonly<Record<string, string>> = Object.fromEntries(
  Array.from('-0123456789', (sign, i) => [sign, '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'[i]!]),
);

/** 0.0002 as 2×10⁻⁴, and 0.001 as 10⁻³. */
function asPower(value: number): string {
  if (value === 0) return '0';
  const [factor, exponent = ''] = format('.9~e')(value).split('e');
  const power = `10${Array.from(exponent.replace('+', ''), sign => SUPERSCRIPTS[sign]).join('')}`;
  return factor === '1' ? power : `${factor}×${power}`;
}

/** 12345.6 as 12,345.6, with a true minus sign and the decimals that tell values apart that differ by `step`. */
const plain = (value: number, step: number) => format(`,.${precisionFixed(step)}f`)(value);
