import { existsSync, readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { isSeedbedError } from '../../src/errors.ts';
import { decodeImage, encodePng } from '../../src/runtime/images.ts';
import { float32, type Tensor } from '../../src/tensor/tensor.ts';
import {
  ADOBE,
  adobeRgb,
  bytesOfScene,
  deepPng,
  greyProfile,
  largeJpeg,
  pngOf,
  power,
  tableProfile,
  withProfile,
  wordsOfScene,
} from '../pictures.ts';

const in255 = (data: Float32Array) =>
  Array.from(data, value => value * 255).map(value => Math.round(value * 1e4) / 1e4);

const png = (channels: 1 | 2 | 3 | 4, width: number, height: number, bytes: number[]) =>
  sharp(Uint8Array.from(bytes), { raw: { width, height, channels } }).png().toBuffer();

/** Of 16 bits, a row of grey. */
const png16 = (samples: number[]) =>
  sharp(Uint16Array.from(samples), { raw: { width: samples.length, height: 1, channels: 1 } })
    .toColourspace('grey16')
    .png()
    .toBuffer();

/** Planes as red, green, blue, red ... from 0 to 255. */
function interleaved({ shape, data }: Tensor<'float32'>): number[] {
  const plane = shape[1]! * shape[2]!;
  return Array.from(data, (_, i) => Math.round(data[(i % 3) * plane + Math.floor(i / 3)]! * 255));
}

/** Adobe RGB (1998) from 0 to 255 to sRGB (IEC 61966-2-1), both about the white D50, not rounded. */
function fromAdobeRgb(pixel: readonly number[]): number[] {
  const light = pixel.map(value => (value / 255) ** (563 / 256));
  const times = (matrix: readonly (readonly number[])[], v: readonly number[]) =>
    matrix.map(row => row.reduce((sum, value, i) => sum + value * v[i]!, 0));
  const { rXYZ, gXYZ, bXYZ } = ADOBE;
  const xyz = times(
    [0, 1, 2].map(i => [rXYZ[i]!, gXYZ[i]!, bXYZ[i]!]),
    light,
  );
  return times(XYZ_TO_SRGB, xyz)
    .map(value => Math.min(1, Math.max(0, value)))
    .map(value => 255 * (value <= 0.0031308 ? 12.92 * value : 1.055 * value ** (1 / 2.4) - 0.055));
}

/** The inverse of sRGB's primaries, taken to D50 by Bradford's transform. */
const XYZ_TO_SRGB = [
  [3.1338561, -1.6168667, -0.4906146],
  [-0.9787684, 1.9161415, 0.033454],
  [0.0719453, -0.2289914, 1.4052427],
];

describe('decodeImage', () => {
  test('colour comes as planes of red, green and blue', async () => {
    const { pixels, original, changes } = await decodeImage(
      await png(3, 2, 1, [255, 0, 10, 0, 128, 20]),
      'a.png',
    );
    expect(pixels.shape).toEqual([3, 1, 2]);
    expect(in255(pixels.data)).toEqual([255, 0, 0, 128, 10, 20]);
    expect(original).toEqual({ width: 2, height: 1, channels: 3 });
    expect(changes).toEqual([]);
  });

  test('grey stays grey, exactly', async () => {
    const bytes = await sharp(Uint8Array.from([0, 77, 254, 255]), {
      raw: { width: 2, height: 2, channels: 1 },
    })
      .toColourspace('b-w')
      .png()
      .toBuffer();
    const { pixels, changes } = await decodeImage(bytes, 'a.png');
    expect(pixels.shape).toEqual([1, 2, 2]);
    expect(in255(pixels.data)).toEqual([0, 77, 254, 255]);
    expect(changes).toEqual([]);
    const colour = await decodeImage(bytes, 'a.png', { channels: 3 });
    expect(in255(colour.pixels.data)).toEqual([0, 77, 254, 255, 0, 77, 254, 255, 0, 77, 254, 255]);
    expect(colour.changes).toEqual(['grey repeated in three channels']);
  });

  test('grey of colour is its luma', async () => {
    const bytes = await png(3, 3, 1, [255, 0, 0, 0, 255, 0, 0, 0, 255]);
    const { pixels, changes } = await decodeImage(bytes, 'a.png', { channels: 1 });
    expect(in255(pixels.data)).toEqual([76, 150, 29]);
    expect(changes).toEqual(['turned to grey']);
  });

  test('of what is not of the shape asked for the centre is taken, or all of it squeezed when that is asked', async () => {
    const row = [10, 10, 10, 100, 100, 100, 100, 100, 100, 200, 200, 200];
    const bytes = await png(3, 4, 2, [...row, ...row]);
    const cropped = await decodeImage(bytes, 'a.png', { size: 4 });
    expect(cropped.changes).toEqual(['centre-cropped', 'resized 2x2 to 4x4']);
    expect(cropped.pixels.shape).toEqual([3, 4, 4]);
    expect(new Set(in255(cropped.pixels.data))).toEqual(new Set([100]));
    const squeezed = await decodeImage(bytes, 'a.png', { size: 2, fit: 'squeeze' });
    expect(squeezed.changes).toEqual(['resized 4x2 to 2x2']);
    expect(in255(squeezed.pixels.data).slice(0, 2)).not.toEqual([100, 100]);
    const tall = await decodeImage(bytes, 'a.png', { size: [2, 1] });
    expect([tall.pixels.shape, tall.changes]).toEqual([[3, 2, 1], ['centre-cropped']]);
  });

  test('a wide picture is cropped to the shape of a wide model, and one that fits passes untouched', async () => {
    const wide = await pngOf(3, 90, 40);
    const cropped = await decodeImage(wide, 'a.png', { size: [16, 24] });
    expect(cropped.changes).toEqual(['centre-cropped', 'resized 60x40 to 24x16']);
    const middle = await sharp(wide).extract({ left: 15, top: 0, width: 60, height: 40 }).png().toBuffer();
    const alone = await decodeImage(middle, 'b.png', { size: [16, 24] });
    expect(cropped.pixels).toEqual(alone.pixels);
    expect(alone.changes).toEqual(['resized 60x40 to 24x16']);
    const exact = await decodeImage(await pngOf(3, 24, 16), 'c.png', { size: [16, 24], channels: 3 });
    expect(exact.changes).toEqual([]);
    expect(interleaved(exact.pixels)).toEqual([...bytesOfScene(3, 24, 16)]);
  });

  test.each([28, 64, 150])('a JPEG and the PNG of its pixels are one picture at %i', async size => {
    const jpeg = await largeJpeg(1350, 1350);
    const same = await sharp(jpeg).png({ compressionLevel: 1 }).toBuffer();
    const pixels = async (bytes: Uint8Array) => (await decodeImage(bytes, 'a', { size })).pixels;
    expect(await pixels(jpeg)).toEqual(await pixels(same));
  });

  test('a profile is followed: Adobe RGB within a level of its definition, in 8 bits and in 16', async () => {
    const [width, height] = [60, 40];
    const scenes = {
      8: [await pngOf(3, width, height), [...bytesOfScene(3, width, height)]],
      16: [await deepPng(3, width, height), Array.from(wordsOfScene(3, width, height), word => word / 257)],
    } as const;
    for (const [depth, [bytes, scene]] of Object.entries(scenes)) {
      const wanted = scene.flatMap((_, i) => (i % 3 ? [] : fromAdobeRgb(scene.slice(i, i + 3))));
      const { pixels, changes } = await decodeImage(withProfile(bytes, adobeRgb()), `${depth}.png`);
      const off = interleaved(pixels).map((value, i) => Math.abs(value - wanted[i]!));
      expect(Math.max(...off), depth).toBeLessThan(1);
      expect(changes[0]).toBe('taken from its colour profile to sRGB');
      const left = await decodeImage(withProfile(bytes, tableProfile()), `${depth}.png`);
      const leftOff = interleaved(left.pixels).map((value, i) => Math.abs(value - wanted[i]!));
      // The decoder has few colours of its own table in the dark: 12 levels off at the most.
      expect(leftOff.reduce((sum, value) => sum + value) / leftOff.length, depth).toBeLessThan(0.4);
      expect(left.changes[0]).toBe('colour profile left to the decoder');
    }
    const grey = withProfile(await png16([0, 32896, 65535]), greyProfile(power(1)));
    expect(in255((await decodeImage(grey, 'grey.png', { channels: 1 })).pixels.data)).toEqual([0, 188, 255]);
  });

  test('transparency is laid on black, and an opaque channel is no change', async () => {
    const half = await decodeImage(await png(4, 1, 1, [200, 100, 50, 0]), 'a.png');
    expect([half.pixels.shape, in255(half.pixels.data)]).toEqual([
      [3, 1, 1],
      [0, 0, 0],
    ]);
    expect(half.original.channels).toBe(4);
    expect(half.changes).toEqual(['transparency laid on black']);
    const rounded = await decodeImage(await png(4, 1, 1, [200, 100, 51, 127]), 'a.png');
    expect(in255(rounded.pixels.data)).toEqual([100, 50, 25]);
    expect((await decodeImage(await png(4, 1, 1, [200, 100, 50, 255]), 'a.png')).changes).toEqual([]);
  });

  test('16 bits are reduced to 8, palettes resolved, EXIF rotation undone', async () => {
    const wide = await sharp({ create: { width: 2, height: 1, channels: 3, background: '#ff8000' } })
      .toColourspace('rgb16')
      .png()
      .toBuffer();
    const deep = await decodeImage(wide, 'a.png');
    expect(in255(deep.pixels.data)).toEqual([255, 255, 128, 128, 0, 0]);
    expect(deep.changes).toEqual(['16 bits a channel reduced to 8']);

    const { pixels } = await decodeImage(await png16([0, 128, 129, 0x80ff, 0xffff]), 'a.png');
    expect([pixels.shape, in255(pixels.data)]).toEqual([
      [1, 1, 5],
      [0, 0, 1, 128, 255],
    ]);

    const print = await sharp({ create: { width: 1, height: 1, channels: 3, background: '#fff' } })
      .toColourspace('cmyk')
      .jpeg()
      .toBuffer();
    expect((await decodeImage(print, 'a.jpg')).pixels.shape).toEqual([3, 1, 1]);

    const palette = await sharp({ create: { width: 2, height: 1, channels: 3, background: '#ff8000' } })
      .png({ palette: true })
      .toBuffer();
    expect(in255((await decodeImage(palette, 'a.png')).pixels.data)).toEqual([255, 255, 128, 128, 0, 0]);

    const lying = await sharp(Uint8Array.from([0, 255]), { raw: { width: 2, height: 1, channels: 1 } })
      .toColourspace('b-w')
      .withMetadata({ orientation: 6 })
      .png()
      .toBuffer();
    const upright = await decodeImage(lying, 'a.png', { channels: 1 });
    expect([upright.pixels.shape, in255(upright.pixels.data)]).toEqual([
      [1, 2, 1],
      [0, 255],
    ]);
    expect([upright.original.width, upright.changes]).toEqual([1, ['turned upright']]);
  });

  test('what is no picture, cut short or gigantic is told in plain words', async () => {
    const noise = Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * i * 31 + (i >> 5)) % 251);
    const raw = { raw: { width: 64, height: 64, channels: 3 } } as const;
    const whole = {
      png: await sharp(noise, raw).png().toBuffer(),
      jpeg: await sharp(noise, raw).jpeg().toBuffer(),
    };
    const decode = (bytes: Uint8Array, name: string) => decodeImage(bytes, name);
    await expect(decode(new Uint8Array(0), 'a.png')).rejects.toThrow(/a\.png: it is empty/);
    await expect(decode(new TextEncoder().encode('hello there'), 'a.png')).rejects.toThrow(/not a picture/);
    await expect(decode(new TextEncoder().encode('BM1234\0\0\0\0 and so on'), 'a.png')).rejects.toThrow(
      'cannot read the picture a.png: it is a BMP picture; PNG, JPEG, WebP, GIF, TIFF and AVIF are read',
    );
    await expect(
      decode(new TextEncoder().encode('<svg xmlns="http://www.w3.org/2000/svg"/>'), 'a.svg'),
    ).rejects.toThrow(/a\.svg/);
    await expect(decode(whole.png.subarray(0, whole.png.length / 2), 'a.png')).rejects.toThrow(
      /damaged or cut short/,
    );
    await expect(decode(whole.jpeg.subarray(0, whole.jpeg.length / 2), 'a.jpg')).rejects.toThrow(
      /damaged or cut short/,
    );
    const giant = new DataView(Uint8Array.from(whole.png).buffer);
    giant.setUint32(16, 60_000);
    giant.setUint32(20, 60_000);
    giant.setUint32(29, crc32(new Uint8Array(giant.buffer, 12, 17)));
    await expect(decode(new Uint8Array(giant.buffer), 'a.png')).rejects.toThrow(/more than 134217728 pixels/);
  });

  const face = new URL('../../../shared/data/faces/001_03.jpg', import.meta.url);
  test.skipIf(!existsSync(face))('a photograph', async () => {
    const { pixels, original, changes } = await decodeImage(readFileSync(face), '001_03.jpg', {
      size: 64,
      channels: 1,
    });
    expect(original).toEqual({ width: 1350, height: 1350, channels: 3 });
    expect(changes).toEqual(['resized 1350x1350 to 64x64', 'turned to grey']);
    expect(pixels.shape).toEqual([1, 64, 64]);
  });
});

