import { combine, norms } from '../../tensor/rowwise.ts';
import type { Floats } from '../../tensor/tensor.ts';

/** A point and its residual f = g(x) - x. */
export interface Iterate {
  readonly x: Floats;
  readonly f: Floats;
}

/** What lies between two iterates. */
export interface Difference {
  readonly dx: Floats;
  readonly df: Floats;
}

/** Differences shorter than this share of a point are rounding, and show no slope. */
const SHORTEST = 1e-5;

/** What rounding to single precision does to a point, relative. */
export const ROUNDING = 2 ** -23;

/**
 * How steep a map g is, as pairs of its iterates show it: a secant says by how much g stretches one direction, and by how
 * much the inverse of I - g does. The largest seen stand for all: iterations turn to the directions that are hard for them.
 */
export class Slopes {
  /** Each row's largest |g(x') - g(x)| / |x' - x|: the factor of the plain iteration, above 1 it would diverge. */
  readonly factors: Float64Array;
  /** Each row's largest |x' - x| / |f(x') - f(x)|: what turns a residual into the distance to the fixed point. */
  readonly stretches: Float64Array;

  constructor(count: number) {
    this.factors = new Float64Array(count).fill(Number.NaN);
    this.stretches = new Float64Array(count).fill(Number.NaN);
  }

  /** Takes the secant of two iterates into account. @returns their difference. */
  see(from: Iterate, to: Iterate): Difference {
    const dx = combine([1, to.x], [-1, from.x]);
    const df = combine([1, to.f], [-1, from.f]);
    const [lengths, sizes, moved] = [norms(dx), norms(to.x), norms(combine([1, dx], [1, df]))];
    norms(df).forEach((turned, row) => {
      if (!(lengths[row]! > SHORTEST * sizes[row]!)) return;
      // Rounding would pass for a slope.
      const moves = moved[row]! - ROUNDING * sizes[row]!;
      this.factors[row] = larger(this.factors[row]!, moves / lengths[row]!);
      this.stretches[row] = larger(this.stretches[row]!, lengths[row]! / turned);
    });
    return { dx, df };
  }

  /** Takes into account that I - Dg turns v into `image`. */
  stretch(v: Floats, image: Floats): void {
    const lengths = norms(v);
    norms(image).forEach((turned, row) => {
      if (turned > 0 && lengths[row]! > 0)
        this.stretches[row] = larger(this.stretches[row]!, lengths[row]! / turned);
    });
  }
}

/** The larger of two numbers, each of which may not be known. */
function larger(known: number, seen: number): number {
  return known >= seen || Number.isNaN(seen) ? known : seen;
}
