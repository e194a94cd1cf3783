import type { ExactKind, ReversingKind, SamplerKind } from '../../diffusion/samplers.ts';

/**
 * What samplers multiply Gaussian data by, where all of them are linear: recursions on single numbers, in the angle phi
 * with cos phi = s and sin phi = n, written down apart from the samplers that they are held against.
 */

/** The angles of signal rates .95 and .02, between which the schedule of Asperti et al. (2023) is linear. */
const [CLEANEST, NOISIEST] = [Math.acos(0.95), Math.acos(0.02)];

/** The angles that T steps visit, from the noise on; the last step goes to angle 0. */
function angles(steps: number): number[] {
  return Array.from({ length: steps }, (_, i) => CLEANEST + ((steps - i) / steps) * (NOISIEST - CLEANEST));
}

/** The posterior means of the picture and of the noise in x = 1. */
function parts(variance: number, angle: number): { x0: number; epsilon: number } {
  const [s, n] = [Math.cos(angle), Math.sin(angle)];
  const total = s * s * variance + n * n;
  return { x0: (s * variance) / total, epsilon: n / total };
}

/** Of a DDIM step. */
function stepGain(variance: number, from: number, to: number): number {
  const { x0, epsilon } = parts(variance, from);
  return Math.cos(to) * x0 + Math.sin(to) * epsilon;
}

/** Of each DDIM step, that from the noise first. */
export function stepGains(variance: number, steps: number): number[] {
  const visited = angles(steps);
  return visited.map((from, i) => stepGain(variance, from, visited[i + 1] ?? 0));
}

/** What naive inversion multiplies a picture by: each step takes the noise predicted at its cleaner end. */
export function naiveGain(variance: number, steps: number): number {
  const visited = angles(steps);
  return product(
    visited.map((from, i) => {
      const to = visited[i + 1] ?? 0;
      const { epsilon } = parts(variance, from);
      return (Math.cos(from) / Math.cos(to)) * (1 - Math.sin(to) * epsilon) + Math.sin(from) * epsilon;
    }),
  );
}

/** What Uni-Inv multiplies a picture by: each step takes the noise at its noisier end, where the noise before leads. */
export function uniInvGain(variance: number, steps: number): number {
  const visited = [...angles(steps), 0].toReversed();
  let [x, before] = [1, parts(variance, visited[1]!).epsilon];
  for (let i = 1; i <= steps; i++) {
    const [from, to] = [visited[i - 1]!, visited[i]!];
    before = parts(variance, to).epsilon * turned(x, before, from, to);
    x = turned(x, before, from, to);
  }
  return x;
}

/**
 * Where proximal-mean inversion leads a picture: in steps of the noise rate, each noise but the first is moved by the radius
 * against sign(noise - noise before) + noise - mean noise.
 */
export function pmiSeed(variance: number, steps: number, picture: readonly number[]): number[] {
  const visited = [...angles(steps), 0].toReversed();
  const size = 2 * picture.length;
  const sum = picture.map(() => 0);
  let x = [...picture];
  let before: number[] | undefined;
  for (let i = 1; i <= steps; i++) {
    const [from, to] = [visited[i - 1]!, visited[i]!];
    const passed = Math.sin(to) - Math.sin(from);
    const seen = x.map(value => parts(variance, to).epsilon * value);
    const pull = seen.map((value, k) => {
      sum[k]! += passed * value;
      return Math.sign(value - (before?.[k] ?? value)) + value - sum[k]! / Math.sin(to);
    });
    const radius = before ? (Math.sqrt(size + 3 * Math.sqrt(size)) * passed) / Math.hypot(...pull) : 0;
    x = x.map((value, k) => turned(value, seen[k]! - radius * pull[k]!, from, to));
    before = seen;
  }
  return x;
}

/** The factor by which the plain iteration that undoes a DDIM step contracts, of each step from the noise on. */
export function contractions(variance: number, steps: number): number[] {
  const visited = angles(steps);
  return visited.map((from, i) => {
    const to = visited[i + 1] ?? 0;
    const beta = Math.sin(to) - (Math.sin(from) * Math.cos(to)) / Math.cos(from);
    return Math.abs((beta * Math.cos(from)) / Math.cos(to)) * parts(variance, from).epsilon;
  });
}

