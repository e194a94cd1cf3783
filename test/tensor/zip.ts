import { crc32, deflateRawSync } from 'node:zlib';

/** A file to put in an archive for tests. */
export interface Member {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly method?: 0 | 8;
  readonly flags?: number;
  /** Upper 16 bits of the external attributes of a file made on Unix. */
  readonly mode?: number;
  /** The size that the directory says, instead of the true one. */
  readonly size?: number;
}

/** A zip archive; `zip64` as numpy.savez writes it, the sizes of local headers all ones and in an extra field. */
export function zipOf(members: readonly Member[], { zip64 = false, comment = '' } = {}): Uint8Array {
  const [files, entries]: [Buffer[], Buffer[]] = [[], []];
  let at = 0;
  for (const { path, bytes, method = 0, flags = 0, mode = 0, size = bytes.length } of members) {
    const packed = method === 8 ? deflateRawSync(bytes) : bytes;
    const name = Buffer.from(path);
    const both = Buffer.alloc(26);
    both.writeUInt16LE(zip64 ? 45 : 20, 0);
    both.writeUInt16LE(flags, 2);
    both.writeUInt16LE(method, 4);
    both.writeUInt32LE(crc32(bytes), 10);
    both.writeUInt32LE(packed.length, 14);
    both.writeUInt32LE(size, 18);
    both.writeUInt16LE(name.length, 22);
    const local = Buffer.from(both);
    const extra = Buffer.alloc(zip64 ? 20 : 0);
    if (zip64) {
      local.writeUInt32LE(0xffffffff, 14);
      local.writeUInt32LE(0xffffffff, 18);
      local.writeUInt16LE(20, 24);
      extra.writeUInt16LE(1, 0);
      extra.writeUInt16LE(16, 2);
      extra.writeBigUInt64LE(BigInt(size), 4);
      extra.writeBigUInt64LE(BigInt(packed.length), 12);
    }
    files.push(Buffer.from('PK\x03\x04'), local, name, extra, Buffer.from(packed));
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE((mode << 16) >>> 0, 6);
    tail.writeUInt32LE(at, 10);
    entries.push(Buffer.from(`PK\x01\x02\x14${mode ? '\x03' : '\x00'}`), both, tail, name);
    at += 30 + name.length + extra.length + packed.length;
  }
  const directory = Buffer.concat(entries);
  return new Uint8Array(
    Buffer.concat([...files, directory, ...end(members.length, directory.length, at, zip64, comment)]),
  );
}

/** The ends of an archive: zip64's too, to which the old one then only points. */
function end(count: number, length: number, at: number, zip64: boolean, comment: string): Buffer[] {
  const old = Buffer.alloc(22 + comment.length);
  old.write('PK\x05\x06', 'latin1');
  old.writeUInt16LE(zip64 ? 0xffff : count, 8);
  old.writeUInt16LE(zip64 ? 0xffff : count, 10);
  old.writeUInt32LE(zip64 ? 0xffffffff : length, 12);
  old.writeUInt32LE(zip64 ? 0xffffffff : at, 16);
  old.writeUInt16LE(comment.length, 20);
  old.write(comment, 22, 'latin1');
  if (!zip64) return [old];
  const wide = Buffer.alloc(56);
  wide.write('PK\x06\x06', 'latin1');
  wide.writeBigUInt64LE(44n, 4);
  for (const where of [24, 32]) wide.writeBigUInt64LE(BigInt(count), where);
  wide.writeBigUInt64LE(BigInt(length), 40);
  wide.writeBigUInt64LE(BigInt(at), 48);
  const locator = Buffer.alloc(20);
  locator.write('PK\x06\x07', 'latin1');
  locator.writeBigUInt64LE(BigInt(at + length), 8);
  return [wide, locator, old];
}
