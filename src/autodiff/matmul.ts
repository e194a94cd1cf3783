import type { Value } from '../graph/builder.ts';
import type { Rule } from './context.ts';

/** y = x w: dx = dy w^T and dw = x^T dy, a vector operand taken for a matrix of one row or column. */
export const matMulRule: Rule = ({ b, I, GO, shape, needs }) => {
  const [left, right] = [shape(I(0)), shape(I(1))];
  const a = left.length === 1 ? b.reshape(I(0), [1, left[0]!]) : I(0);
  const w = right.length === 1 ? b.reshape(I(1), [right[0]!, 1]) : I(1);
  const batch = b
    .shape(GO(0))
    .slice(0, b.shape(GO(0)).length - Number(left.length > 1) - Number(right.length > 1));
  const dy = b.reshape(GO(0), [...batch, b.shape(a).at(-2)!, b.shape(w).at(-1)!]);
  const swap = (v: Value) => {
    const rank = b.shape(v).length;
    return b.transpose(
      v,
      Array.from({ length: rank }, (_, i) => (i < rank - 2 ? i : 2 * rank - 3 - i)),
    );
  };
  const da = () => b.matmul(dy, swap(w));
  const dw = () => b.matmul(swap(a), dy);
  // A vector operand's extra axis of size one is last or first of the matrix axes: reshaping drops it.
  const dropLast = (v: Value, at: number) =>
    b.reshape(
      v,
      b.shape(v).filter((_, i) => i !== b.shape(v).length + at),
    );
  return [
    needs(0) ? (left.length === 1 ? dropLast(da(), -2) : da()) : undefined,
    needs(1) ? (right.length === 1 ? dropLast(dw(), -1) : dw()) : undefined,
  ];
};
