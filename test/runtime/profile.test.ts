import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { followProfile } from '../../src/runtime/profile.ts';
import { spoilt } from '../hostile.ts';
import {
  ADOBE,
  adobeRgb,
  colourProfile,
  formula,
  greyProfile,
  power,
  table,
  tableProfile,
} from '../pictures.ts';

/** One row of numbers after their profile, interleaved. */
function inSrgb(icc: Uint8Array, numbers: readonly number[], channels: number, most = 255) {
  const header = { width: numbers.length / channels, height: 1, channels };
  const raster = { header, channels, most, changes: [], row: () => numbers };
  const { toSrgb } = followProfile(icc, icc[16] === 'G'.charCodeAt(0) ? 1 : 3);
  return Array.from(toSrgb!(raster).row(0));
}

const DISPLAY_P3 = {
  rXYZ: [0.5151214599609375, 0.2411956787109375, 0],
  gXYZ: [0.2919769287109375, 0.6922454833984375, 0.0418243408203125],
  bXYZ: [0.1571044921875, 0.066558837890625, 0.7830810546875],
};
const SRGB = {
  rXYZ: [0.436065674, 0.222488403, 0.013916016],
  gXYZ: [0.385147095, 0.716873169, 0.097076416],
  bXYZ: [0.143066406, 0.06060791, 0.714096069],
};
const SRGB_FORMULA = formula(3, [2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045]);
const SRGB_TABLE = table(
  Array.from({ length: 1024 }, (_, i) => i / 1023).map(value =>
    value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4,
  ),
);

// Littlecms 2.19 by Pillow's ImageCms, from these profiles to its own sRGB, relative colorimetric, not optimised.
const COLOURS = [200, 100, 50, 50, 100, 200, 10, 20, 30, 128, 128, 128, 90, 180, 91, 255, 255, 255];
const KNOWN: [string, Uint8Array, number[]][] = [
  [
    'Display P3',
    colourProfile(DISPLAY_P3, SRGB_FORMULA),
    [215, 93, 32, 27, 101, 207, 7, 20, 31, 128, 128, 128, 41, 183, 78, 255, 255, 255],
  ],
  ['Adobe RGB', adobeRgb(), [227, 100, 42, 0, 100, 204, 0, 12, 24, 129, 129, 129, 0, 181, 84, 255, 255, 255]],
  [
    'a table',
    colourProfile(ADOBE, SRGB_TABLE),
    [226, 100, 46, 0, 100, 203, 5, 20, 30, 128, 128, 128, 0, 180, 84, 255, 255, 255],
  ],
  [
    'no curve',
    colourProfile(ADOBE, table([])),
    [248, 168, 120, 96, 168, 231, 42, 79, 97, 188, 188, 188, 127, 219, 158, 255, 255, 255],
  ],
  [
    'formula 0',
    colourProfile(ADOBE, formula(0, [2.2])),
    [227, 100, 42, 0, 100, 204, 0, 12, 24, 129, 129, 129, 0, 181, 84, 255, 255, 255],
  ],
  [
    'formula 1',
    colourProfile(ADOBE, formula(1, [2, 1.1, -0.1])),
    [227, 93, 24, 0, 93, 204, 0, 0, 3, 125, 125, 125, 0, 180, 75, 255, 255, 255],
  ],
  [
    'formula 2',
    colourProfile(ADOBE, formula(2, [2, 0.9, -0.1, 0.36])),
    [237, 174, 162, 158, 174, 223, 162, 162, 162, 185, 185, 185, 152, 210, 169, 255, 255, 255],
  ],
  [
    'formula 3',
    colourProfile(ADOBE, SRGB_FORMULA),
    [226, 100, 46, 0, 100, 203, 5, 20, 30, 128, 128, 128, 0, 180, 84, 255, 255, 255],
  ],
  [
    'formula 4',
    colourProfile(ADOBE, formula(4, [2.4, 0.88, 0.1, 0.3, 0.1, 0.02, 0.005])),
    [226, 112, 69, 43, 112, 204, 29, 47, 58, 137, 137, 137, 11, 183, 99, 252, 252, 252],
  ],
];
const GREYS = [0, 1, 2, 5, 10, 20, 50, 128, 200, 254, 255];
const KNOWN_GREYS: [string, Uint8Array, number[]][] = [
  ['gamma 1', greyProfile(power(1)), [0, 13, 22, 38, 56, 79, 122, 188, 229, 255, 255]],
  ['gamma 2.2', greyProfile(power(2.2)), [0, 0, 0, 1, 3, 12, 46, 129, 201, 254, 255]],
  [
    'a table of five',
    greyProfile(table([0, 0.1, 0.25, 0.5, 1])),
    [0, 5, 10, 22, 34, 50, 79, 137, 199, 254, 255],
  ],
];

