import type { GraphBuilder, Value } from '../graph/builder.ts';

export interface AdamConfig {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** AdamW's decoupled decay (Loshchilov and Hutter 2019); 0 is plain Adam. */
  readonly weightDecay: number;
}

export const ADAM: AdamConfig = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 };

export interface AdamState {
  readonly parameters: Value;
  readonly m: Value;
  readonly v: Value;
}

/**
 * One step of Adam (Kingma and Ba 2015, Algorithm 1) or AdamW as graph nodes:
 * m' = b1 m + (1 - b1) g, v' = b2 v + (1 - b2) g^2, w' = w - rate (m' c1 / (sqrt(v' c2) + epsilon) + decay w).
 * @param rate scalar; @param correction c1 = 1 / (1 - b1^t) and c2 = 1 / (1 - b2^t), scalars (see `corrections`).
 */
export function adamStep(
  b: GraphBuilder,
  state: AdamState,
  gradient: Value,
  rate: Value,
  correction: readonly [Value, Value],
  config: AdamConfig = ADAM,
): AdamState {
  const blend = (beta: number, old: Value, now: Value) =>
    b.add(b.mul(old, b.scalar(beta)), b.mul(now, b.scalar(1 - beta)));
  const m = blend(config.beta1, state.m, gradient);
  const v = blend(config.beta2, state.v, b.mul(gradient, gradient));
  const direction = b.div(
    b.mul(m, correction[0]),
    b.add(b.sqrt(b.mul(v, correction[1])), b.scalar(config.epsilon)),
  );
  const decayed =
    config.weightDecay === 0
      ? direction
      : b.add(direction, b.mul(state.parameters, b.scalar(config.weightDecay)));
  return { parameters: b.sub(state.parameters, b.mul(rate, decayed)), m, v };
}

/** Adam's bias corrections 1 / (1 - beta^t) at step t = 1, 2, ... */
export function corrections(step: number, config: AdamConfig = ADAM): [number, number] {
  return [1 / (1 - config.beta1 ** step), 1 / (1 - config.beta2 ** step)];
}
