import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseJson, parsePythonJson } from '../../src/tensor/json.ts';

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

describe("Python's JSON", () => {
  test('may hold NaN and infinities where numbers may stand, and they are read', () => {
    expect(parsePythonJson('[NaN, Infinity, -Infinity, null, 0, {"a": NaN, "b": -1}]')).toEqual([
      ...[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, null, 0],
      { a: Number.NaN, b: -1 },
    ]);
    expect(parsePythonJson(String.raw`{"say \"NaN\"": "-Infinity \\", "NaN": NaN}`)).toEqual({
      'say "NaN"': '-Infinity \\',
      NaN: Number.NaN,
    });
  });

  test('is otherwise JSON, with the same values, whatever its strings say', () => {
    const words = fc.stringMatching(/^(NaN|-?Infinity|["\\\\, ]){0,6}$/);
    const value = fc.oneof(fc.jsonValue({ maxDepth: 5 }), fc.dictionary(words, fc.array(words)));
    fc.assert(
      fc.property(value, any => {
        expect(JSON.stringify(parsePythonJson(JSON.stringify(any)))).toBe(JSON.stringify(any));
      }),
    );
    expect(JSON.stringify(parsePythonJson('{"__proto__": NaN}'))).toBe('{"__proto__":null}');
  });

  test.each([
    'Infinite',
    'NaNs',
    '-NaN',
    '+Infinity',
    '[1, Infinity',
    '{NaN: 1}',
    '"NaN',
    "'NaN'",
    'nan',
    '',
  ])('%s is refused', text => {
    expect(() => parsePythonJson(text)).toThrow(SyntaxError);
  });

  test('elsewhere JSON stays JSON, and long strings and deep nesting do no harm', () => {
    for (const text of ['NaN', '[Infinity]', '{"a": -Infinity}'])
      expect(() => parseJson(text)).toThrow(SyntaxError);
    expect(parsePythonJson(`["${'\\n'.repeat(1e6)}"]`)).toEqual(['\n'.repeat(1e6)]);
    expect(() => parsePythonJson(nested(200_000))).toThrow('nested deeper than 100 levels');
  });
});
