import type { Draw } from './draw.ts';

const DEEP = 20_000;
const WIDE = 150_000;

/** JSON, as text, that is put in the place of a value. */
const WRONG: readonly string[] = [
  ...[
    'null',
    'true',
    'false',
    '""',
    '[]',
    '{}',
    '"x"',
    '[null]',
    '[[]]',
    '{"kind":"ddim"}',
    '"conv"',
    '"mlp"',
  ],
  ...['0', '-0', '-1', '1', '2', '3', '0.5', '-1.5', '1e-320', '1e308', '1e999', '-1e999', '65536'],
  ...['1e9', '4294967296', '9007199254740991', '9007199254740993', '1e15', '1e20'],
  ...[
    '"../../outside"',
    '"/etc/passwd"',
    '"C:\\\\outside"',
    '"a\\u0000b"',
    '"__proto__"',
    '"1e9"',
    '"\\ud800"',
  ],
  ...['{"__proto__":{"polluted":1}}', '{"constructor":{"prototype":{"polluted":1}}}', '{"toString":1}'],
  ...['{"length":4294967295}', `"${'x'.repeat(WIDE)}"`],
  `${'['.repeat(DEEP)}${']'.repeat(DEEP)}`,
  `${'{"a":'.repeat(DEEP)}1${'}'.repeat(DEEP)}`,
  `[${'"x",'.repeat(WIDE)}"x"]`,
  `[${'1e9,'.repeat(20)}1e9]`,
];
const NAMES = [
  '__proto__',
  'constructor',
  'toString',
  'length',
  '',
  'extra',
  '../../outside',
  'x'.repeat(1000),
];

/** Stands for a piece of text until the rest has become text. */
const MARK = '@wrong@';

type Container = Record<string, unknown> | unknown[];

/**
 * JSON text made from a value by one to three changes: wrong types, huge numbers, nesting, missing and foreign
 * names, paths that lead elsewhere, names of prototypes; now and then broken text.
 */
export function mutateJson(draw: Draw, value: unknown): string {
  const root = { value: structuredClone(value) };
  const texts: string[] = [];
  for (let left = 1 + draw.below(3); left > 0; left--) change(draw, root, texts);
  const text = JSON.stringify(root.value) ?? '';
  const json = text.replaceAll(/"@wrong@(\d+)"/g, (_, index) => texts[Number(index)]!);
  if (draw.chance(5)) return json.slice(0, draw.below(json.length));
  if (draw.chance(3)) return json.replace(/[{[,:"]/, draw.of(['', '{', ',', '\u0000', '//']));
  return json;
}

function change(draw: Draw, root: { value: unknown }, texts: string[]): void {
  const places = containersOf(root);
  const container = draw.of(places);
  const keys = Object.keys(container);
  const mark = () => `${MARK}${texts.push(draw.of(WRONG)) - 1}`;
  const key = keys.length > 0 ? draw.of(keys) : '0';
  const set = (name: string, item: unknown) =>
    Object.defineProperty(container, name, {
      value: item,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  if (container === root || Array.isArray(container) || draw.chance(60)) set(key, mark());
  else if (draw.chance(50)) Reflect.deleteProperty(container, key);
  else set(draw.of(NAMES), draw.chance(50) ? mark() : container[key]);
}

/** All objects and lists within a value, itself first. */
function containersOf(value: unknown): Container[] {
  if (typeof value !== 'object' || value === null) return [];
  return [value as Container, ...Object.values(value).flatMap(containersOf)];
}
