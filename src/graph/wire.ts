import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { WireType } from '@bufbuild/protobuf/wire';
import { ModelProtoSchema, NodeProtoSchema, TensorProtoSchema } from 'onnx-buf';
import { SeedbedError } from '../errors.ts';

// A part of a message may take two bytes of a file and half a kilobyte of memory: they are counted before they are made.

/** Parts of an ONNX file, at most: messages within messages, texts in lists, and whole numbers in lists. */
const MOST_PARTS = 1_000_000;
/** Messages of one kind, at most, and the word for them; large models have some thousands. */
const MOST_OF = new Map<DescMessage, readonly [most: number, word: string]>([
  [NodeProtoSchema, [100_000, 'nodes']],
  [TensorProtoSchema, [100_000, 'tensors']],
]);
/** Messages within messages, at most. */
const MOST_LEVELS = 100;
/** Bytes of a whole number, at most. */
const MOST_DIGITS = 10;

/**
 * Counts what an ONNX file holds by its lengths alone, without making any of it.
 * @param file the name that messages give the file.
 * @throws {SeedbedError} Unsupported when it holds more than Seedbed reads, BadFile when its lengths contradict each other.
 */
export function checkWire(bytes: Uint8Array, file: string): void {
  new Scan(bytes, file).message(ModelProtoSchema, 0, bytes.length, 0);
}

class Scan {
  private readonly bytes: Uint8Array;
  private readonly file: string;
  private readonly counts = new Map<DescMessage, number>();
  private parts = 0;
  private at = 0;

  constructor(bytes: Uint8Array, file: string) {
    this.bytes = bytes;
    this.file = file;
  }

  message(desc: DescMessage, from: number, to: number, level: number): void {
    if (level > MOST_LEVELS) throw this.tooMany(MOST_LEVELS, 'levels of messages within messages');
    const fields = fieldsOf(desc);
    this.at = from;
    while (this.at < to) {
      const tag = this.number(to);
      const field = fields.get(Math.floor(tag / 8));
      const end = this.endOfValue(tag % 8, to);
      if (field?.message && tag % 8 === WireType.LengthDelimited) {
        this.count(field.message);
        this.message(field.message, this.at, end, level + 1);
      } else if (field?.fieldKind === 'list') this.countItems(field, tag % 8, end);
      this.at = end;
    }
  }

  /** Goes to the first byte of a value. @returns the place behind its last. */
  private endOfValue(type: number, to: number): number {
    let length: number;
    if (type === WireType.LengthDelimited) length = this.number(to);
    else if (type === WireType.Varint) length = this.digits(to);
    else if (type === WireType.Bit64) length = 8;
    else if (type === WireType.Bit32) length = 4;
    else throw this.damaged(`wire type ${type}, which ONNX does not use`);
    if (this.at + length > to)
      throw this.damaged(`a value of ${length} bytes where ${to - this.at} are left`);
    return this.at + length;
  }

  /** Numbers of 32 bits and fractions are kept in little more room than they take in the file, and not counted. */
  private countItems({ scalar }: DescField, type: number, end: number): void {
    if (!scalar || !COUNTED.includes(scalar)) return;
    const isPacked = type === WireType.LengthDelimited && !TEXTS.includes(scalar);
    this.add(isPacked ? this.numbersUntil(end) : 1);
  }

  /** Whole numbers one behind the other: each has one byte below 128, its last. */
  private numbersUntil(end: number): number {
    let count = 0;
    for (let at = this.at; at < end; at++) if (this.bytes[at]! < 128) count++;
    return count;
  }

  private count(desc: DescMessage): void {
    this.add(1);
    const limit = MOST_OF.get(desc);
    if (!limit) return;
    const count = (this.counts.get(desc) ?? 0) + 1;
    this.counts.set(desc, count);
    if (count > limit[0]) throw this.tooMany(...limit);
  }

  private add(parts: number): void {
    this.parts += parts;
    if (this.parts > MOST_PARTS)
      throw this.tooMany(MOST_PARTS, 'nodes, attributes, names and numbers in lists');
  }

  /** The whole number here, behind which it goes. */
  private number(to: number): number {
    const end = this.at + this.digits(to);
    let value = 0;
    for (let factor = 1; this.at < end; factor *= 128) value += (this.bytes[this.at++]! % 128) * factor;
    return value;
  }

  /** Bytes of the whole number here. */
  private digits(to: number): number {
    const most = Math.min(to, this.at + MOST_DIGITS);
    for (let at = this.at; at < most; at++) if (this.bytes[at]! < 128) return at + 1 - this.at;
    throw this.damaged('a number that does not end');
  }

  private tooMany(most: number, what: string): SeedbedError {
    return new SeedbedError(
      'Unsupported',
      `holds more than ${most} ${what}, the most that Seedbed reads; is it the right file? Else export a simpler graph`,
      { at: this.file },
    );
  }

  private damaged(what: string): SeedbedError {
    return new SeedbedError('BadFile', `not an ONNX file, or damaged (${what}, at byte ${this.at})`, {
      at: this.file,
    });
  }
}

const known = new Map<DescMessage, ReadonlyMap<number, DescField>>();

function fieldsOf(desc: DescMessage): ReadonlyMap<number, DescField> {
  const fields = known.get(desc) ?? new Map(desc.fields.map(field => [field.number, field]));
  known.set(desc, fields);
  return fields;
}

const TEXTS: readonly ScalarType[] = [ScalarType.STRING, ScalarType.BYTES];
/** Items of lists that become objects of their own. */
const COUNTED: readonly ScalarType[] = [...TEXTS, ScalarType.INT64, ScalarType.UINT64];
