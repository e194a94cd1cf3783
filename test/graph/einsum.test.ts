import { expect, test } from 'vitest';
import { GraphBuilder } from '../../src/graph/builder.ts';
import { bind } from '../../src/graph/replay.ts';
import { float32, type Tensor, toNumbers } from '../../src/tensor/tensor.ts';
import { relativeError, runGraph, singleNode, thrownBy } from '../support.ts';

const SIZES: Readonly<Record<string, number>> = { b: 2, B: 3, h: 3, i: 2, j: 3, k: 4, c: 5 };

test.each([
  'ij,jk->ik',
  'bij,bjk->bik',
  'bhic,bhjc->bhij',
  'bhij,bjhc->bihc',
  'ij,kj->ki',
  'i,j->ij',
  'i,i->',
  'ij,ij->ij',
  'ij,k->',
  'ijk->kji',
  'ijk->j',
  'ij->',
  'kj,ji',
  'ki',
  ' b i j , j -> i b ',
  'ij,jk,kc->ic',
  'b,bi,bij->bj',
  'ii->i',
  'jij->i',
  'Bi,iB->B',
  'ii,ii->',
])('%s', async equation => {
  const terms = equation.replaceAll(' ', '').split('->')[0]!.split(',');
  const at = Object.fromEntries(
    terms.map((letters, i) => [
      `x${i}`,
      sample(
        [...letters].map(c => SIZES[c]!),
        i,
      ),
    ]),
  );
  const want = naive(equation.replaceAll(' ', ''), Object.values(at));
  const graph = bind(singleNode('Einsum', at, { equation }, { rank: want.shape.length }));
  const [results] = await runGraph(graph, [at]);
  expect(relativeError(results!.y!, want)).toBeLessThan(1e-6);
});

test.each<[string, readonly number[][], string]>([
  [
    '...ij,...jk->...ik',
    [
      [2, 3, 4],
      [4, 5],
    ],
    'bij,jk->bik',
  ],
  [
    '...i,i...->...',
    [
      [2, 3],
      [3, 2],
    ],
    'bi,ib->b',
  ],
  ['...ij->...ji', [[2, 3, 4]], 'bij->bji'],
  ['i...->...', [[3, 2]], 'ib->b'],
  ['...H->H...', [[3, 2]], 'bi->ib'],
])('%s of [%j] is %s', async (equation, shapes, plain) => {
  const at = Object.fromEntries(shapes.map((shape, i) => [`x${i}`, sample(shape, i)]));
  const outcomes = [equation, plain].map(async text => {
    const [results] = await runGraph(bind(singleNode('Einsum', at, { equation: text }, { rank: 3 })), [at]);
    return results!.y!;
  });
  const [got, want] = await Promise.all(outcomes);
  expect(got).toEqual(want);
});

test.each(['i->i', 'ij->ik', 'ij,jk->ik', 'i1->i'])('%s is refused', equation => {
  const b = new GraphBuilder('refused');
  const x = b.input('x', 'float32', [2, 2]);
  const graph = b.build({ y: b.neg(x) });
  const einsum = { ...graph.nodes[0]!, op: 'Einsum', inputs: ['x'], attributes: { equation } };
  const error = thrownBy(() => bind({ ...graph, nodes: [einsum, ...graph.nodes.slice(1)] }));
  expect(error).toMatchObject({ kind: 'Unsupported', message: expect.stringContaining(equation) });
});

function sample(shape: readonly number[], seed: number): Tensor<'float32'> {
  const count = shape.reduce((product, dim) => product * dim, 1);
  return float32(
    shape,
    Array.from({ length: count }, (_, i) => Math.sin(3 * i + seed + 1)),
  );
}

/** A sum over every assignment of the letters, one at a time. */
function naive(equation: string, operands: readonly Tensor[]): Tensor {
  const [left, right] = equation.split('->') as [string, string?];
  const letters = [...new Set(left.replaceAll(',', ''))];
  const once = letters.filter(c => left.split(c).length === 2).sort();
  const result = right ?? once.join('');
  const at = (term: string, values: Readonly<Record<string, number>>) =>
    [...term].reduce((offset, c) => offset * SIZES[c]! + values[c]!, 0);
  const shape = [...result].map(c => SIZES[c]!);
  const sum = new Float32Array(shape.reduce((product, dim) => product * dim, 1));
  const numbers = operands.map(toNumbers);
  const visit = (rest: readonly string[], values: Readonly<Record<string, number>>): void => {
    const [letter, ...others] = rest;
    if (letter === undefined) {
      const factors = left.split(',').map((term, i) => numbers[i]![at(term, values)]!);
      sum[at(result, values)]! += factors.reduce((product, factor) => product * factor, 1);
      return;
    }
    for (let i = 0; i < SIZES[letter]!; i++) visit(others, { ...values, [letter]: i });
  };
  visit(letters, {});
  return float32(shape, sum);
}
