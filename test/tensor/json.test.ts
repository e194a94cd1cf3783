import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseJson } from '../../src/tensor/json.ts';

const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;

test('gives any value back', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 20 }), value => {
      expect(JSON.stringify(parseJson(JSON.stringify(value)))).toBe(JSON.stringify(value));
    }),
  );
});

test('refuses what is nested more deeply than any code should follow it', () => {
  expect(parseJson(nested(100))).toBeDefined();
  for (const text of [nested(101), nested(200_000), `${'{"a":'.repeat(101)}1${'}'.repeat(101)}`])
    expect(() => parseJson(text)).toThrow('it is nested deeper than 100 levels');
  expect(() => parseJson('[')).toThrow(SyntaxError);
});
