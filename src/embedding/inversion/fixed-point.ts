import { choose, combine, dots, norms, type PerRow } from '../../tensor/rowwise.ts';
import type { Floats } from '../../tensor/tensor.ts';
import type { Wanted } from './maps.ts';
import { type Difference, type Iterate, Slopes } from './slopes.ts';

/**
 * How a fixed point is sought, by Anderson's acceleration.
 * @group Embedding
 */
export interface AccelerationOptions {
  /** Earlier iterates that are mixed in; 0 is the plain iteration x <- g(x). */
  readonly memory: number;
  /** The share of the residual that is taken in steps without a history, after the first; 1 is undamped. */
  readonly damping: number;
  /**
   * A row has arrived when its residual |g(x) - x| is at most this share of the residual that its first guess leaves, so
   * that its error falls with the step as the guess's does; or when nothing but rounding is left.
   */
  readonly tolerance: number;
  /** Evaluations of g, at most, from 2: how good a guess is shows in the next. */
  readonly iterations: number;
}

/** Rows whose fixed points were sought, and what was measured on the way. */
export interface FixedPoint {
  /** For each row the iterate with the least residual. */
  readonly x: Floats;
  /** g(x) there. */
  readonly image: Floats;
  /** Each row's relative residual |g(x) - x| / |x| there. */
  readonly residuals: Float64Array;
  /** The relative residual at which each row has arrived. */
  readonly goals: Float64Array;
  /** What the iterates showed of g. */
  readonly slopes: Slopes;
  /** Calls of g. */
  readonly evaluations: number;
}

/** Where a fixed point is sought from: a state whose image is the first guess, or a guess. */
export type Beginning = { readonly state: Floats } | { readonly guess: Floats };

/**
 * A map of a batch [n, ...] to a batch; rows do not see each other.
 * @param wanted the rows that are needed; of the others anything may come back.
 */
export type RowMap = (x: Floats, wanted?: Wanted) => Promise<Floats>;

/**
 * Solves x = g(x) for every row of a batch at once, each row on its own: Anderson's acceleration (Anderson 1965;
 * Walker and Ni 2011, type II). With f = g(x) - x the next iterate is x + b f - (dX + b dF) c, where c minimises
 * |f - dF c| over the last `memory` differences.
 */
export async function solveFixedPoint(
  g: RowMap,
  begin: Beginning,
  { memory, damping, tolerance, iterations }: AccelerationOptions,
): Promise<FixedPoint> {
  let x = 'guess' in begin ? begin.guess : await g(begin.state);
  let last: Iterate | undefined =
    'guess' in begin ? undefined : { x: begin.state, f: combine([1, x], [-1, begin.state]) };
  const count = x.shape[0]!;
  const slopes = new Slopes(count);
  const steps: Difference[] = [];
  let evaluations = last ? 1 : 0;
  let best = x;
  /** Where the best has led: to no number, until one is seen. */
  let image = combine([Number.NaN, x]);
  let residuals = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  let goals: Float64Array = new Float64Array(count);
  /** Rows that have neither arrived nor stalled: the others stay where they are, and are not evaluated again. */
  let going = new Array<boolean>(count).fill(true);
  /** Each row's residual when it last fell by a fifth, and the evaluations since. */
  const fallen = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  const idle = new Int32Array(count);
  for (let first = true; evaluations < iterations; first = false) {
    const at = await g(x, going);
    evaluations++;
    const f = choose(going, combine([1, at], [-1, x]), last?.f ?? x);
    const now = relativeSizes(f, x);
    if (first) goals = goalsFrom(now, tolerance);
    const better = going.map((yes, row) => yes && now[row]! < residuals[row]!);
    best = choose(better, x, best);
    image = choose(better, at, image);
    residuals = residuals.map((old, row) => (better[row] ? now[row]! : old));
    residuals.forEach((residual, row) => {
      idle[row]! += 1;
      if (!(residual <= 0.8 * fallen[row]!)) return;
      fallen[row] = residual;
      idle[row] = 0;
    });
    if (last) steps.push(slopes.see(last, { x, f }));
    going = going.map((yes, row) => yes && !(residuals[row]! <= goals[row]!) && idle[row]! < PATIENCE);
    if (!going.includes(true)) break;

    if (steps.length > memory) steps.shift();
    last = { x, f };
    const mixing = mixture(
      steps.map(({ df }) => df),
      f,
    );
    const moved = combine(
      [1, x],
      [steps.length > 0 ? 1 : damping, f],
      ...steps.flatMap(
        ({ dx, df }, k) =>
          [
            [mixing[k]!.map(c => -c), dx],
            [mixing[k]!.map(c => -c), df],
          ] as [PerRow, Floats][],
      ),
    );
    x = choose(going, moved, x);
  }
  return { x: best, image, residuals, goals, slopes, evaluations };
}

