import { describe, expect, test } from 'vitest';
import { cifarImages, parseCifar } from '../../src/data/cifar.ts';
import { slice } from '../../src/data/dataset.ts';
import { idxImages, parseIdx } from '../../src/data/idx.ts';
import { isSeedbedError } from '../../src/errors.ts';
import { bytesOf, type Tensor, tensor } from '../../src/tensor/tensor.ts';
import { cifarOf, idxOf } from './sets.ts';

describe('IDX', () => {
  const bytes = idxOf([2, 2, 3], [0, 1, 2, 3, 4, 5, 250, 251, 252, 253, 254, 255]);

  test('labels and pictures keep their shape', () => {
    expect(parseIdx(idxOf([3], [7, 0, 9]), 'labels')).toEqual({
      dtype: 'uint8',
      shape: [3],
      data: Uint8Array.from([7, 0, 9]),
    });
    expect(parseIdx(bytes, 'images').shape).toEqual([2, 2, 3]);
  });

  test.each<[number, Tensor]>([
    [0x09, tensor('int8', [2], Int8Array.of(1, -1))],
    [0x0b, tensor('int16', [2], Int16Array.of(1, -1))],
    [0x0c, tensor('int32', [1, 2], Int32Array.of(1, -1))],
    [0x0d, tensor('float32', [2], Float32Array.of(1, -0.5))],
    [0x0e, tensor('float64', [2], Float64Array.of(1, -0.5))],
  ])('elements of type %i are big-endian', (type, t) => {
    const header = [0, 0, type, t.shape.length, ...t.shape.flatMap(dim => [0, 0, 0, dim])];
    const width = t.data.BYTES_PER_ELEMENT;
    const elements = [0, 1].flatMap(i => [...bytesOf(t).slice(i * width, (i + 1) * width)].reverse());
    expect(parseIdx(Uint8Array.from([...header, ...elements]), 'x')).toEqual(t);
  });

  test('pictures are a set, read by number', async () => {
    const set = idxImages(bytes, 'images', 'tiny:train');
    expect([set.kind, set.shape, set.length, set.itemName(1)]).toEqual([
      'images',
      [1, 2, 3],
      2,
      'tiny:train/1',
    ]);
    const batch = await set.read([1, 0, 1]);
    expect(batch.shape).toEqual([3, 1, 2, 3]);
    expect(batch.data[5]).toBe(1);
    expect(batch.data[7]).toBeCloseTo(1 / 255);
    await expect(set.read([2])).rejects.toThrow('tiny:train has items 0 to 1; item 2 was asked for');
    await expect(set.read([0.5])).rejects.toSatisfy(e => isSeedbedError(e, 'BadArgument'));
  });

  test.each([
    ['another beginning', Uint8Array.from([1, 0, 8, 1, 0, 0, 0, 0]), /not an IDX file/],
    [
      'a type that the format does not have',
      Uint8Array.from([0, 0, 0x0a, 1, 0, 0, 0, 0]),
      /IDX type 10; known/,
    ],
    ['half an element', Uint8Array.from([0, 0, 0x0b, 1, 0, 0, 0, 1, 0]), /\[1\] take 2 bytes, 1 are there/],
    ['a cut header', bytes.subarray(0, 10), /cut short in its header, at 10 of 16/],
    ['cut contents', bytes.subarray(0, bytes.length - 1), /\[2,2,3\] take 12 bytes, 11 are there/],
    ['more than the header says', Uint8Array.from([...bytes, 0]), /13 are there/],
    ['an empty file', new Uint8Array(0), /not an IDX file/],
  ])('%s is refused', (_, wrong, message) => {
    expect(() => parseIdx(wrong, 'a')).toThrow(message);
  });

  test('a header that promises much allocates nothing', () => {
    const promise = Uint8Array.from([0, 0, 8, 3, ...Array(12).fill(255)]);
    expect(() => parseIdx(promise, 'a')).toThrow(/0 are there/);
  });

  test('labels are not pictures', () => {
    expect(() => idxImages(idxOf([3], [1, 2, 3]), 'labels', 'x')).toThrow(
      /labels holds uint8 \[3\], not pictures/,
    );
    const integers = Uint8Array.from([0, 0, 0x0c, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 9]);
    expect(() => idxImages(integers, 'x', 'x')).toThrow(/x holds int32 \[1,1,1\], not pictures/);
  });
});

describe('CIFAR-10', () => {
  test('labels and planes, files one after the other', async () => {
    const [one, two] = [cifarOf([3, 9], i => i % 256), cifarOf([0], () => 51)];
    expect(parseCifar(one, 'a').labels).toEqual(Uint8Array.from([3, 9]));
    const set = cifarImages(
      [
        { bytes: one, file: 'a' },
        { bytes: two, file: 'b' },
      ],
      'c',
    );
    expect([set.shape, set.length]).toEqual([[3, 32, 32], 3]);
    const { data } = await set.read([2, 0]);
    expect(data[0]).toBeCloseTo(0.2);
    expect(data[3072 + 255]).toBe(1);
  });

  test.each([
    ['nothing', new Uint8Array(0), /whole records/],
    ['a cut record', cifarOf([1], () => 0).subarray(1), /3072 bytes, which are not whole records of 3073/],
    ['a label over 9', cifarOf([1, 10], () => 0), /record 1 has label 10/],
  ])('%s is refused', (_, bytes, message) => {
    expect(() => parseCifar(bytes, 'a')).toThrow(message);
  });
});

describe('slice', () => {
  const set = idxImages(idxOf([5, 1, 1], [0, 51, 102, 153, 255]), 'a', 'a');

  test('is a view whose items keep their names', async () => {
    const part = slice(set, 2, 5);
    expect([part.name, part.length, part.itemName(0)]).toEqual(['a[2:5]', 3, 'a/2']);
    expect(Array.from((await part.read([2, 0])).data, value => Math.round(value * 255))).toEqual([255, 102]);
    expect(slice(part, 1, 2).itemName(0)).toBe('a/3');
    await expect(part.read([3])).rejects.toThrow('a[2:5] has items 0 to 2');
  });

  test.each([
    [2, 2],
    [-1, 2],
    [0, 6],
    [Number.NaN, 1],
  ])('%d to %d is refused', (from, to) => {
    expect(() => slice(set, from, to)).toThrow(/a has 5 items/);
  });
});
