import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { fateOf, operatorsPage, SINCE } from '../../scripts/operators/page.ts';

test('every operator of ONNX is in one of the tables', () => {
  const ops = Object.keys(SINCE);
  expect(ops.length).toBeGreaterThan(180);
  expect(ops.filter(op => fateOf(op) === undefined)).toEqual([]);
});

test('the page of operators is current (npm run docs:operators)', () => {
  const page = readFileSync(new URL('../../docs/operators.md', import.meta.url), 'utf8');
  expect(page.replaceAll('\r\n', '\n')).toBe(operatorsPage());
});
