import { SeedbedError } from '../errors.ts';
import { tensor } from '../tensor/tensor.ts';
import type { GraphBuilder, Value } from './builder.ts';

/** A value with a letter for each of its axes. */
interface Operand {
  readonly value: Value;
  readonly letters: string;
}

/** The most elements of the mask of a diagonal, 64 MiB; a damaged file may say anything. */
const MOST_MASK = 2 ** 26;

/**
 * An Einsum as transpositions, sums and batched matrix products, operand by operand from the left. '...' stands for
 * digits, of which the last goes to the last axis; a letter twice in one operand is its diagonal.
 */
export function einsum(b: GraphBuilder, inputs: readonly Value[], equationText: string): Value {
  const { terms, result } = parse(b, inputs, equationText.replaceAll(' ', ''));
  const operands = inputs.map((value, i) => diagonal(b, { value, letters: terms[i]! }));
  const whole = operands.reduce((left, right, i) =>
    multiply(
      b,
      left,
      right,
      operands
        .slice(i + 1)
        .map(({ letters }) => letters)
        .join('') + result,
    ),
  );
  return arrange(b, sumAway(b, whole, result), result).value;
}

/** The letters of each operand and of the result, '...' written out. */
function parse(
  b: GraphBuilder,
  inputs: readonly Value[],
  equation: string,
): { terms: string[]; result: string } {
  const [left = '', right] = equation.split('->');
  const written = left.split(',');
  const ranks = inputs.map(value => b.type(value).shape.length);
  const hidden = written.map((term, i) => (term.includes('...') ? ranks[i]! - (term.length - 3) : 0));
  const most = Math.max(0, ...hidden);
  const digits = '01234567'.slice(8 - most);
  const terms = written.map((term, i) => term.replace('...', digits.slice(most - hidden[i]!)));
  const once = [...new Set(terms.join(''))].filter(
    c => !digits.includes(c) && terms.join('').split(c).length === 2,
  );
  const result = right === undefined ? digits + once.sort().join('') : right.replace('...', digits);
  const fits = written.length === inputs.length && terms.every((term, i) => term.length === ranks[i]);
  if (
    fits &&
    most <= 8 &&
    /^[a-zA-Z,]*$/.test(left.replaceAll('...', '')) &&
    [...result].every(c => terms.join('').includes(c))
  )
    return { terms, result };
  throw new SeedbedError(
    'Unsupported',
    `Einsum '${equation}' of operands of ${ranks.join(', ')} axes is not supported`,
  );
}

/** An operand without letters that it has twice: of these the diagonal is left. */
function diagonal(b: GraphBuilder, operand: Operand): Operand {
  const { value, letters } = operand;
  const second = [...letters].findIndex((c, i) => letters.indexOf(c) < i);
  if (second < 0) return operand;
  const first = letters.indexOf(letters[second]!);
  const size = b.shape(value)[first]!;
  if (size * size > MOST_MASK) throw new SeedbedError('Unsupported', `the diagonal of ${size} by ${size}`);
  const eye = tensor(
    'bool',
    letters.split('').map((_, i) => (i === first || i === second ? size : 1)),
    Uint8Array.from({ length: size * size }, (_, i) => Number(i % (size + 1) === 0)),
  );
  const alone = b.op('Where', [b.constant(eye), value, b.cast(b.scalar(0), b.type(value).dtype)]);
  const kept = letters.split('').filter((_, i) => i !== second);
  return diagonal(b, { value: b.sum(alone, [second], false), letters: kept.join('') });
}

/** Sums over the letters that are not `wanted`. */
function sumAway(b: GraphBuilder, { value, letters }: Operand, wanted: string): Operand {
  const axes = [...letters].flatMap((c, axis) => (wanted.includes(c) ? [] : [axis]));
  return {
    value: b.sum(value, axes, false),
    letters: [...letters].filter(c => wanted.includes(c)).join(''),
  };
}

function arrange(b: GraphBuilder, { value, letters }: Operand, order: string): Operand {
  const perm = [...order].map(c => letters.indexOf(c));
  return {
    value: perm.every((axis, i) => axis === i) ? value : b.transpose(value, perm),
    letters: order,
  };
}

/**
 * The product of two operands, summed over the letters that are not `wanted`, as one batched matrix product. Letters
 * fall into four groups: batch (both operands, and wanted), left, right, and summed over.
 */
function multiply(b: GraphBuilder, left: Operand, right: Operand, wanted: string): Operand {
  const x = sumAway(b, squeezed(b, left, right), right.letters + wanted);
  const y = sumAway(b, squeezed(b, right, left), left.letters + wanted);
  const [first, second] = [[...x.letters], [...y.letters]];
  const batch = first.filter(c => second.includes(c) && wanted.includes(c)).join('');
  const inner = first.filter(c => second.includes(c) && !wanted.includes(c)).join('');
  const rows = first.filter(c => !second.includes(c)).join('');
  const columns = second.filter(c => !first.includes(c)).join('');
  const sizes = new Map(
    [x, y].flatMap(({ value, letters }) => b.shape(value).map((size, i) => [letters[i]!, size] as const)),
  );
  const size = (letters: string) => [...letters].map(c => sizes.get(c)!);
  const count = (letters: string) => size(letters).reduce((p, n) => p * n, 1);
  const matrix = (operand: Operand, one: string, two: string) =>
    b.reshape(arrange(b, operand, batch + one + two).value, [...size(batch), count(one), count(two)]);
  const product = b.matmul(matrix(x, rows, inner), matrix(y, inner, columns));
  const letters = batch + rows + columns;
  return { value: b.reshape(product, size(letters)), letters };
}

/** An operand without axes of one that the other has larger: they broadcast. */
function squeezed(b: GraphBuilder, { value, letters }: Operand, other: Operand): Operand {
  const sizeThere = (c: string) => b.shape(other.value)[other.letters.indexOf(c)] ?? 1;
  const axes = b.shape(value).flatMap((size, i) => (size === 1 && sizeThere(letters[i]!) > 1 ? [i] : []));
  if (axes.length === 0) return { value, letters };
  const kept = letters.split('').filter((_, i) => !axes.includes(i));
  return { value: b.op('Squeeze', [value, b.ints(axes)]), letters: kept.join('') };
}
