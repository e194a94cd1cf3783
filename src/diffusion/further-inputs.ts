import { MOST_NUMBERS } from '../data/dataset.ts';
import { SeedbedError } from '../errors.ts';
import type { Dim, Graph, Node, ValueInfo } from '../graph/ir.ts';
import { int64, sizeOf, type Tensor, tensor, toFloat32, toNumbers, zeros } from '../tensor/tensor.ts';
import type { DenoiserInfo } from './info.ts';

/** What a network takes besides the picture and the level: a class, an encoded text. */
export function furtherInputs(graph: Graph, { inputs }: Pick<DenoiserInfo, 'inputs'>): ValueInfo[] {
  return graph.inputs.filter(({ name }) => name !== inputs.image && name !== inputs.level);
}

/** An input as messages name it. */
export const inputInWords = ({ name, dtype, shape }: ValueInfo) => `'${name}' ${dtype} [${shape}]`;

/**
 * Every further input is held fixed or left open as a condition, and nothing else is.
 * @param fixed names of those that have a value.
 * @throws {SeedbedError} BadFile where not.
 */
export function requireFurther(
  graph: Graph,
  { conditions = [], ...info }: Pick<DenoiserInfo, 'inputs' | 'conditions'>,
  fixed: readonly string[],
  file: string,
): void {
  const further = furtherInputs(graph, info);
  for (const [field, names] of Object.entries({ fixedInputs: fixed, conditions })) {
    const strange = names.find(name => !further.some(input => input.name === name));
    if (strange !== undefined)
      throw new SeedbedError('BadFile', `'${field}' names '${strange}', which is no further input`, {
        at: file,
      });
  }
  const both = fixed.find(name => conditions.includes(name));
  if (both !== undefined)
    throw new SeedbedError('BadFile', `'${both}' is in 'fixedInputs' and in 'conditions'; take one`, {
      at: file,
    });
  const neither = further.find(({ name }) => !fixed.includes(name) && !conditions.includes(name));
  if (neither)
    throw new SeedbedError(
      'BadFile',
      `takes a further input ${inputInWords(neither)}, such as a class or an encoded text. Leave it open, and give every command a value: "conditions": ["${neither.name}"]; or fix its value once and for all: "fixedInputs": {"${neither.name}": "${neither.name}.npy"}`,
      { at: file },
    );
}

/**
 * Further inputs with the sizes that the picture input was given: dimensions of its names, and of a number of pictures.
 * @param declared the picture input's shape in the file; @param sized its shape now.
 */
export function sizeFurther(
  graph: Graph,
  info: Pick<DenoiserInfo, 'inputs'>,
  declared: readonly Dim[],
  sized: readonly Dim[],
): Graph {
  const further = furtherInputs(graph, info);
  const count = declared[0]!;
  const sizes = new Map(declared.slice(1).map((dim, i) => [dim, sized[i + 1]!]));
  const inputs = graph.inputs.map(input => {
    const [first, ...rest] = input.shape;
    if (!further.includes(input) || first === undefined) return input;
    const named = rest.map(dim => (typeof dim === 'string' ? (sizes.get(dim) ?? dim) : dim));
    return { ...input, shape: [isOneForEach(first, count) ? sized[0]! : first, ...named] };
  });
  return { ...graph, inputs };
}

/** Whether a first axis is that of a fixed number of pictures. */
const isOneForEach = (first: Dim, count: Dim) => typeof first === 'number' && first === count && first > 1;

/**
 * Inputs become constants, repeated for every picture of a batch where they have a part for each.
 * @param values by input, for one picture; inputs that are not named stay open.
 * @param what messages call them, such as 'condition'.
 */
