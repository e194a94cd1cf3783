import { choose, combine, dots, norms } from '../../tensor/rowwise.ts';
import type { Floats } from '../../tensor/tensor.ts';

/**
 * How the limited-memory BFGS method moves seeds.
 * @group Embedding
 */
export interface LbfgsOptions {
  /** How far off, root mean square, the picture may be (standardised), over 0. */
  readonly tau: number;
  /** Evaluations of the objective and its gradient, from 1; 3 T network evaluations each. */
  readonly iterations: number;
  /** Earlier moves that the curvature is taken from. */
  readonly memory: number;
}

/** A function's value in each row, and its gradient. */
export interface Slope {
  readonly values: Float64Array;
  readonly gradient: Floats;
}

interface Move {
  readonly s: Floats;
  readonly y: Floats;
  /** 1 / s.y, or 0 in rows that did not move or in which the function does not curve upwards. */
  readonly rho: Float64Array;
}

/** The share of the predicted decrease that a step must bring (Armijo 1966), and the factor of the next try. */
const ARMIJO = 1e-4;
const SHRINK = 0.4;

/**
 * Minimises a function of every row by the limited-memory BFGS method (Liu and Nocedal 1989). Each row goes its own way:
 * one whose step does not lower its value enough tries a shorter one while others go on.
 * @returns the rows with the least values that were seen, and every row's value at each evaluation.
 */
export async function minimise(
  objective: (x: Floats) => Promise<Slope>,
  start: Floats,
  { iterations, memory }: Pick<LbfgsOptions, 'iterations' | 'memory'>,
  onEvaluation: (iteration: number, values: Float64Array) => void = () => {},
): Promise<{ x: Floats; values: Float64Array; history: number[][] }> {
  const count = start.shape[0]!;
  let x = start;
  let here = await objective(x);
  const history = [Array.from(here.values)];
  const moves: Move[] = [];
  let lengths: Float64Array = firstLengths(here.gradient);
  let direction = combine([-1, here.gradient]);
  for (let i = 1; i < iterations; i++) {
    const tried = combine([1, x], [lengths, direction]);
    const there = await objective(tried);
    history.push(Array.from(there.values));
    onEvaluation(i, there.values);
    const falls = dots(here.gradient, direction);
    const accepted = Array.from(
      there.values,
      (value, row) => value <= here.values[row]! + ARMIJO * lengths[row]! * falls[row]!,
    );
    const next = choose(accepted, tried, x);
    const gradient = choose(accepted, there.gradient, here.gradient);
    moves.push(moveOf(combine([1, next], [-1, x]), combine([1, gradient], [-1, here.gradient])));
    if (moves.length > memory) moves.shift();
    const values = here.values.map((value, row) => (accepted[row] ? there.values[row]! : value));
    x = next;
    here = { values, gradient };
    // Rows that were refused go on along their direction with a shorter step, the others turn.
    direction = choose(accepted, turn(moves, gradient), direction);
    lengths = lengths.map((length, row) => (accepted[row] ? 1 : length * SHRINK));
    // Where the curvature seen so far points uphill, the gradient does not.
    const uphill = Array.from(dots(direction, gradient), fall => fall >= 0);
    if (uphill.some(Boolean)) {
      direction = choose(uphill, combine([-1, gradient]), direction);
      const short = firstLengths(gradient);
      lengths = lengths.map((length, row) => (uphill[row] ? short[row]! : length));
    }
  }
  return { x, values: here.values.slice(0, count), history };
}

/** Steps that move each coordinate by about .1. */
function firstLengths(gradient: Floats): Float64Array {
  const width = gradient.data.length / gradient.shape[0]!;
  return norms(gradient).map(norm => (0.1 * Math.sqrt(width)) / Math.max(norm, 1e-30));
}

function moveOf(s: Floats, y: Floats): Move {
  const curvature = dots(s, y);
  const size = dots(y, y);
  return { s, y, rho: curvature.map((c, row) => (c > 1e-10 * size[row]! ? 1 / c : 0)) };
}

/** - H gradient, H the inverse Hessian's estimate, by the two loops of Nocedal (1980). */
function turn(moves: readonly Move[], gradient: Floats): Floats {
  let q = gradient;
  const taken: Float64Array[] = [];
  for (const { s, y, rho } of moves.toReversed()) {
    const a = dots(s, q).map((value, row) => value * rho[row]!);
    taken.push(a);
    q = combine([1, q], [a.map(value => -value), y]);
  }
  // Scaled by the latest move of each row: s.y / y.y.
  const scale = new Float64Array(gradient.shape[0]!).fill(1);
  for (const { y, rho } of moves) {
    const squares = dots(y, y);
    rho.forEach((r, row) => {
      if (r > 0) scale[row] = 1 / (r * squares[row]!);
    });
  }
  let z = combine([scale, q]);
  for (const { s, y, rho } of moves) {
    const a = taken.pop()!;
    const b = dots(y, z).map((value, row) => value * rho[row]!);
    z = combine([1, z], [a.map((value, row) => value - b[row]!), s]);
  }
  return combine([-1, z]);
}
