import { crc32, gzipSync } from 'node:zlib';
import { parseModel, serializeModel } from '../../src/graph/protobuf.ts';
import { type Mutate, mutateBytes, putInteger, splice } from './bytes.ts';
import { type Draw, EDGES } from './draw.ts';
import { mutateGraph } from './graph.ts';
import { mutateJson } from './json.ts';
import { mutateMessage } from './protobuf.ts';

// Changes that know a format: they leave all else in it right, so that what they wrote is believed.

/** A way that half of the time knows the format, and half of the time hits any bytes. */
export const orBytes =
  (informed: Mutate): Mutate =>
  (draw, bytes) =>
    (draw.chance(60) ? informed : mutateBytes)(draw, bytes);

/** The rank, the dimensions and the type in an IDX file's header. */
export const mutateIdx: Mutate = (draw, bytes) => {
  const field = draw.below(6);
  if (field < 2) return putInteger(bytes, 2 + field, 1, draw.of(EDGES), false);
  return putInteger(bytes, 4 + 4 * draw.below(bytes[3]!), 4, draw.of(EDGES), false);
};

const NPY_HEADERS: readonly [RegExp, readonly string[]][] = [
  [
    /\([^)]*\)/,
    ['()', '(0,)', '(-1,)', '(1e9,)', '(2, 2)', '(9007199254740991, 9007199254740991)', '(4294967296,)'],
  ],
  [
    /\([^)]*\)/,
    [`(${'1, '.repeat(30_000)})`, `${'('.repeat(20_000)}${')'.repeat(20_000)}`, '(True,)', '16', 'None'],
  ],
  [/False/, ['True', 'None', '0', 'false']],
  [
    /'<f4'/,
    ["'>f4'", "'<f8'", "'|b1'", "'<i8'", "'|O'", "'__proto__'", `${'['.repeat(20_000)}${']'.repeat(20_000)}`],
  ],
  [/'shape'/, ["'descr'", "'__proto__'", "'shapes'"]],
  [/\n/, ['', '}', '\u0000']],
];

/** The dict in a .npy file's header, and its announced length. */
export const mutateNpy: Mutate = (draw, bytes) => {
  if (draw.chance(20)) return putInteger(bytes, 6, draw.of([1, 2, 4]), draw.of(EDGES), true);
  const dataStart = 10 + bytes[8]! + 256 * bytes[9]!;
  let text = Buffer.from(bytes.subarray(10, dataStart)).toString('latin1');
  for (let left = 1 + draw.below(2); left > 0; left--) {
    const [pattern, texts] = draw.of(NPY_HEADERS);
    text = text.replace(pattern, () => draw.of(texts));
  }
  const header = Buffer.from(text, 'latin1');
  const [major, width] = header.length > 0xffff ? [2, 4] : [1, 2];
  const start = putInteger(
    Uint8Array.of(...bytes.subarray(0, 6), major!, 0, 0, 0, 0, 0),
    8,
    width!,
    BigInt(header.length),
    true,
  );
  return Buffer.concat([start.subarray(0, 8 + width!), header, bytes.subarray(dataStart)]);
};

