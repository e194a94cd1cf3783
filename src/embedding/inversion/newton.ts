import { choose, combine, dots, norms } from '../../tensor/rowwise.ts';
import { type Floats, zeros } from '../../tensor/tensor.ts';
import { type FixedPoint, goalsFrom, mixture, type RowMap, relativeSizes } from './fixed-point.ts';
import type { Wanted } from './maps.ts';
import { Slopes } from './slopes.ts';

/**
 * How Newton's method solves a step.
 * @group Embedding
 */
export interface NewtonOptions {
  /** A row has arrived when its residual |g(x) - x| is at most this share of the one that its first guess leaves. */
  readonly tolerance: number;
  /** Newton steps, at most. */
  readonly outer: number;
  /** Dimensions of each Krylov space, two network evaluations each. */
  readonly krylov: number;
}

/** How often a step that made things worse is halved before it is given up. */
const HALVINGS = 3;
/** Below this share of its length a new direction holds nothing but rounding. */
const ROUNDING = 1e-6;

/**
 * Solves x = g(x) in every row by Newton's method: (I - Dg) d = g(x) - x is solved in a Krylov space (GMRES, Saad and
 * Schultz 1986), x moves by d, or by half of it while that leaves a larger residual. Unlike the plain iteration it does
 * not need a contraction.
 * @param g maps a batch [n, ...] to a batch, rows on their own.
 * @param slope from x and a direction v to v - Dg(x) v; of rows that are not wanted anything may come back.
 * @param start the state whose image g(start) is the first guess.
 * @param begun where another method stopped, instead.
 */
export async function solveByNewton(
  g: RowMap,
  slope: (x: Floats, v: Floats, wanted: Wanted) => Promise<Floats>,
  start: Floats,
  { tolerance, outer, krylov }: NewtonOptions,
  begun?: Pick<FixedPoint, 'x' | 'image' | 'goals' | 'slopes'>,
): Promise<FixedPoint> {
  const slopes = begun?.slopes ?? new Slopes(start.shape[0]!);
  let x = begun?.x ?? (await g(start));
  let residual = combine([1, begun?.image ?? (await g(x))], [-1, x]);
  if (!begun) slopes.see({ x: start, f: combine([1, x], [-1, start]) }, { x, f: residual });
  let evaluations = begun ? 0 : 2;
  const nought = zeros('float32', x.shape);
  let sizes = relativeSizes(residual, x);
  const goals = begun?.goals ?? goalsFrom(sizes, tolerance);
  for (let i = 0; i < outer && sizes.some((size, row) => size > goals[row]!); i++) {
    const at = x;
    const before = residual;
    const pending = sizes.map((size, row) => Number(size > goals[row]!));
    const going = wantedBy(pending);
    const move = await krylovStep(v => slope(at, v, going), choose(going, residual, nought), krylov, slopes);
    evaluations += 2 * krylov;
    for (let halving = 0; halving <= HALVINGS && pending.some(Boolean); halving++) {
      const tried = combine([1, at], [pending.map(p => p * 0.5 ** halving), move]);
      const triedResidual = combine([1, await g(tried, wantedBy(pending))], [-1, tried]);
      evaluations++;
      const triedSizes = relativeSizes(triedResidual, tried);
      const better = Array.from(triedSizes, (size, row) => pending[row]! > 0 && size < sizes[row]!);
      x = choose(better, tried, x);
      residual = choose(better, triedResidual, residual);
      sizes = sizes.map((size, row) => (better[row] ? triedSizes[row]! : size));
      better.forEach((yes, row) => {
        if (yes) pending[row] = 0;
      });
    }
    slopes.see({ x: at, f: before }, { x, f: residual });
  }
  return { x, image: combine([1, x], [1, residual]), residuals: sizes, goals, slopes, evaluations };
}

const wantedBy = (pending: Float64Array): boolean[] => Array.from(pending, row => row > 0);

/** The d in the span of r, A r, ..., A^(m-1) r that makes |r - A d| least, in every row. @param slopes learn what A does. */
async function krylovStep(
  apply: (v: Floats) => Promise<Floats>,
  r: Floats,
  dimensions: number,
  slopes: Slopes,
): Promise<Floats> {
  const directions: Floats[] = [unit(r)];
  const images: Floats[] = [];
  for (let k = 0; k < dimensions; k++) {
    const image = await apply(directions[k]!);
    images.push(image);
    slopes.stretch(directions[k]!, image);
    // Twice, since once leaves rounding in the way (Giraud et al. 2005).
    directions.push(unit(orthogonal(orthogonal(image, directions), directions), norms(image)));
  }
  const weights = mixture(images, r);
  return combine(...images.map((_, k) => [weights[k]!, directions[k]!] as const));
}

/** What is left of each row of v without its parts along the directions. */
function orthogonal(v: Floats, directions: readonly Floats[]): Floats {
  return combine([1, v], ...directions.map(d => [dots(v, d).map(part => -part), d] as const));
}

/** Each row at length one; zero where it is only rounding compared with `scale`. */
function unit(v: Floats, scale = norms(v)): Floats {
  const lengths = norms(v);
  return combine([lengths.map((length, row) => (length > ROUNDING * scale[row]! ? 1 / length : 0)), v]);
}