/** What infinitely many steps would give down to the last of T, which keep x / sqrt(s^2 v + n^2) (Song et al. 2021). */
export function flowGain(variance: number, steps: number): number {
  const last = angles(steps).at(-1)!;
  const deviation = (angle: number) => Math.sqrt(Math.cos(angle) ** 2 * variance + Math.sin(angle) ** 2);
  return (deviation(last) / deviation(NOISIEST)) * parts(variance, last).x0;
}

export function product(values: readonly number[]): number {
  return values.reduce((all, value) => all * value, 1);
}

/** Of a whole sampler. */
export function gainOf(kind: SamplerKind, variance: number, steps: number): number {
  switch (kind) {
    case 'ddim':
      return product(stepGains(variance, steps));
    case 'heun':
      return heun(variance, steps);
    case 'heunsigma':
      return heunInSigma(variance, steps);
    case 'dpmpp2m':
      return dpmpp2m(variance, steps);
    case 'rfsolver':
      return rfsolver(variance, halved(steps));
    case 'fireflow':
      return fireflow(variance, halved(steps));
    default: {
      const [first, ...rest] = angles(steps) as [number, ...number[]];
      const together = kind === 'edict' || kind === 'rex';
      const begun: Pair = together ? [1, 1] : [1, stepGain(variance, first, rest[0] ?? 0)];
      const [x, y] = lead(kind, variance, steps, begun);
      return kind === 'edict' ? x : y;
    }
  }
}

/** Heun's method on dx/dphi = v = s epsilon - n x0. */
function heun(variance: number, steps: number): number {
  const visited = angles(steps);
  const slope = (angle: number) => {
    const { x0, epsilon } = parts(variance, angle);
    return Math.cos(angle) * epsilon - Math.sin(angle) * x0;
  };
  const inner = visited.slice(1).map((to, i) => {
    const from = visited[i]!;
    return 1 + ((to - from) / 2) * (slope(from) + slope(to) * stepGain(variance, from, to));
  });
  return product(inner) * stepGain(variance, visited.at(-1)!, 0);
}

/** The same on d(x/s)/dsigma = epsilon: x/s is 1/s at first, and s of each level after it takes it back to x. */
function heunInSigma(variance: number, steps: number): number {
  const visited = angles(steps);
  const inner = visited.slice(1).map((to, i) => {
    const from = visited[i]!;
    const mean =
      (parts(variance, from).epsilon + parts(variance, to).epsilon * stepGain(variance, from, to)) / 2;
    return Math.cos(to) * (1 / Math.cos(from) + (Math.tan(to) - Math.tan(from)) * mean);
  });
  return product(inner) * stepGain(variance, visited.at(-1)!, 0);
}

/** DPM-Solver++(2M): x0 taken as linear in lambda = log(s/n) through the last two predictions, at the step's middle. */
function dpmpp2m(variance: number, steps: number): number {
  const visited = angles(steps);
  let x = 1;
  let before: { x0: number; lambda: number } | undefined;
  for (const [i, angle] of visited.slice(0, -1).entries()) {
    const next = visited[i + 1]!;
    const x0 = parts(variance, angle).x0 * x;
    const lambda = -Math.log(Math.tan(angle));
    const h = -Math.log(Math.tan(next)) - lambda;
    const slope = before ? (x0 - before.x0) / (lambda - before.lambda) : 0;
    const ahead = x0 + (h / 2) * slope;
    x = (Math.sin(next) / Math.sin(angle)) * x + Math.cos(next) * (1 - Math.exp(-h)) * ahead;
    before = { x0, lambda };
  }
  return parts(variance, visited.at(-1)!).x0 * x;
}

/** A step from an angle to another, and the angle halfway: that at half the time, also of the step to the picture. */
type Halved = readonly [from: number, between: number, to: number];

function halved(steps: number): Halved[] {
  const visited = angles(steps);
  const half = (NOISIEST - CLEANEST) / (2 * steps);
  return visited.map((from, i) => [from, from - half, visited[i + 1] ?? 0]);
}

/** Where x lies at another angle if its noise is epsilon. */
function turned(x: number, epsilon: number, from: number, to: number): number {
  return (Math.cos(to) * (x - Math.sin(from) * epsilon)) / Math.cos(from) + Math.sin(to) * epsilon;
}

/** The midpoint rule: the noise halfway leads the whole step. */
function rfsolver(variance: number, steps: readonly Halved[]): number {
  return steps.reduce((x, [from, between, to]) => {
    const half = turned(x, parts(variance, asked(from, between)).epsilon * x, from, between);
    return turned(x, parts(variance, between).epsilon * half, from, to);
  }, 1);
}

