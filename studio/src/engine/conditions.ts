/**
 * Models that predict under conditions: a class, an encoded text.
 * @module
 */
import { type Denoiser, float32, readNpy, SeedbedError, type Tensor, withConditions } from 'seedbed';

/** A value of each condition by its name: a number, or the .npy file of an array. */
export type Given = Readonly<Record<string, number | Blob>>;

/** What a conditional model is bound to. */
export interface Conditions {
  readonly values: Given;
  /** The same for the prediction without the condition, of which guidance leads away. */
  readonly unconditional?: Given | undefined;
  readonly guidance?: number | undefined;
}

/** The inputs that wait for a value, none of most models. */
export const conditionsOf = ({ graph, info }: Denoiser) =>
  graph.inputs.filter(({ name }) => info.conditions?.includes(name));

type Input = ReturnType<typeof conditionsOf>[number];

/** Binds a model to what was given. @throws {SeedbedError} where that does not fit its conditions. */
export async function boundTo(
  model: Denoiser,
  { values, unconditional, guidance }: Conditions,
): Promise<Denoiser> {
  return withConditions(model, {
    values: await tensorsOf(model, values),
    unconditional: unconditional && (await tensorsOf(model, unconditional)),
    guidance,
  });
}

/** Binds a model to zeros: whether it is described rightly shows whatever it is told. */
export function boundToZeros(model: Denoiser): Denoiser {
  const inputs = conditionsOf(model);
  if (inputs.length === 0) return model;
  return withConditions(model, {
    values: Object.fromEntries(inputs.map(input => [input.name, filled(input, 0)])),
  });
}

async function tensorsOf(model: Denoiser, given: Given): Promise<Record<string, Tensor>> {
  const tensors: Record<string, Tensor> = {};
  for (const input of conditionsOf(model)) {
    const value = given[input.name];
    if (value instanceof Blob)
      tensors[input.name] = readNpy(new Uint8Array(await value.arrayBuffer()), input.name);
    else if (value !== undefined) tensors[input.name] = filled(input, value);
  }
  return tensors;
}

/** One picture's value, the same number everywhere. */
function filled({ name, shape }: Input, value: number): Tensor {
  if (!Number.isFinite(value)) throw new SeedbedError('BadArgument', `'${name}' needs a number`);
  const sizes = shape.map((dim, i) => (i === 0 || typeof dim === 'string' ? 1 : dim));
  return float32(sizes, Array(sizes.reduce((product, dim) => product * dim, 1)).fill(value));
}

/** What a model was bound to, short: its class, or the first digits of its values' hashes; empty where to nothing. */
export function boundInWords(conditioned: Denoiser['conditioned']): string {
  if (!conditioned) return '';
  const { values, unconditional = {}, guidance } = conditioned;
  const short = (given: typeof values) =>
    Object.values(given)
      .map(({ number, sha256 }) => number ?? sha256.slice(0, 6))
      .join('+');
  return guidance === 1 ? short(values) : `${short(values)} not ${short(unconditional)} x${guidance}`;
}
