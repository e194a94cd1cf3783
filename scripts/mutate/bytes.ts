import { type Draw, EDGES } from './draw.ts';

/** A file made from a sound one by a few changes. */
export type Mutate = (draw: Draw, bytes: Uint8Array) => Uint8Array;

/** The bytes with `removed` of them from `at` on replaced. */
export function splice(bytes: Uint8Array, at: number, removed: number, inserted: Uint8Array): Uint8Array {
  return new Uint8Array(Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at + removed)]));
}

/** Writes an integer of 1, 2, 4 or 8 bytes into a copy, as much of it as there is room for. */
export function putInteger(
  bytes: Uint8Array,
  at: number,
  width: number,
  value: bigint,
  little: boolean,
): Uint8Array {
  const field = Uint8Array.from({ length: width }, (_, i) =>
    Number(BigInt.asUintN(8, value >> BigInt(8 * i))),
  );
  const copy = new Uint8Array(bytes);
  copy.set((little ? field : field.reverse()).subarray(0, Math.max(0, bytes.length - at)), at);
  return copy;
}

/** Half of all changes hit the first bytes, where headers are. */
function place(draw: Draw, bytes: Uint8Array): number {
  return draw.below(draw.chance(50) ? Math.min(bytes.length, 64) : bytes.length);
}

function noise(draw: Draw, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => draw.below(256));
}

const WAYS: readonly Mutate[] = [
  (draw, bytes) => {
    const at = place(draw, bytes);
    return splice(bytes, at, 1, Uint8Array.of(bytes[at]! ^ (1 << draw.below(8))));
  },
  (draw, bytes) => splice(bytes, place(draw, bytes), 1, noise(draw, 1)),
  (draw, bytes) => bytes.slice(0, place(draw, bytes)),
  (draw, bytes) => splice(bytes, place(draw, bytes), 0, noise(draw, 1 + draw.below(16))),
  (draw, bytes) => splice(bytes, place(draw, bytes), 1 + draw.below(16), new Uint8Array(0)),
  (draw, bytes) => splice(bytes, bytes.length, 0, noise(draw, 1 + draw.below(64))),
  (draw, bytes) => {
    const at = place(draw, bytes);
    return splice(bytes, place(draw, bytes), 0, bytes.slice(at, at + 1 + draw.below(256)));
  },
  (draw, bytes) => {
    const value = draw.chance(50) ? draw.of(EDGES) : BigInt(bytes.length + draw.below(9) - 4);
    return putInteger(bytes, place(draw, bytes), draw.of([1, 2, 4, 8]), value, draw.chance(50));
  },
];

/** Flips bits, cuts, inserts, repeats, and writes lying integers: one to three changes anywhere. */
export const mutateBytes: Mutate = (draw, bytes) => {
  let changed = bytes;
  for (let left = 1 + draw.below(3); left > 0 && changed.length > 0; left--)
    changed = draw.of(WAYS)(draw, changed);
  return changed;
};