/** The same, where the noise that the step before saw halfway leads to the middle of this one. */
function fireflow(variance: number, steps: readonly Halved[]): number {
  const [first, middle] = steps[0]!;
  let [x, epsilon] = [1, parts(variance, asked(first, middle)).epsilon];
  for (const [from, between, to] of steps) {
    epsilon = parts(variance, between).epsilon * turned(x, epsilon, from, between);
    x = turned(x, epsilon, from, to);
  }
  return x;
}

/** Networks are not asked about the clean picture, at angle 0, but as if it lay halfway of its step. */
function asked(from: number, between: number): number {
  return from || between;
}

/** What a sampler that is run both ways multiplies a picture by on its way back. */
export function reversedGain(kind: ReversingKind, variance: number, steps: number): number {
  const back = halved(steps)
    .toReversed()
    .map(([from, between, to]): Halved => [to, between, from]);
  const gains: Record<ReversingKind, typeof rfsolver> = { rfsolver, fireflow };
  return gains[kind](variance, back);
}

/** The two states of an exact sampler. */
export type Pair = readonly [x: number, y: number];

/** Where an exact sampler leads two states, from those with which it begins to those with which it ends. */
function lead(kind: ExactKind, variance: number, steps: number, begun: Pair): Pair {
  const visited = [...angles(steps), 0];
  const epsilon = (angle: number) => parts(variance, angle).epsilon;
  let [x, y] = begun;
  if (kind === 'edict') {
    for (const [i, from] of visited.slice(0, -1).entries()) {
      const to = visited[i + 1]!;
      const a = Math.cos(to) / Math.cos(from);
      const b = (Math.sin(to) - a * Math.sin(from)) * epsilon(from);
      const moved = a * x + b * y;
      const other = a * y + b * moved;
      x = 0.93 * moved + 0.07 * other;
      y = 0.93 * other + 0.07 * x;
    }
    return [x, y];
  }
  if (kind === 'rex') return rex();
  const next: Record<typeof kind, typeof bdia> = { bdia, obelm };
  for (let i = 1; i < steps; i++) {
    const [noisier, present, cleaner] = visited.slice(i - 1, i + 2) as [number, number, number];
    [x, y] = [y, next[kind](noisier, present, cleaner)];
  }
  return [x, y];

  /** In x / sin phi, whose slope in cot phi is x0, the pair keeping .999 of its own; the last step has no such scale. */
  function rex(): Pair {
    const cot = (angle: number) => 1 / Math.tan(angle);
    const slope = (value: number, angle: number) => parts(variance, angle).x0 * Math.sin(angle) * value;
    const last = visited[steps - 1]!;
    let [one, other] = [x, y].map(state => state / Math.sin(visited[0]!)) as [number, number];
    for (const [i, to] of visited.slice(1, -1).entries()) {
      const h = cot(to) - cot(visited[i]!);
      one = 0.999 * one + 0.001 * other + h * slope(other, visited[i]!);
      other += h * slope(one, to);
    }
    const [first, second] = [one * Math.sin(last), other * Math.sin(last)];
    return [second, parts(variance, last).x0 * second + 0.999 * (first - second)];
  }

  /** The state before last, less the step back to it, and the step on. */
  function bdia(noisier: number, present: number, next: number): number {
    const towards = (angle: number) => stepGain(variance, present, angle) * y;
    return x - towards(noisier) + towards(next);
  }

  /** The parabola in sigma = tan phi that passes through both states over s, with the slope epsilon at the second. */
  function obelm(noisier: number, present: number, next: number): number {
    const at = Math.tan(present);
    const [back, on] = [Math.tan(noisier) - at, Math.tan(next) - at];
    const value = y / Math.cos(present);
    const slope = epsilon(present) * y;
    const bend = (x / Math.cos(noisier) - value - slope * back) / back ** 2;
    return Math.cos(next) * (value + slope * on + bend * on ** 2);
  }
}

/** The first state's weights of the last two, when an exact sampler is run backwards: its seed is a x + b y. */
export function backwardWeights(kind: ExactKind, variance: number, steps: number): Pair {
  const [a, c] = lead(kind, variance, steps, [1, 0]);
  const [b, d] = lead(kind, variance, steps, [0, 1]);
  const determinant = a * d - b * c;
  return [d / determinant, -b / determinant];
}