describe('encodePng', () => {
  test.each([1, 3])('gives back %d channels exactly, and the same bytes each time', async channels => {
    const pixels = float32(
      [channels, 2, 3],
      Float32Array.from({ length: channels * 6 }, (_, i) => (i * 13) / 255),
    );
    const bytes = await encodePng(pixels);
    const decoded = await decodeImage(bytes, 'a.png');
    expect(decoded.pixels.shape).toEqual([channels, 2, 3]);
    expect(in255(decoded.pixels.data)).toEqual(in255(pixels.data));
    expect(decoded.original.channels).toBe(channels);
    expect(await encodePng({ ...pixels, shape: [1, channels, 2, 3] })).toEqual(bytes);
  });

  test('clips, and refuses other shapes and what is not a number', async () => {
    const decoded = await decodeImage(await encodePng(float32([1, 1, 2], [-1, 2])), 'a.png');
    expect(in255(decoded.pixels.data)).toEqual([0, 255]);
    await expect(encodePng(float32([2, 1, 1], [0, 0]))).rejects.toThrow(
      /expected one picture \[1 or 3, H, W\], got \[2,1,1\]/,
    );
    await expect(encodePng(float32([2, 1, 1, 1], [0, 0]))).rejects.toSatisfy(e =>
      isSeedbedError(e, 'BadShape'),
    );
    await expect(encodePng(float32([1, 1, 1], [Number.NaN]))).rejects.toSatisfy(e =>
      isSeedbedError(e, 'Diverged'),
    );
  });
});
