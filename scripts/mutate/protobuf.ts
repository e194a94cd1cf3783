import { splice } from './bytes.ts';
import { type Draw, EDGES } from './draw.ts';

/** A field of a message: its number and wire type together, and its bytes without them. */
interface Field {
  readonly tag: bigint;
  readonly payload: Uint8Array;
}

const WIDTHS: Readonly<Record<number, number>> = { 1: 8, 5: 4 };

/**
 * A protobuf message changed at one place of any depth, all lengths around it right, so that the change is seen and
 * not only the damage: numbers, field numbers and wire types, missing, repeated and exchanged fields, lying lengths,
 * endless varints, deep nesting.
 */
export function mutateMessage(draw: Draw, bytes: Uint8Array): Uint8Array {
  const fields = parse(bytes);
  if (!fields || fields.length === 0) return mutateLeaf(draw, bytes);
  const at = draw.below(fields.length);
  const field = fields[at]!;
  const inner = field.tag % 8n === 2n ? parse(field.payload) : undefined;
  if (inner && inner.length > 0 && draw.chance(80)) {
    fields[at] = { ...field, payload: mutateMessage(draw, field.payload) };
    return write(fields);
  }
  return draw.of(WAYS)(draw, fields, at);
}

type Way = (draw: Draw, fields: Field[], at: number) => Uint8Array;

const WAYS: readonly Way[] = [
  (draw, fields, at) => {
    const field = fields[at]!;
    const payload = field.tag % 8n === 0n ? varint(draw.of(EDGES)) : mutateLeaf(draw, field.payload);
    return write(fields.with(at, { ...field, payload }));
  },
  (_, fields, at) => write(fields.toSpliced(at, 1)),
  (draw, fields, at) => write(fields.toSpliced(at, 0, ...new Array(draw.of([1, 2, 200])).fill(fields[at]))),
  (draw, fields, at) => {
    const other = draw.below(fields.length);
    return write(fields.with(at, fields[other]!).with(other, fields[at]!));
  },
  (draw, fields, at) =>
    write(fields.with(at, { ...fields[at]!, tag: BigInt(8 * draw.below(20) + draw.below(8)) })),
  (draw, fields, at) => {
    const { tag, payload } = fields[draw.below(fields.length)]!;
    return write(fields.with(at, { tag: 8n * (fields[at]!.tag / 8n) + (tag % 8n), payload }));
  },
  // A length that lies.
  (draw, fields, at) => {
    const { tag, payload } = fields[at]!;
    const lying = Buffer.concat([varint(tag), varint(draw.of(EDGES)), payload]);
    return Buffer.concat([write(fields.slice(0, at)), lying, write(fields.slice(at + 1))]);
  },
  // A varint without end.
  (_, fields, at) =>
    Buffer.concat([write(fields.slice(0, at)), varint(fields[at]!.tag), new Uint8Array(40).fill(255)]),
  // The field within itself, and groups, nested deeply.
  (draw, fields, at) => {
    let { payload } = fields[at]!;
    const tag = 8n * (fields[at]!.tag / 8n) + 2n;
    for (let depth = draw.of([2, 100, 3000]); depth > 0; depth--) payload = write([{ tag, payload }]);
    return write(fields.with(at, { tag, payload }));
  },
  (draw, fields) => splice(write(fields), 0, 0, new Uint8Array(draw.of([1, 1000, 50_000])).fill(8 * 15 + 3)),
];

function mutateLeaf(draw: Draw, bytes: Uint8Array): Uint8Array {
  const at = draw.below(bytes.length);
  switch (draw.below(4)) {
    case 0:
      return splice(bytes, at, 1, Uint8Array.of(draw.below(256)));
    case 1:
      return bytes.slice(0, at);
    case 2:
      return varint(draw.of(EDGES));
    default:
      return splice(bytes, at, 0, new Uint8Array(draw.of([1, 4, 8, 10_000])).fill(draw.below(256)));
  }
}

/** The fields of a message; undefined where the bytes are none. */
function parse(bytes: Uint8Array): Field[] | undefined {
  const fields: Field[] = [];
  let at = 0;
  const number = () => {
    let value = 0n;
    for (let shift = 0n; at < bytes.length && shift < 70n; shift += 7n) {
      const byte = bytes[at++]!;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
    return undefined;
  };
  while (at < bytes.length) {
    const tag = number();
    if (tag === undefined || tag < 8n) return undefined;
    const start = at;
    const type = Number(tag % 8n);
    if (type === 0 && number() === undefined) return undefined;
    const length = type === 2 ? number() : BigInt(WIDTHS[type] ?? 0);
    if (length === undefined || (type !== 0 && type !== 2 && !WIDTHS[type])) return undefined;
    const from = type === 2 ? at : start;
    if (type !== 0) at += Number(length);
    if (at > bytes.length) return undefined;
    fields.push({ tag, payload: bytes.slice(from, at) });
  }
  return fields;
}

function write(fields: readonly Field[]): Uint8Array {
  return Buffer.concat(
    fields.flatMap(({ tag, payload }) => [
      varint(tag),
      ...(tag % 8n === 2n ? [varint(BigInt(payload.length))] : []),
      payload,
    ]),
  );
}

function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  for (let rest = BigInt.asUintN(64, value); ; rest >>= 7n) {
    bytes.push(Number(rest & 127n) | (rest > 127n ? 128 : 0));
    if (rest <= 127n) return Uint8Array.from(bytes);
  }
}
