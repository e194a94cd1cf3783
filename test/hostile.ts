import fc from 'fast-check';
import { isSeedbedError } from '../src/errors.ts';

/** Sound bytes cut anywhere, with some of them changed, or with a few taken out and others put in. */
export function spoilt(sound: Uint8Array): fc.Arbitrary<Uint8Array> {
  const place = fc.nat(sound.length - 1);
  const change = fc.tuple(place, fc.nat(255));
  return fc.oneof(
    place.map(end => sound.slice(0, end)),
    fc.array(change, { minLength: 1, maxLength: 4 }).map(changes => {
      const bytes = new Uint8Array(sound);
      for (const [at, value] of changes) bytes[at] = value;
      return bytes;
    }),
    fc
      .tuple(place, fc.nat(8), fc.uint8Array({ maxLength: 8 }))
      .map(([at, removed, put]) =>
        Uint8Array.of(...sound.subarray(0, at), ...put, ...sound.subarray(at + removed)),
      ),
  );
}

/** Any JSON in the place of any value within a value, or one name more or less. */
export function spoiltJson(sound: unknown): fc.Arbitrary<unknown> {
  const wrong = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom(-1, 0, 0.5, 1e9, 2 ** 31, 2 ** 53, 1e300, '../../x', '__proto__', [], {}, null),
  );
  if (typeof sound !== 'object' || sound === null) return wrong;
  const inside = Object.entries(sound).map(([key, value]) =>
    spoiltJson(value).map(changed =>
      Array.isArray(sound) ? sound.with(Number(key), changed) : { ...sound, [key]: changed },
    ),
  );
  const less = Object.keys(sound).map(key =>
    fc.constant(Object.fromEntries(Object.entries(sound).filter(([name]) => name !== key))),
  );
  return fc.oneof(
    wrong,
    ...inside,
    ...less,
    wrong.map(value => ({ ...sound, extra: value })),
  );
}

/**
 * The value that reading gives, or undefined where an error of Seedbed refuses the file by its name; all other
 * errors pass.
 */
export async function readOrRefused<T>(name: string, read: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (!isSeedbedError(error)) throw error;
    if (!error.message.includes(name)) throw new Error(`'${error.message}' does not name ${name}`);
    return undefined;
  }
}
