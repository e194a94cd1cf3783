/**
 * A statistic's values on null draws, ordered and scored once so that many seeds can be held against them.
 * Scores are what the combined test compares: about normal where values are.
 */
export class NullValues {
  readonly mean: number;
  private readonly ordered: Float64Array;
  private readonly scores: Float64Array;
  private readonly score: (value: number) => number;
  private readonly sum: number;
  private readonly sumOfSquares: number;

  /** @param score a monotone function that makes the values' distribution about symmetric. */
  constructor(values: Float64Array, score: (value: number) => number) {
    this.ordered = values.toSorted();
    this.score = score;
    this.scores = values.map(score);
    this.mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    this.sum = this.scores.reduce((sum, s) => sum + s, 0);
    this.sumOfSquares = this.scores.reduce((sum, s) => sum + s * s, 0);
  }

  /** The value below which a share of the draws lies. */
  quantile(share: number): number {
    return this.ordered[Math.min(this.ordered.length - 1, Math.floor(share * this.ordered.length))]!;
  }

  /** Two-sided p-value by rank: twice the share of draws at least as far out on the value's side, the value counted in. */
  p(value: number): number {
    let [below, above] = [1, 1];
    for (const drawn of this.ordered) {
      if (drawn <= value) below++;
      if (drawn >= value) above++;
    }
    return Math.min(1, (2 * Math.min(below, above)) / (this.ordered.length + 1));
  }

  /**
   * How many standard deviations the value's score and those of the draws lie from the mean of all of them. The value is
   * treated as one more draw: what is done to all alike leaves them exchangeable.
   * @param furthest raised where a draw lies further out; @returns the value's own.
   */
  distances(value: number, furthest: Float64Array): number {
    const count = this.scores.length + 1;
    const score = this.score(value);
    const mean = (this.sum + score) / count;
    const deviation = Math.sqrt(Math.max((this.sumOfSquares + score * score) / count - mean * mean, 0));
    if (deviation === 0) return 0;
    for (let r = 0; r < furthest.length; r++) {
      furthest[r] = Math.max(furthest[r]!, Math.abs(this.scores[r]! - mean) / deviation);
    }
    return Math.abs(score - mean) / deviation;
  }
}

/**
 * One p-value from many statistics of a value: the share of draws whose furthest statistic is as far out, the value
 * counted in (Westfall and Young 1993, "Resampling-based multiple testing", max T). Exact whatever their dependence.
 */
export function combinedP(nulls: readonly NullValues[], values: readonly number[], draws: number): number {
  const furthest = new Float64Array(draws);
  const own = Math.max(...nulls.map((drawn, i) => drawn.distances(values[i]!, furthest)));
  return (1 + furthest.reduce((count, distance) => count + (distance >= own ? 1 : 0), 0)) / (draws + 1);
}
