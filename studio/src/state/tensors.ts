/** Small sums on tensors [n, ...], quick enough for the page's own thread. */
import type { Floats } from '../engine/engine.ts';

export function tensor(shape: readonly number[], data: Floats['data']): Floats {
  return { dtype: 'float32', shape, data };
}

/** Several as one, along the first axis. */
export function joined(parts: readonly Floats[]): Floats {
  const [, ...shape] = parts[0]!.shape;
  const count = parts.reduce((sum, part) => sum + part.shape[0]!, 0);
  const data = new Float32Array(parts.reduce((sum, part) => sum + part.data.length, 0));
  let at = 0;
  for (const part of parts) {
    data.set(part.data, at);
    at += part.data.length;
  }
  return tensor([count, ...shape], data);
}

/** The items of a that are not among those of b; undefined where all are. */
export function without(a: Floats, b: Floats): Floats | undefined {
  const key = (t: Floats, at: number) => String(items(t, at).data.slice(0, 8));
  const known = new Set(Array.from({ length: b.shape[0]! }, (_, at) => key(b, at)));
  const fresh = Array.from({ length: a.shape[0]! }, (_, at) => at).filter(at => !known.has(key(a, at)));
  return fresh.length > 0 ? joined(fresh.map(at => items(a, at))) : undefined;
}

/** Items `from` to `to`. */
export function items({ shape, data }: Floats, from: number, to = from + 1): Floats {
  const size = data.length / shape[0]!;
  return tensor([to - from, ...shape.slice(1)], data.slice(from * size, to * size));
}

/** (1 - t) a + t b */
export function mixed(a: Floats, b: Floats, t: number): Floats {
  return tensor(
    a.shape,
    a.data.map((value, i) => (1 - t) * value + t * b.data[i]!),
  );
}

/** a + t b */
export function moved(a: Floats, b: Floats, t: number): Floats {
  return tensor(
    a.shape,
    a.data.map((value, i) => value + t * b.data[i]!),
  );
}

/** sum_k weights_k x_k, as [1, ...]; items beyond the weights are left out. */
export function combined({ shape, data }: Floats, weights: readonly number[]): Floats {
  const size = data.length / shape[0]!;
  const sum = new Float32Array(size);
  weights.forEach((weight, k) => {
    for (let i = 0; i < size; i++) sum[i]! += weight * data[k * size + i]!;
  });
  return tensor([1, ...shape.slice(1)], sum);
}

/** Mean squared difference of item `at` of a and the first of b. */
export function distance(a: Floats, b: Floats, at = 0): number {
  const size = b.data.length / b.shape[0]!;
  let sum = 0;
  for (let i = 0; i < size; i++) sum += (a.data[at * size + i]! - b.data[i]!) ** 2;
  return sum / size;
}