export function closeInputs(
  graph: Graph,
  { inputs: { image } }: Pick<DenoiserInfo, 'inputs'>,
  values: ReadonlyMap<string, Tensor>,
  what: string,
): Graph {
  const [count] = graph.inputs.find(({ name }) => name === image)!.shape;
  const closed = graph.inputs.filter(({ name }) => values.has(name));
  const initializers = new Map(graph.initializers);
  const nodes: Node[] = [];
  for (const input of closed) {
    const value = values.get(input.name)!;
    const typed = fitValue(value, input, count!, what);
    if (!isRepeated(value, input, count!)) {
      initializers.set(input.name, typed);
      continue;
    }
    const part = (name: string) => `${input.name}/${name}`;
    const node = (op: string, inputs: string[], output: string, attributes = {}) =>
      nodes.push({ op, name: part(op), inputs, outputs: [output], attributes });
    initializers.set(part('value'), typed);
    initializers.set(part('first'), int64([0]));
    initializers.set(part('rest'), int64(typed.shape.slice(1)));
    node('Shape', [image], part('sizes'));
    node('Gather', [part('sizes'), part('first')], part('count'));
    if (typed.shape.length === 1) node('Expand', [part('value'), part('count')], input.name);
    else {
      node('Concat', [part('count'), part('rest')], part('shape'), { axis: 0 });
      node('Expand', [part('value'), part('shape')], input.name);
    }
  }
  const inputs = graph.inputs.filter(({ name }) => !values.has(name));
  return { ...graph, inputs, initializers, nodes: [...nodes, ...graph.nodes] };
}

/**
 * A value with the type and the axes of its input, one picture's where the input has a part for each.
 * @param count the number of pictures that the network takes.
 * @throws {SeedbedError} BadShape or BadFile where it does not fit.
 */
export function fitValue(value: Tensor, input: ValueInfo, count: Dim, what: string): Tensor {
  const { name, shape } = input;
  const repeated = isRepeated(value, input, count);
  const wanted = repeated ? [1, ...shape.slice(1)] : shape;
  const leftOut = wanted[0] === 1 && value.shape.length === wanted.length - 1;
  const axes = leftOut ? [1, ...value.shape] : value.shape;
  if (axes.length !== wanted.length || wanted.some((d, i) => typeof d === 'number' && d !== axes[i]))
    throw new SeedbedError('BadShape', `the ${what} '${name}' takes [${wanted}], got [${value.shape}]`);
  return retyped(tensor(value.dtype, axes, value.data), input, what);
}

/** Whether an input has a part for each picture. */
function isPerPicture({ shape: [first] }: ValueInfo, count: Dim): boolean {
  return first !== undefined && (typeof first === 'string' || isOneForEach(first, count));
}

/** Whether an input has a part for each picture, and the value is one picture's. */
function isRepeated(value: Tensor, input: ValueInfo, count: Dim): boolean {
  const isWhole = value.shape.length === input.shape.length && value.shape[0] === input.shape[0];
  return isPerPicture(input, count) && !isWhole;
}

/** A size for each open dimension, such as a text's length, of an input that has no value yet. */
const PLACEHOLDER = 2;

/** Zeros of an input's shape, one picture's, with which a network is tried before it is bound. */
export function placeholderFor(input: ValueInfo, count: Dim): Tensor {
  const sizes = input.shape.map(dim => (typeof dim === 'string' ? PLACEHOLDER : dim));
  const shape = isPerPicture(input, count) ? [1, ...sizes.slice(1)] : sizes;
  if (sizeOf(shape) <= MOST_NUMBERS) return zeros(input.dtype, shape);
  throw new SeedbedError(
    'BadFile',
    `its input ${inputInWords(input)} holds more than ${MOST_NUMBERS} numbers`,
  );
}

/** A value in the type of its input: whole numbers and fractions of other widths are taken, nothing is rounded. */
function retyped(value: Tensor, { name, dtype }: ValueInfo, what: string): Tensor {
  if (value.dtype === dtype) return value;
  if (dtype === 'float32') return toFloat32(value);
  const numbers = toNumbers(value);
  if (numbers.every(Number.isInteger)) {
    if (dtype === 'int64') return int64(numbers, value.shape);
    if (dtype === 'int32') return tensor(dtype, value.shape, Int32Array.from(numbers));
  }
  throw new SeedbedError(
    'BadFile',
    `the ${what} '${name}' is ${dtype}, got ${value.dtype} that does not fit`,
  );
}
