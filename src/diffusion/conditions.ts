import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { inPlace, SeedbedError } from '../errors.ts';
import type { Graph, Node, ValueInfo } from '../graph/ir.ts';
import { renameValues } from '../graph/nodes.ts';
import { bytesOf, float32, type Tensor, toNumbers } from '../tensor/tensor.ts';
import { checkPlays } from './check-model.ts';
import type { ConditionRecord } from './condition-record.ts';
import { closeInputs, fitValue, furtherInputs, inputInWords } from './further-inputs.ts';
import type { Denoiser } from './info.ts';

/**
 * What a conditional model is to predict under.
 * @group Models
 */
export interface Conditions {
  /** A value for each condition by name, for one picture: its shape without the first axis, or with 1 there. */
  readonly values: Readonly<Record<string, Tensor>>;
  /**
   * Values for the prediction without the condition, such as the class that stands for none or an encoded empty text; a
   * condition that is not named keeps its value. Needed where guidance is not 1.
   */
  readonly unconditional?: Readonly<Record<string, Tensor>> | undefined;
  /** The guidance g; 1, the conditional prediction alone, unless given. */
  readonly guidance?: number | undefined;
}

/** A model's conditions: the inputs that wait for a value; none of most models. */
export function openConditions({ graph, info }: Denoiser): ValueInfo[] {
  return furtherInputs(graph, info).filter(({ name }) => info.conditions?.includes(name));
}

/**
 * Binds a conditional model to values, so that it is a denoiser like any other. With guidance g its prediction is
 * u + g (c - u), of the conditional c and the unconditional u (classifier-free guidance, Ho and Salimans 2022, eq. 6, where
 * g = 1 + w); then each of its evaluations runs the network twice.
 * @returns the model with its hash, which says what weights it has, and with what it was bound to as `conditioned`.
 * @throws {SeedbedError} BadArgument for a condition without a value, a value without a condition, or guidance without
 * unconditional values; BadShape or BadFile for a value that does not fit.
 * @group Models
 * @example
 * import { classDenoiser, decode, float32, withConditions } from 'seedbed';
 * const model = classDenoiser({ means: [[-1], [1]], variance: 0 }, [1, 1, 1]);
 * const second = withConditions(model, { values: { class_labels: float32([], [1]) } });
 * const { data } = await decode(second, float32([1, 1, 1, 1], [0.3]));
 * console.log(data[0].toFixed(2)); // prints 0.70
 */
export function withConditions(
  model: Denoiser,
  { values, unconditional, guidance = 1 }: Conditions,
): Denoiser {
  const { conditions: _, ...info } = model.info;
  requireValues(model, values, unconditional ?? {});
  if (!Number.isFinite(guidance))
    throw new SeedbedError('BadArgument', `guidance is a finite number, got ${guidance}`);
  if ((guidance === 1) !== (unconditional === undefined))
    throw new SeedbedError(
      'BadArgument',
      `guidance ${guidance} ${guidance === 1 ? 'takes no' : 'needs'} unconditional values (of the command line --uncondition or --unclass)`,
    );
  const given = fitted(model, values);
  const without = unconditional && fitted(model, unconditional);
  const close = (by: ReadonlyMap<string, Tensor>) => closeInputs(model.graph, info, by, 'condition');
  const graph = without
    ? guided(model, close(given), close(new Map([...given, ...without])), guidance)
    : close(given);
  const what = `${info.name} bound to ${[given, without].flatMap(inWords).join(', ')}`;
  inPlace(what, () => checkPlays(graph, info, what, 2));
  return {
    ...{ graph, info, hash: model.hash },
    conditioned: {
      values: record(given),
      ...(without && { unconditional: record(without) }),
      guidance,
    },
  };
}

/** Which model something belongs to, as reports and seed files say it. */
export function originOf({ hash, conditioned }: Pick<Denoiser, 'hash' | 'conditioned'>): {
  model: string;
  conditions?: ConditionRecord;
} {
  return { model: hash, ...(conditioned && { conditions: conditioned }) };
}

function requireValues(
  model: Denoiser,
  values: Conditions['values'],
  unconditional: Conditions['values'],
): void {
  const open = openConditions(model);
  const { name: named } = model.info;
  if (open.length === 0)
    throw new SeedbedError(
      'BadArgument',
      `model '${named}' has no conditions${model.conditioned ? ' left: it is bound already' : ''}`,
    );
  const stranger = [...Object.keys(values), ...Object.keys(unconditional)].find(
    name => !open.some(input => input.name === name),
  );
  if (stranger !== undefined)
    throw new SeedbedError(
      'BadArgument',
      `model '${named}' has no condition '${stranger}'; it has ${open.map(inputInWords).join(', ')}`,
    );
  const missing = open.filter(({ name }) => !Object.hasOwn(values, name));
  if (missing.length > 0)
    throw new SeedbedError(
      'BadArgument',
      `model '${named}' needs a value for ${missing.map(inputInWords).join(', ')}`,
    );
}

/** Values in the types and with the axes of their inputs. */
function fitted(model: Denoiser, values: Conditions['values']): Map<string, Tensor> {
  const { graph, info } = model;
  const [count] = graph.inputs.find(({ name }) => name === info.inputs.image)!.shape;
  return new Map(
    openConditions(model)
      .filter(({ name }) => Object.hasOwn(values, name))
      .map(input => [input.name, fitValue(values[input.name]!, input, count!, 'condition')]),
  );
}

function inWords(values: ReadonlyMap<string, Tensor> = new Map()): string[] {
  return [...values].map(
    ([name, { data, shape }]) => `'${name}' ${data.length === 1 ? data[0] : `[${shape}]`}`,
  );
}

function record(values: ReadonlyMap<string, Tensor>): ConditionRecord['values'] {
  return Object.fromEntries(
    [...values].map(([name, value]) => [
      name,
      {
        sha256: bytesToHex(sha256(bytesOf(value))),
        ...(value.data.length === 1 && { number: toNumbers(value)[0]! }),
      },
    ]),
  );
}

/**
 * The network played twice, u + g (c - u): two graphs of the same weights side by side, the second under other names. One at
 * twice the batch would do the same, but not of a network that is made for batches of one size.
 */
function guided({ graph: { initializers }, info }: Denoiser, c: Graph, u: Graph, g: number): Graph {
  const { output } = info;
  const weights = new Set([...initializers.keys(), ...c.inputs.map(({ name }) => name), '']);
  const own = (name: string) => (weights.has(name) ? name : `unconditional/${name}`);
  const conditional = `${output}/conditional`;
  const named = (name: string) => (name === output ? conditional : name);
  const [difference, led, factor] = [`${output}/difference`, `${output}/led`, `${output}/guidance`];
  const node = (op: string, operands: string[], result: string): Node => ({
    ...{ op, name: result, inputs: operands, outputs: [result], attributes: {} },
  });
  return {
    ...c,
    initializers: new Map([
      ...c.initializers,
      ...[...u.initializers].map(([name, value]) => [own(name), value] as const),
      [factor, float32([], [g])],
    ]),
    nodes: [
      ...c.nodes.map(each => renameValues(each, named)),
      ...u.nodes.map(each => ({ ...renameValues(each, own), name: `unconditional/${each.name}` })),
      node('Sub', [conditional, own(output)], difference),
      node('Mul', [difference, factor], led),
      node('Add', [own(output), led], output),
    ],
  };
}
