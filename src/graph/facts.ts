import { SeedbedError } from '../errors.ts';
import { toNumbers } from '../tensor/tensor.ts';
import { broadcastShapes } from './broadcast.ts';
import { type Dim, type NodeFacts, staticShape, type ValueType } from './ir.ts';

/** The types of a node's outputs from what is known of it. */
export type Infer = (n: NodeFacts) => ValueType[];

export function typeAt(n: NodeFacts, index: number): ValueType {
  const type = n.types[index];
  if (!type) throw new SeedbedError('BadFile', `input ${index} is missing`, { at: n.what });
  return type;
}

/** The common type of two operands; with one alone, folding a node of known numbers would find nothing to compute with. */
export function pair(n: NodeFacts): ValueType {
  typeAt(n, 1);
  return elementwise(n);
}

/** The common type of the operands from `first` on. */
export function elementwise(n: NodeFacts, first = 0): ValueType {
  const operands = n.types.map((_, i) => typeAt(n, i)).slice(first);
  const { dtype } = typeAt(n, first);
  if (operands.some(operand => operand.dtype !== dtype)) {
    const dtypes = operands.map(operand => operand.dtype).join(' and ');
    throw new SeedbedError(
      'BadFile',
      `its operands have different types, ${dtypes}; Seedbed computes in float32`,
    );
  }
  return { dtype, shape: broadcastShapes(...operands.map(operand => operand.shape)) };
}

/** The shape of an operator of `count` operands. */
export function broadcastAll(n: NodeFacts, count: number): Dim[] {
  return broadcastShapes(...Array.from({ length: count }, (_, i) => typeAt(n, i).shape));
}

type Operands = Pick<NodeFacts, 'types' | 'values'>;

/** The numbers of an optional input; undefined where it is left out or empty. */
export function valueAt(n: Operands, index: number, name: string): number[] | undefined {
  const value = n.types[index] ? requireValue(n, index, name) : [];
  return value.length > 0 ? value : undefined;
}

export function requireValue(n: Operands, index: number, name: string): number[] {
  const value = n.values[index];
  if (value) return toNumbers(value);
  throw new SeedbedError(
    'Unsupported',
    `its ${name} depend on data, or on operators that are not computed ahead; Seedbed needs them fixed when the graph is loaded. If an open dimension is behind it, bind that`,
  );
}

export function number(n: NodeFacts, dim: Dim): number {
  return staticShape([dim], n.what)[0]!;
}

export function product(n: NodeFacts, dims: readonly Dim[]): Dim {
  const sizes = dims.filter(dim => dim !== 1);
  return sizes.length === 1 ? sizes[0]! : sizes.reduce<number>((p, dim) => p * number(n, dim), 1);
}
