import type { Raster } from './picture.ts';

// Colour profiles by ICC.1:2010 (version 4, as ISO 15076-1) and ICC.1:2001-04 (version 2); sections are of the former.
// Followed here is what says how a display's or camera's numbers become light: a curve for each channel and, of colour,
// a matrix (annex F.3). Profiles with tables of colours (A2B0 and its like) or for inks are left to the decoder.

/** From a channel's number to light, both in [0,1]. */
type Curve = (value: number) => number;

/** A profile of curves, and of colour a matrix. */
interface Profile {
  /** One of grey, three of red, green and blue. */
  readonly curves: readonly Curve[];
  /** From the light of the three channels to that of sRGB's, row after row; of grey none. */
  readonly matrix: readonly number[];
}

/** What becomes of a picture's profile. */
export interface Following {
  /** Whether the platform's decoder shall follow it; or else it shall give the numbers as stored. */
  readonly byDecoder: boolean;
  /** From the numbers as stored to sRGB, where they differ. */
  readonly toSrgb?: (raster: Raster) => Raster;
  /** Words for {@link Raster.changes}; none where nothing happens. */
  readonly changes: readonly string[];
}

/**
 * Decides what becomes of a picture's profile.
 * @param icc none where it is undefined, a damaged one where it is empty.
 * @param colours of the picture, without its opacity: 1 grey, 3 colour, 4 inks.
 */
export function followProfile(icc: Uint8Array | undefined, colours: number): Following {
  if (!icc) return { byDecoder: false, changes: [] };
  const profile = readProfile(icc);
  if (profile === 'not ours') return { byDecoder: true, changes: ['colour profile left to the decoder'] };
  if (!profile) return { byDecoder: false, changes: ['damaged colour profile ignored'] };
  if (isSrgb(profile)) return { byDecoder: false, changes: [] };
  if (profile.curves.length !== colours)
    return { byDecoder: false, changes: ['colour profile ignored: the picture has other channels'] };
  return {
    byDecoder: false,
    toSrgb: raster => ({ ...raster, ...rowsInSrgb(raster, profile) }),
    changes: ['taken from its colour profile to sRGB'],
  };
}

/** The profile; undefined of a damaged one. */
function readProfile(icc: Uint8Array): Profile | 'not ours' | undefined {
  const tags = tagsOf(icc);
  if (!tags) return undefined;
  const [space, connection] = [textAt(viewOf(icc), 16), textAt(viewOf(icc), 20)];
  const hasTables = [...tags.keys()].some(name => /^(A2B|D2B)/.test(name));
  if (hasTables || !/^(RGB |GRAY)$/.test(space) || connection !== 'XYZ ') return 'not ours';
  const curves = (space === 'GRAY' ? ['kTRC'] : ['rTRC', 'gTRC', 'bTRC']).map(name =>
    curveOf(tags.get(name)),
  );
  const columns = space === 'GRAY' ? [] : ['rXYZ', 'gXYZ', 'bXYZ'].map(name => xyzOf(tags.get(name)));
  if (![...curves, ...columns].every(part => part !== undefined)) return undefined;
  const matrix = XYZ_TO_SRGB.flatMap(row =>
    columns.map(column => row.reduce((sum, weight, i) => sum + weight * column![i]!, 0)),
  );
  return { curves: curves as Curve[], matrix };
}

/** The table of tags (7.3), those that lie within the profile; undefined where it is cut short, or no profile. */
function tagsOf(icc: Uint8Array): Map<string, DataView> | undefined {
  const view = viewOf(icc);
  if (icc.length < 132 || view.getUint32(0) > icc.length || textAt(view, 36) !== 'acsp') return undefined;
  const end = 132 + 12 * view.getUint32(128);
  if (end > icc.length) return undefined;
  const tags = new Map<string, DataView>();
  for (let at = 132; at < end; at += 12) {
    const [from, length] = [view.getUint32(at + 4), view.getUint32(at + 8)];
    if (length >= 12 && from + length <= icc.length)
      tags.set(textAt(view, at), viewOf(icc.subarray(from, from + length)));
  }
  return tags;
}

/** A curve as `curv` (10.5: none, a power, or a table between whose entries lines run) or `para` (10.16). */
function curveOf(tag: DataView | undefined): Curve | undefined {
  if (tag && textAt(tag, 0) === 'para') return formulaOf(tag);
  if (!tag || textAt(tag, 0) !== 'curv') return undefined;
  const count = tag.getUint32(8);
  if (12 + 2 * count > tag.byteLength) return undefined;
  const entry = (i: number) => tag.getUint16(12 + 2 * i);
  if (count === 0) return value => value;
  if (count === 1) return value => value ** (entry(0) / 256);
  return value => {
    const place = value * (count - 1);
    const below = Math.min(count - 2, Math.floor(place));
    return (entry(below) + (place - below) * (entry(below + 1) - entry(below))) / 65535;
  };
}

/**
 * The formulas 0 to 4 of `para`, table 65: (a x + b)^g + e from d on, c x + f below; clipped to [0,1]. Those without d
 * have it at -b / a, below which the base counts as 0, and 2 has c in the place of e.
 */
