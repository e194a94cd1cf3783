import { fillUniform } from '../../../tensor/random.ts';
import { average, type Interval } from '../../../tensor/statistics.ts';

const RESAMPLES = 2000;

/**
 * The mean of some values over that of others, with its 95 % bootstrap interval.
 * @param paired whether value i of both belongs to one thing, so that they are drawn together.
 */
export function ratioOfMeans(
  above: readonly number[],
  below: readonly number[],
  rng: number,
  paired = false,
): Interval {
  const [a, b] = [above, below].map(values => new Float64Array(values.length));
  const drawn = Array.from({ length: RESAMPLES }, (_, round) => {
    fillUniform({ seed: rng, purpose: 'ratio' }, round, 0, a!);
    fillUniform({ seed: rng, purpose: 'ratio' }, round, paired ? 0 : 1, b!);
    const mean = (values: readonly number[], uniform: Float64Array) =>
      average(Array.from(uniform, u => values[Math.min(values.length - 1, Math.floor(u * values.length))]!));
    return mean(above, a!) / mean(below, b!);
  }).sort((x, y) => x - y);
  return {
    mean: average(above) / average(below),
    low: drawn[Math.floor(0.025 * RESAMPLES)]!,
    high: drawn[Math.floor(0.975 * RESAMPLES)]!,
  };
}