describe('colours come out as by littlecms', () => {
  test.each(KNOWN)('%s', (_, icc, wanted) => {
    expect(inSrgb(icc, COLOURS, 3)).toEqual(wanted);
  });

  test.each(KNOWN_GREYS)('grey of %s', (_, icc, wanted) => {
    expect(inSrgb(icc, GREYS, 1)).toEqual(wanted);
    // As a page gives it.
    const repeated = GREYS.flatMap(grey => [grey, grey, grey, 7]);
    expect(inSrgb(icc, repeated, 4)).toEqual(wanted.flatMap(grey => [grey, grey, grey, 7]));
  });

  test('of 16 bits as of 8, and opacity stays', () => {
    const [, , wanted] = KNOWN[0]!;
    const deep = COLOURS.map(number => 257 * number);
    expect(inSrgb(KNOWN[0]![1], deep, 3, 65535)).toEqual(wanted.map(level => 257 * level));
    expect(inSrgb(KNOWN[0]![1], [200, 100, 50, 99], 4)).toEqual([215, 93, 32, 99]);
    expect(inSrgb(greyProfile(power(1)), [5 * 257, 300, 10 * 257, 400], 2, 65535)).toEqual([
      ...[38 * 257, 300, 56 * 257, 400],
    ]);
    // Between two numbers of 8 bits: light 5.5 / 255 is level 40.0 of sRGB's.
    expect(inSrgb(greyProfile(power(1)), [5.5 * 257 - 0.5], 1, 65535)).toEqual([40 * 257]);
  });
});

test('what becomes of a profile is said, but for that of sRGB', () => {
  const said = (icc: Uint8Array | undefined, colours: number) => {
    const { byDecoder, changes, toSrgb } = followProfile(icc, colours);
    return [...changes, ...(byDecoder ? ['by the decoder'] : []), ...(toSrgb ? ['by us'] : [])];
  };
  const mended = (at: number, ...bytes: number[]) => {
    const icc = new Uint8Array(adobeRgb());
    icc.set(bytes, at);
    return icc;
  };
  expect(said(undefined, 3)).toEqual([]);
  for (const curve of [SRGB_FORMULA, SRGB_TABLE]) {
    expect(said(colourProfile(SRGB, curve), 3)).toEqual([]);
    expect(said(colourProfile(SRGB, curve), 1)).toEqual([]);
    expect(said(greyProfile(curve), 1)).toEqual([]);
  }
  expect(said(adobeRgb(), 3)).toEqual(['taken from its colour profile to sRGB', 'by us']);
  expect(said(adobeRgb(), 1)).toEqual(['colour profile ignored: the picture has other channels']);
  expect(said(greyProfile(power(1)), 3)).toEqual(['colour profile ignored: the picture has other channels']);
  const left = ['colour profile left to the decoder', 'by the decoder'];
  expect(said(tableProfile(), 3)).toEqual(left);
  expect(said(mended(16, ...Buffer.from('CMYK')), 4)).toEqual(left);
  const damaged = ['damaged colour profile ignored'];
  expect(said(new Uint8Array(), 3)).toEqual(damaged);
  expect(said(adobeRgb().subarray(0, 400), 3)).toEqual(damaged);
  expect(said(mended(36, 0), 3), 'no signature').toEqual(damaged);
  expect(said(mended(128, 255, 255, 255, 255), 3), 'four thousand million tags').toEqual(damaged);
  const entries = colourProfile(ADOBE, table([0, 1]));
  const count = entries.indexOf('curv') + 8;
  expect(said(entries.fill(255, count, count + 4), 3), 'as many entries').toEqual(damaged);
  expect(said(colourProfile(ADOBE, formula(5, [1, 1, 0, 0, 0, 0, 0])), 3), 'no such formula').toEqual(
    damaged,
  );
  expect(said(colourProfile(ADOBE, formula(4, [1, 1])), 3), 'a short formula').toEqual(damaged);
});

const SOUND: [string, Uint8Array][] = [
  ['colour by a power', adobeRgb()],
  ['colour by a table', colourProfile(SRGB, table([0, 0.2, 0.5, 1]))],
  ['colour by a formula', colourProfile(DISPLAY_P3, formula(4, [2.4, 0.88, 0.1, 0.3, 0.1, 0.02, 0.005]))],
  ['grey', greyProfile(power(1))],
];

test.each(SOUND)('a damaged profile of %s gives levels, or is ignored', (_, sound) => {
  fc.assert(
    fc.property(spoilt(sound), fc.constantFrom(1, 3), (icc, colours) => {
      const { byDecoder, changes, toSrgb } = followProfile(icc, colours);
      expect(changes.length).toBeLessThan(2);
      expect(toSrgb && byDecoder).toBeFalsy();
      const header = { width: 4, height: 1, channels: colours };
      const row = Uint8Array.from({ length: 4 * colours }, (_, i) => 21 * i);
      const levels = toSrgb?.({ header, changes: [], channels: colours, most: 255, row: () => row }).row(0);
      for (const level of Array.from(levels ?? [])) {
        expect(Number.isInteger(level) && level <= 255).toBe(true);
      }
    }),
    { numRuns: 300 },
  );
});