function formulaOf(tag: DataView): Curve | undefined {
  const kind = tag.getUint16(8);
  const count = [1, 3, 4, 5, 7][kind];
  if (count === undefined || 12 + 4 * count > tag.byteLength) return undefined;
  const numbers = Array.from({ length: count }, (_, i) => tag.getInt32(12 + 4 * i) / 65536);
  const [g = 1, a = 1, b = 0, c = 0, d = 0, e = kind === 2 ? c : 0, f = 0] = numbers;
  return x => Math.min(1, Math.max(0, x < d ? c * x + f : Math.max(0, a * x + b) ** g + e));
}

/** A colour as X, Y, Z about the white D50 (its XYZType). */
function xyzOf(tag: DataView | undefined): number[] | undefined {
  if (!tag || tag.byteLength < 20 || textAt(tag, 0) !== 'XYZ ') return undefined;
  return [8, 12, 16].map(at => tag.getInt32(at) / 65536);
}

/**
 * The inverse of the light of sRGB's primaries (IEC 61966-2-1: x, y of .64 .33, .30 .60, .15 .06 about D65, .3127 .3290),
 * taken by Bradford's transform (annex E) to the profiles' white D50, X Y Z of .9642 1 .8249.
 */
const XYZ_TO_SRGB = [
  [3.1341864, -1.617209, -0.4906941],
  [-0.9787485, 1.9161301, 0.0334334],
  [0.0719639, -0.2289939, 1.4057537],
];

/** The light of sRGB's number, both in [0,1] (IEC 61966-2-1). */
const lightOfSrgb: Curve = value => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);

/** The light between one level of 8 bits and the next. */
const BORDERS = Float64Array.from({ length: 255 }, (_, level) =>
  Math.fround(lightOfSrgb((level + 0.5) / 255)),
);

/** The level of each 4096th of light, from which the next is at most one step away. */
const KNOWN = Uint8Array.from(
  { length: 4097 },
  (_, i) => BORDERS.filter(border => border <= i / 4096).length,
);

/** The nearest of sRGB's levels: as many as there are borders below the light. */
function levelOf(light: number): number {
  const clipped = light > 0 ? Math.min(1, light) : 0;
  let level = KNOWN[Math.floor(clipped * 4096)]!;
  while (level < 255 && BORDERS[level]! <= clipped) level++;
  return level;
}

type Nine = [number, number, number, number, number, number, number, number, number];

/**
 * Rows of sRGB's levels, rounded to 8 bits, in place of stored numbers; opacity stays. Curves and borders are of single
 * precision, so that engines whose powers differ in the last bit give the same levels.
 */
function rowsInSrgb(
  { row, channels, most }: Pick<Raster, 'row' | 'channels' | 'most'>,
  { curves, matrix }: Profile,
): Pick<Raster, 'row'> {
  const lights = curves.map(curve =>
    Float64Array.from({ length: most + 1 }, (_, number) => Math.fround(curve(number / most))),
  );
  const scale = most / 255;
  if (matrix.length === 0) {
    const levels = Uint16Array.from(lights[0]!, light => scale * levelOf(light));
    const isColour = (i: number) => channels % 2 === 1 || i % channels < channels - 1;
    return { row: y => Uint16Array.from(row(y), (number, i) => (isColour(i) ? levels[number]! : number)) };
  }
  const [red, green, blue] = lights as [Float64Array, Float64Array, Float64Array];
  const [rr, rg, rb, gr, gg, gb, br, bg, bb] = matrix as Nine;
  const inSrgb = (y: number) => {
    const numbers = Uint16Array.from(row(y));
    for (let at = 0; at < numbers.length; at += channels) {
      const r = red[numbers[at]!]!;
      const g = green[numbers[at + 1]!]!;
      const b = blue[numbers[at + 2]!]!;
      numbers[at] = scale * levelOf(rr * r + rg * g + rb * b);
      numbers[at + 1] = scale * levelOf(gr * r + gg * g + gb * b);
      numbers[at + 2] = scale * levelOf(br * r + bg * g + bb * b);
    }
    return numbers;
  };
  return { row: inSrgb };
}

/**
 * Whether a profile leaves every grey, and every colour of a grid, within one level of 8 bits, as those profiles of sRGB
 * do whose primaries are rounded otherwise.
 */
function isSrgb(profile: Profile): boolean {
  const greys = Array.from({ length: 256 }, (_, level) => [level, level, level]);
  const grid = Array.from({ length: 216 }, (_, i) => [i % 6, Math.floor(i / 6) % 6, Math.floor(i / 36)]);
  const levels = [...greys, ...grid.map(steps => steps.map(step => 51 * step))].flat();
  const seen = rowsInSrgb({ row: () => levels, channels: 3, most: 255 }, profile).row(0);
  return levels.every((level, i) => Math.abs(level - seen[i]!) <= 1);
}

const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array) =>
  new DataView(buffer, byteOffset, byteLength);

/** Four letters. */
const textAt = (view: DataView, at: number) =>
  String.fromCharCode(...[0, 1, 2, 3].map(i => view.getUint8(at + i)));
