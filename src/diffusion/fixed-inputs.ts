import { SeedbedError } from '../errors.ts';
import type { Dim, Graph, Node, ValueInfo } from '../graph/ir.ts';
import { int64, type Tensor, tensor, toFloat32, toNumbers } from '../tensor/tensor.ts';
import type { DenoiserInfo } from './info.ts';

/**
 * Inputs but for the picture and the level become constants, repeated for every picture of a batch.
 * @param count the number of pictures that the file declares: an input of as many has a part for each.
 */
export function closeInputs(
  graph: Graph,
  { inputs: { image, level } }: DenoiserInfo,
  fixed: ReadonlyMap<string, Tensor>,
  file: string,
  count: Dim,
): Graph {
  const open = graph.inputs.filter(({ name }) => name !== image && name !== level);
  const strange = [...fixed.keys()].find(name => !open.some(input => input.name === name));
  if (strange !== undefined)
    throw new SeedbedError('BadFile', `${file}: 'fixedInputs' names '${strange}', which is no further input`);
  const initializers = new Map(graph.initializers);
  const nodes: Node[] = [];
  for (const input of open) {
    const value = fixed.get(input.name);
    if (!value)
      throw new SeedbedError(
        'BadFile',
        `${file}: takes a further input '${input.name}' ${input.dtype} [${input.shape}], such as a class or an encoded text. Give it a value: "fixedInputs": {"${input.name}": "${input.name}.npy"}`,
      );
    const rest = input.shape.slice(1);
    const perPicture =
      input.shape.length > 0 &&
      (typeof input.shape[0] === 'string' || (input.shape[0] === count && input.shape[0] > 1)) &&
      value.shape.join() !== input.shape.join();
    const typed = retyped(fitted(value, input, perPicture, file), input, file);
    if (!perPicture) {
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
    if (rest.length === 0) node('Expand', [part('value'), part('count')], input.name);
    else {
      node('Concat', [part('count'), part('rest')], part('shape'), { axis: 0 });
      node('Expand', [part('value'), part('shape')], input.name);
    }
  }
  const kept = graph.inputs.filter(input => !open.includes(input));
  return { ...graph, inputs: kept, initializers, nodes: [...nodes, ...graph.nodes] };
}

/** A fixed value with the axes that its input has, one picture's where the input has a picture axis. */
function fitted(value: Tensor, { name, shape }: ValueInfo, perPicture: boolean, file: string): Tensor {
  const wanted = perPicture ? [1, ...shape.slice(1)] : shape;
  const axes = value.shape.length === wanted.length - 1 && perPicture ? [1, ...value.shape] : value.shape;
  if (axes.length !== wanted.length || wanted.some((d, i) => typeof d === 'number' && d !== axes[i]))
    throw new SeedbedError(
      'BadShape',
      `${file}: the fixed input '${name}' takes [${wanted}], its file holds [${value.shape}]`,
    );
  return tensor(value.dtype, axes, value.data);
}

/** A fixed value in the type of its input: whole numbers and fractions of other widths are taken, nothing is rounded. */
function retyped(value: Tensor, { name, dtype }: ValueInfo, file: string): Tensor {
  if (value.dtype === dtype) return value;
  if (dtype === 'float32') return toFloat32(value);
  const numbers = toNumbers(value);
  if (numbers.every(Number.isInteger)) {
    if (dtype === 'int64') return int64(numbers, value.shape);
    if (dtype === 'int32') return tensor(dtype, value.shape, Int32Array.from(numbers));
  }
  throw new SeedbedError(
    'BadFile',
    `${file}: the fixed input '${name}' is ${dtype}, its file holds ${value.dtype} that does not fit`,
  );
}
