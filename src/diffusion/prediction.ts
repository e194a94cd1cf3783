import type { GraphBuilder, Value } from '../graph/builder.ts';
import type { Level, Rates, Target } from './schedule.ts';

/** Signal and noise rate in a graph. */
export interface RateValues {
  readonly signal: Value;
  readonly noise: Value;
}

/** Both parts of a noisy picture, and their rates, in a graph. */
interface Parts extends RateValues {
  readonly x0: Value;
  readonly epsilon: Value;
}

/** What a network may predict of x = s x0 + n epsilon. */
interface Prediction {
  /** It, at a noise level. */
  readonly target: (rates: Rates) => Target;
  /** It, in a graph: what a network learns. */
  readonly learned: (b: GraphBuilder, parts: Parts) => Value;
}

/** One that samplers step with as it is, since x and it tell x0 apart from epsilon at every level that they step from. */
interface Form extends Prediction {
  /** x0 from x and it. */
  readonly clean: (b: GraphBuilder, x: Value, predicted: Value, rates: RateValues) => Value;
  /** It from x and x0. */
  readonly fromClean: (b: GraphBuilder, x: Value, x0: Value, rates: RateValues) => Value;
}

const total = (b: GraphBuilder, { signal, noise }: RateValues) =>
  b.add(b.mul(signal, signal), b.mul(noise, noise));

/** epsilon = (x - s x0) / n. */
const epsilonOf = (b: GraphBuilder, x: Value, x0: Value, { signal, noise }: RateValues) =>
  b.div(b.sub(x, b.mul(signal, x0)), noise);

/**
 * What samplers step with: epsilon (x0 is then divided by s, which must not be 0), v = s epsilon - n x0 (Salimans and Ho 2022,
 * appendix D) and flow = epsilon - x0, the velocity of rectified flow (Liu et al. 2022), which divide by neither rate.
 */
const FORMS = {
  epsilon: {
    target: () => ({ clean: 0, noise: 1 }),
    learned: (_, { epsilon }) => epsilon,
    clean: (b, x, epsilon, { signal, noise }) => b.div(b.sub(x, b.mul(noise, epsilon)), signal),
    fromClean: epsilonOf,
  },
  v: {
    target: ({ signalRate, noiseRate }) => ({ clean: -noiseRate, noise: signalRate }),
    learned: (b, { x0, epsilon, signal, noise }) => b.sub(b.mul(signal, epsilon), b.mul(noise, x0)),
    clean: (b, x, v, rates) => b.div(b.sub(b.mul(rates.signal, x), b.mul(rates.noise, v)), total(b, rates)),
    fromClean: (b, x, x0, rates) =>
      b.div(b.sub(b.mul(rates.signal, x), b.mul(total(b, rates), x0)), rates.noise),
  },
  flow: {
    target: () => ({ clean: -1, noise: 1 }),
    learned: (b, { x0, epsilon }) => b.sub(epsilon, x0),
    clean: (b, x, flow, { signal, noise }) => b.div(b.sub(x, b.mul(noise, flow)), b.add(signal, noise)),
    fromClean: (b, x, x0, rates) => b.sub(epsilonOf(b, x, x0, rates), x0),
  },
} satisfies Record<string, Form>;

/**
 * THE table of predictions, and the form in which samplers step with each: its own, but for x0, whose step to the clean
 * picture forgets x and could not be undone.
 */
const TABLE = {
  epsilon: { ...FORMS.epsilon, form: 'epsilon' },
  x0: { target: () => ({ clean: 1, noise: 0 }), learned: (_, { x0 }) => x0, form: 'v' },
  v: { ...FORMS.v, form: 'v' },
  flow: { ...FORMS.flow, form: 'flow' },
} satisfies Record<string, Prediction & { readonly form: keyof typeof FORMS }>;

/** What a network predicts: the noise epsilon, the clean picture x0, v = s epsilon - n x0, or flow = epsilon - x0. */
export type Predicted = keyof typeof TABLE;
export const PREDICTIONS = Object.keys(TABLE) as readonly Predicted[];

/** What a network that predicts so is asked for at a noise level. */
export function targetOf(predicts: Predicted, rates: Rates): Target {
  return TABLE[predicts].target(rates);
}

/** What samplers step with there. */
export function steppedTarget(predicts: Predicted, rates: Rates): Target {
  return FORMS[TABLE[predicts].form].target(rates);
}

/** What a network that predicts so learns, in a graph. */
export function learnedTarget(b: GraphBuilder, predicts: Predicted, parts: Parts): Value {
  return TABLE[predicts].learned(b, parts);
}

/**
 * What samplers step with, from what the network gives for x.
 * @param clip range to which the x0 that it means is clipped, x being kept.
 */
export function stepped(
  b: GraphBuilder,
  predicts: Predicted,
  x: Value,
  output: Value,
  rates: RateValues,
  clip: readonly [number, number] | null | undefined,
): Value {
  const form: Form = FORMS[TABLE[predicts].form];
  if (predicts !== 'x0' && !clip) return output;
  const x0 = predicts === 'x0' ? output : form.clean(b, x, output, rates);
  const within = clip ? b.op('Clip', [x0, b.scalar(clip[0]), b.scalar(clip[1])]) : x0;
  return form.fromClean(b, x, within, rates);
}

/** How much of x and of a prediction makes something up. */
export interface Weights {
  readonly x: number;
  readonly predicted: number;
}

/** x0 and epsilon in x and the prediction p: x = s x0 + n epsilon and p = a x0 + b epsilon, solved. */
export function readings({ signalRate: s, noiseRate: n, target }: Rates & Pick<Level, 'target'>): {
  readonly x0: Weights;
  readonly epsilon: Weights;
} {
  const { clean: a, noise: b } = target;
  const determinant = s * b - n * a;
  return {
    x0: { x: b / determinant, predicted: -n / determinant },
    epsilon: { x: -a / determinant, predicted: s / determinant },
  };
}
