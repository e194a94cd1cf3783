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

/** The steps in which people count. */
const STEPS = [1, 2, 5, 10] as const;
const HAIR = 1e-9;

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
  const spread = high - low || Math.abs(low) || 1;
  const pad = padded || high === low ? 0.04 * spread : 0;
  const from = low >= 0 ? Math.max(0, low - pad) : low - pad;
  const to = high + pad;
  const step = roundUp((to - from) / most);
  const [first, last] = [Math.floor(from / step + HAIR), Math.ceil(to / step - HAIR)];
  const values = Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
  const powers = Math.max(...values.map(Math.abs)) >= 1e6 || step < 1e-4;
  const exponent = Math.floor(Math.log10(step) + HAIR);
  const text = (value: number) =>
    powers && Math.abs(value) > step / 2 ? asPower(value, exponent) : plain(value, Math.max(0, -exponent));
  return {
    log: false,
    domain: [first * step, last * step],
    ticks: values.map(value => ({ value, text: text(value) })),
    minor: [],
  };
}

function logarithmic(low: number, high: number, most: number, padded: boolean): Scale {
  const pad = padded || low === high ? Math.max(high / low, 2) ** 0.03 : 1;
  const [from, to] = [roundDown(low / pad), roundUp(high * pad)];
  const [first, last] = [Math.floor(Math.log10(from) + HAIR), Math.ceil(Math.log10(to) - HAIR)];
  const inside = (value: number) => value >= from * (1 - HAIR) && value <= to * (1 + HAIR);
  const of = (factors: readonly number[], exponents: readonly number[]) =>
    exponents.flatMap(n => factors.map(factor => Number(`${factor}e${n}`))).filter(inside);
  const exponents = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  const decades = of([1], exponents);
  const stride = Math.ceil(decades.length / most);
  const numbered =
    decades.length < 3
      ? of([1, 2, 5], exponents)
      : of(
          [1],
          exponents.filter(n => n % stride === 0),
        );
  const minor = stride > 1 ? decades : of([1, 2, 3, 4, 5, 6, 7, 8, 9], exponents);
  const powers = first < -3 || last > 6;
  const text = (value: number) => {
    const exponent = Math.floor(Math.log10(value) + HAIR);
    return powers ? asPower(value, exponent) : plain(value, Math.max(0, -exponent));
  };
  return {
    log: true,
    domain: [from, to],
    ticks: numbered.map(value => ({ value, text: text(value) })),
    minor: minor.filter(value => !numbered.includes(value)),
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

/** The next number of 1, 2 or 5 times a power of ten, upwards. */
function roundUp(value: number): number {
  const exponent = Math.floor(Math.log10(value));
  return Number(
    `${STEPS.find(step => Number(`${step}e${exponent}`) >= value * (1 - HAIR)) ?? 10}e${exponent}`,
  );
}

/** The next number of 1, 2 or 5 times a power of ten, downwards. */
function roundDown(value: number): number {
  const exponent = Math.floor(Math.log10(value) + HAIR);
  const step = STEPS.findLast(step => Number(`${step}e${exponent}`) <= value * (1 + HAIR)) ?? 1;
  return Number(`${step}e${exponent}`);
}

const SUPERSCRIPTS: Readonly<Record<string, string>> = Object.fromEntries(
  Array.from('-0123456789', (sign, i) => [sign, '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'[i]!]),
);

/** 0.0002 as 2×10⁻⁴, and 0.001 as 10⁻³; with as many digits as the power of ten `to` needs. */
function asPower(value: number, to: number): string {
  const exponent = Math.floor(Math.log10(Math.abs(value)) + HAIR);
  const factor = plain(value / 10 ** exponent, Math.max(0, exponent - to)).replace(/\.0+$/, '');
  const power = `10${Array.from(String(exponent), sign => SUPERSCRIPTS[sign]).join('')}`;
  return factor === '1' ? power : `${factor}×${power}`;
}

/** 12345.6 as 12,345.6, with a true minus sign. */
function plain(value: number, decimals: number): string {
  const [whole = '', fraction] = Math.abs(value).toFixed(decimals).split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  const digits = fraction ? `${grouped}.${fraction}` : grouped;
  return value < 0 && /[1-9]/.test(digits) ? `−${digits}` : digits;
}