/** The largest relative residual with which a row has arrived, however far off its first guess was. */
export const COARSEST = 5e-4;
/** A relative residual that single precision cannot be asked to go below. */
const FINEST = 1e-7;

/** The relative residuals at which rows have arrived, from those of their first guesses. */
export function goalsFrom(first: Float64Array, tolerance: number): Float64Array {
  return first.map(residual => Math.max(Math.min(tolerance * residual, COARSEST), FINEST));
}

/** |f| / |x| of each row; infinite where that is no number, so that it never passes for small. */
export function relativeSizes(f: Floats, x: Floats): Float64Array {
  const sizes = norms(x);
  return norms(f).map((norm, row) => {
    const size = norm / Math.max(sizes[row]!, 1e-30);
    return Number.isNaN(size) ? Number.POSITIVE_INFINITY : size;
  });
}

/** Evaluations without a fall of the residual by a fifth after which a row has stalled: g may have no fixed point at all. */
const PATIENCE = 15;

/** Relative weight of the ridge that keeps nearly parallel differences from blowing up. */
const RIDGE = 1e-10;

/** For each row the c that minimises |f - sum_k c_k basis_k|, by the normal equations; [k][row]. */
export function mixture(basis: readonly Floats[], f: Floats): Float64Array[] {
  const size = basis.length;
  const count = f.shape[0]!;
  const gram = basis.map((a, i) => basis.slice(0, i + 1).map(b => dots(a, b)));
  const right = basis.map(a => dots(a, f));
  const result = basis.map(() => new Float64Array(count));
  for (let row = 0; row < count; row++) {
    const matrix = Array.from({ length: size }, (_, i) =>
      Array.from({ length: size }, (_, j) => gram[Math.max(i, j)]![Math.min(i, j)]![row]!),
    );
    const trace = matrix.reduce((sum, line, i) => sum + line[i]!, 0);
    for (let i = 0; i < size; i++) matrix[i]![i]! += RIDGE * trace + Number.MIN_VALUE;
    const solution = solveSymmetric(
      matrix,
      right.map(values => values[row]!),
    );
    solution.forEach((value, k) => {
      result[k]![row] = value;
    });
  }
  return result;
}

/** Gaussian elimination with pivoting for a handful of unknowns. */
function solveSymmetric(matrix: number[][], right: number[]): number[] {
  const size = right.length;
  for (let column = 0; column < size; column++) {
    let pivot = column;
    for (let row = column + 1; row < size; row++) {
      if (Math.abs(matrix[row]![column]!) > Math.abs(matrix[pivot]![column]!)) pivot = row;
    }
    [matrix[column], matrix[pivot]] = [matrix[pivot]!, matrix[column]!];
    [right[column], right[pivot]] = [right[pivot]!, right[column]!];
    const lead = matrix[column]![column]!;
    if (lead === 0) continue;
    for (let row = column + 1; row < size; row++) {
      const factor = matrix[row]![column]! / lead;
      for (let k = column; k < size; k++) matrix[row]![k]! -= factor * matrix[column]![k]!;
      right[row]! -= factor * right[column]!;
    }
  }
  const solution = new Array<number>(size).fill(0);
  for (let row = size - 1; row >= 0; row--) {
    const known = matrix[row]!.slice(row + 1).reduce(
      (sum, value, k) => sum + value * solution[row + 1 + k]!,
      0,
    );
    const lead = matrix[row]![row]!;
    solution[row] = lead === 0 ? 0 : (right[row]! - known) / lead;
  }
  return solution;
}
