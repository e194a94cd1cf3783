import { SeedbedError } from '../errors.ts';
import type { GraphBuilder, Value } from './builder.ts';

/**
 * An Einsum of one or two operands as transpositions, sums and one batched matrix product. Letters fall into
 * four groups: batch (both operands and the result), left, right, and summed over.
 * @throws {SeedbedError} Unsupported for more operands, '...' or a repeated letter.
 */
export function einsum(b: GraphBuilder, inputs: readonly Value[], equationText: string): Value {
  const equation = equationText.replaceAll(' ', '');
  const [left = '', right] = equation.split('->');
  const terms = left.split(',');
  const result =
    right ??
    [...new Set(left.replaceAll(',', ''))]
      .filter(c => left.split(c).length === 2)
      .sort()
      .join('');
  const repeated = terms.some(term => new Set(term).size !== term.length);
  if (terms.length > 2 || equation.includes('.') || repeated) {
    throw new SeedbedError(
      'Unsupported',
      `Einsum '${equation}': only one or two operands without '...' or repeated letters are supported`,
    );
  }
  const operands = inputs.map((value, i) =>
    sumAway(value, terms[i]!, [...terms.filter((_, j) => j !== i), result].join('')),
  );
  const [x, y] = operands as [Operand, Operand | undefined];
  if (!y) return arrange(x, result).value;

  const inAll = (c: string) => x.letters.includes(c) && y.letters.includes(c);
  const batch = [...x.letters].filter(c => inAll(c) && result.includes(c)).join('');
  const inner = [...x.letters].filter(c => inAll(c) && !result.includes(c)).join('');
  const rows = [...x.letters].filter(c => !y.letters.includes(c)).join('');
  const columns = [...y.letters].filter(c => !x.letters.includes(c)).join('');
  const size = (letters: string) =>
    [...letters].map(
      c =>
        b.shape((x.letters.includes(c) ? x : y).value)[(x.letters.includes(c) ? x : y).letters.indexOf(c)]!,
    );
  const count = (letters: string) => size(letters).reduce((p, n) => p * n, 1);
  const matrix = (operand: Operand, first: string, second: string) =>
    b.reshape(arrange(operand, batch + first + second).value, [...size(batch), count(first), count(second)]);

  const product = b.matmul(matrix(x, rows, inner), matrix(y, inner, columns));
  const full = { value: b.reshape(product, size(batch + rows + columns)), letters: batch + rows + columns };
  return arrange(full, result).value;

  /** Sums over the letters that appear nowhere else. */
  function sumAway(value: Value, letters: string, elsewhere: string): Operand {
    const axes = [...letters].flatMap((c, axis) => (elsewhere.includes(c) ? [] : [axis]));
    return {
      value: b.sum(value, axes, false),
      letters: [...letters].filter(c => elsewhere.includes(c)).join(''),
    };
  }

  function arrange(operand: Operand, letters: string): Operand {
    const perm = [...letters].map(c => operand.letters.indexOf(c));
    return {
      value: perm.every((axis, i) => axis === i) ? operand.value : b.transpose(operand.value, perm),
      letters,
    };
  }
}

interface Operand {
  readonly value: Value;
  readonly letters: string;
}
