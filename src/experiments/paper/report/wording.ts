import type { Interval } from '../../../tensor/statistics.ts';

/** A number as the report writes it: three digits, without a zero before the point; powers of ten where it is tiny; ∞ for a ratio to nothing. */
export function figure(value: number, digits = 3): string {
  if (value === 0) return '0';
  if (value === Number.POSITIVE_INFINITY) return '∞';
  if (value !== 0 && (Math.abs(value) < 1e-4 || Math.abs(value) >= 1e6))
    return value.toExponential(digits - 1);
  const text = value.toPrecision(digits);
  const plain = text.includes('e') ? String(Number(text)) : text;
  return plain.replace(/^(-?)0\./, '$1.');
}

/** A mean with its 95 % interval: `.0281 (.0268 to .0294)`. */
export function withInterval({ mean, low, high }: Interval, digits = 3): string {
  return `${figure(mean, digits)} (${figure(low, digits)} to ${figure(high, digits)})`;
}

/** A share as percents. */
export function percent(share: number): string {
  return `${figure(100 * share, 2)} %`;
}