/** The JSON in a safetensors file's header, and its announced length; JSON within its metadata too. */
export const mutateSafetensors: Mutate = (draw, bytes) => {
  if (draw.chance(15)) return putInteger(bytes, 0, 8, draw.of(EDGES), true);
  const dataStart = 8 + Number(Buffer.from(bytes).readBigUInt64LE());
  const header = JSON.parse(Buffer.from(bytes.subarray(8, dataStart)).toString());
  const { __metadata__: metadata } = header;
  const described = Object.keys(metadata).filter(key => /^[{[]/.test(metadata[key]));
  const key = described.length > 0 && draw.chance(50) ? draw.of(described) : undefined;
  if (key) metadata[key] = mutateJson(draw, JSON.parse(metadata[key]));
  const json = Buffer.from(key ? JSON.stringify(header) : mutateJson(draw, header));
  return Buffer.concat([
    putInteger(new Uint8Array(8), 0, 8, BigInt(json.length), true),
    json,
    bytes.subarray(dataStart),
  ]);
};

const TAR_FIELDS: readonly [at: number, length: number, texts: readonly string[]][] = [
  [
    0,
    100,
    ['../outside.png', '/outside.png', 'a/../../outside.png', 'C:\\outside.png', '..\\outside.png', '.', ''],
  ],
  [
    124,
    12,
    ['00000000000', '77777777777', '-0000000001', '00000001000', '9', '\u0080\u0000\u0000\u0001', '        '],
  ],
  [156, 1, ['0', '1', '2', '5', 'L', 'x', 'g', 'K', 'S', '\u0000']],
  [157, 100, ['../../outside', '/etc/passwd']],
  [345, 155, ['..', '/', 'a/..', '/etc']],
];

/** A header of a tar archive, its sum made right again. */
export const mutateTar: Mutate = (draw, bytes) => {
  const starts = Array.from({ length: bytes.length / 512 }, (_, i) => 512 * i);
  const at = draw.of(
    starts.filter(start => Buffer.from(bytes).toString('latin1', start + 257, start + 262) === 'ustar'),
  );
  const copy = Buffer.from(bytes);
  const [field, length, texts] = draw.of(TAR_FIELDS);
  copy.fill(0, at + field, at + field + length);
  copy.write(draw.of(texts), at + field, length, 'latin1');
  copy.fill(' ', at + 148, at + 156);
  const sum = copy.subarray(at, at + 512).reduce((total, byte) => total + byte, 0);
  copy.write(`${sum.toString(8).padStart(6, '0')}\0`, at + 148, 'latin1');
  return copy;
};

/** The contents of a gzip file changed and packed again, or the file itself; now and then much from little. */
export const packed =
  (inner: Mutate): Mutate =>
  (draw, bytes) => {
    if (draw.chance(1)) return gzipSync(new Uint8Array(2 ** 28));
    if (draw.chance(50)) return gzipSync(inner(draw, bytes), { level: 1 });
    return mutateBytes(draw, gzipSync(bytes));
  };

/** The chunks of a PNG: sizes in IHDR, lengths, order and number; their sums made right again. */
export const mutatePng: Mutate = (draw, bytes) => {
  const chunks: Uint8Array[] = [];
  for (let at = 8; at < bytes.length; ) {
    const length = Buffer.from(bytes).readUInt32BE(at);
    chunks.push(bytes.slice(at + 4, at + 8 + length));
    at += 12 + length;
  }
  const which = draw.below(chunks.length);
  const chunk = chunks[which]!;
  const way = draw.below(6);
  if (way === 0) chunks.splice(which, 1);
  if (way === 1) chunks.splice(which, 0, chunk, chunk);
  if (way === 2) chunks.reverse();
  if (way === 3) chunks[0] = putInteger(chunks[0]!, 4 + 4 * draw.below(2), 4, draw.of(EDGES), false);
  if (way === 4) chunks[0] = splice(chunks[0]!, 12 + draw.below(5), 1, Uint8Array.of(draw.below(256)));
  if (way === 5 && chunk.length > 4) chunks[which] = mutateAfter(4, draw, chunk);
  const lying = draw.chance(10);
  return Buffer.concat([
    bytes.subarray(0, 8),
    ...chunks.flatMap(data => [
      putInteger(new Uint8Array(4), 0, 4, lying ? draw.of(EDGES) : BigInt(data.length - 4), false),
      data,
      putInteger(new Uint8Array(4), 0, 4, BigInt(crc32(data)), false),
    ]),
  ]);
};

function mutateAfter(start: number, draw: Draw, bytes: Uint8Array): Uint8Array {
  return Buffer.concat([bytes.subarray(0, start), mutateBytes(draw, bytes.subarray(start))]);
}

/** The length or the first fields of one of a JPEG's segments: sizes, tables, components. */
export const mutateJpeg: Mutate = (draw, bytes) => {
  const starts: number[] = [];
  for (
    let at = 2;
    bytes[at] === 0xff && bytes[at + 1] !== 0xda;
    at += 2 + Buffer.from(bytes).readUInt16BE(at + 2)
  )
    starts.push(at);
  return putInteger(bytes, draw.of(starts) + 1 + draw.below(10), draw.of([1, 2]), draw.of(EDGES), false);
};

/** The sizes that a WebP file gives: of the file, of its chunk, of the picture. */
export const mutateWebp: Mutate = (draw, bytes) =>
  putInteger(
    bytes,
    draw.of([4, 12, 16, 20, 21, 22, 23, 24, 26, 28]),
    draw.of([1, 2, 4]),
    draw.of(EDGES),
    true,
  );

/** The sizes and flags that a GIF gives: of the screen, of its table of colours, of its first block. */
export const mutateGif: Mutate = (draw, bytes) =>
  putInteger(bytes, draw.of([6, 8, 10, 11, 12, 13, 14]), draw.of([1, 2]), draw.of(EDGES), true);

/** The entries of a TIFF file's directory: tag, type, count, value; and where it lies. */
export const mutateTiff: Mutate = (draw, bytes) => {
  const view = Buffer.from(bytes);
  const directory = view.readUInt32LE(4);
  if (draw.chance(15))
    return putInteger(bytes, draw.of([4, directory]), draw.of([2, 4]), draw.of(EDGES), true);
  const entry = directory + 2 + 12 * draw.below(view.readUInt16LE(directory));
  const [at, width] = draw.of([
    [0, 2],
    [2, 2],
    [4, 4],
    [8, 4],
  ] as const);
  return putInteger(bytes, entry + at, width, draw.of(EDGES), true);
};

/** A size in one of an AVIF file's boxes: of the box itself, or in its first fields. */
export const mutateBoxes: Mutate = (draw, bytes) => {
  const view = Buffer.from(bytes);
  const names = [
    'ftyp',
    'meta',
    'hdlr',
    'pitm',
    'iloc',
    'iinf',
    'iprp',
    'ipco',
    'ispe',
    'av1C',
    'ipma',
    'mdat',
  ];
  const starts = names.map(name => view.indexOf(name) - 4).filter(at => at >= 0);
  const field = draw.chance(40) ? 0 : 8 + draw.below(16);
  return putInteger(bytes, draw.of(starts) + field, draw.of([1, 2, 4]), draw.of(EDGES), false);
};

/** What a graph says, or how it is written. */
export const mutateOnnx: Mutate = (draw, bytes) =>
  draw.chance(60) ? mutateGraph(draw, bytes) : mutateMessage(draw, bytes);

/** A model's graph, or its description. */
export const mutateModel: Mutate = (draw, bytes) => {
  if (draw.chance(60)) return mutateOnnx(draw, bytes);
  const graph = parseModel(bytes, 'sample');
  const description = mutateJson(draw, JSON.parse(graph.metadata.get('seedbed')!));
  return serializeModel({ ...graph, metadata: new Map([['seedbed', description]]) });
};

export const mutateJsonFile: Mutate = (draw, bytes) =>
  Buffer.from(mutateJson(draw, JSON.parse(Buffer.from(bytes).toString())));
