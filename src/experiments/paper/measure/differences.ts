import { average, jackknife } from '../../../tensor/statistics.ts';
import { type Sampled, sampled } from '../means.ts';

/** Trainings of two halves, and of the second with the random numbers of the first's. */
export interface Trained<T> {
  readonly first: readonly T[];
  readonly second: readonly T[];
  readonly sameChance: readonly T[];
}

/** By how much trainings differ. */
export interface Differences {
  /** Those of one half. */
  readonly one: Sampled;
  /** Those of two halves. */
  readonly disjoint: Sampled;
  /** Those of two halves with the same random numbers. */
  readonly sameChance: Sampled | null;
  /** `disjoint` over `one`, and less `one`, which is what the images add. */
  readonly times: Sampled;
  readonly added: Sampled;
}

/** Something of each network, in the same arrangement. */
export function each<T, U>({ first, second, sameChance }: Trained<T>, of: (one: T) => U): Trained<U> {
  return { first: first.map(of), second: second.map(of), sameChance: sameChance.map(of) };
}

/**
 * What pairs of trainings differ by, with intervals from leaving out each training in turn.
 * @param rng random number seed of the interval of the few pairs of the same random numbers.
 */
export function differences<T>(rng: number, trained: Trained<T>, of: (a: T, b: T) => number): Differences {
  const { first, second, sameChance } = trained;
  const within = [first, second].map(half => half.map((a, i) => half.slice(i + 1).map(b => of(a, b))));
  const across = first.map(a => second.map(b => of(a, b)));
  const trainings = Math.min(first.length, second.length);
  /** Without training `out` of a half: 0 or 1. */
  const without = (half?: number, out?: number) => {
    const there = (of: number, i: number) => of !== half || i !== out;
    const one = within.map((pairs, k) => meanWhere(pairs, (i, j) => there(k, i) && there(k, i + 1 + j)));
    return {
      one: average(one),
      disjoint: meanWhere(across, (i, j) => there(0, i) && there(1, j)),
    };
  };
  const over = (n: number, statistic: (means: { one: number; disjoint: number }) => number): Sampled => ({
    ...jackknife(
      statistic(without()),
      [first, second].map((half, k) => half.map((_, i) => statistic(without(k, i)))),
    ),
    n,
  });
  return {
    one: over(trainings - 1, ({ one }) => one),
    disjoint: over(trainings, ({ disjoint }) => disjoint),
    sameChance:
      sameChance.length > 0
        ? sampled(
            sameChance.map((b, i) => of(first[i]!, b)),
            rng,
          )
        : null,
    times: over(trainings - 1, ({ one, disjoint }) => (disjoint === one ? 1 : disjoint / one)),
    added: over(trainings - 1, ({ one, disjoint }) => disjoint - one),
  };
}

/** The mean of the numbers of rows that are asked for. */
function meanWhere(values: readonly (readonly number[])[], asked: (i: number, j: number) => boolean): number {
  return average(values.flatMap((row, i) => row.filter((_, j) => asked(i, j))));
}
