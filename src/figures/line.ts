import * as Plot from '@observablehq/plot';
import { SeedbedError } from '../errors.ts';
import { requireShowable, scaleOf } from './axes.ts';
import { draw, type FigureOptions, type Frame, type Look, layOut, lookOf, sizeOf } from './frame.ts';
import { DASHES, type Entry, keyAtRight, keyLength, keyWidth, LINE_WIDTH, symbolOf } from './key.ts';

/** A curve. */
export interface Series {
  readonly name: string;
  /** [x, y], in the order in which the line joins them. */
  readonly points: readonly (readonly [x: number, y: number])[];
  /** [x, low, high], shaded, such as a confidence interval. */
  readonly band?: readonly (readonly [x: number, low: number, high: number])[];
  /** Whether the line is broken, as for what is not measured. */
  readonly dashed?: boolean;
}

export interface LineFigure extends FigureOptions {
  readonly series: readonly Series[];
}

/** Symbols nearer to each other than this, in pixels, are thinned out. */
const SYMBOLS_APART = 26;

/**
 * The SVG of curves over one quantity, each named at its right end; symbols tell them apart where colours do not.
 * The same bytes for the same figure.
 * @throws {SeedbedError} BadArgument when there is nothing to draw, or a number that an axis cannot show.
 * @example lineFigure({ title: 'Training', x: { label: 'step' }, y: { label: 'loss', log: true }, series })
 */
export function lineFigure(figure: LineFigure): string {
  const { title, series, x, y } = figure;
  if (series.length === 0) throw new SeedbedError('BadArgument', `figure '${title}' has no series`);
  for (const one of series) requireSeries(one, figure);
  const bands = series.flatMap(({ band = [] }) => band);
  const points = series.flatMap(one => one.points);
  const xs = [...points.map(point => point[0]), ...bands.map(band => band[0])];
  const ys = [...points.map(point => point[1]), ...bands.flatMap(([, low, high]) => [low, high])];
  const { width, height } = sizeOf(figure);
  const entries = series.map(({ name, dashed }, i): Entry => {
    return { name, look: lookOf(i), line: dashed === undefined ? {} : { dashed } };
  });
  const right = keyWidth(entries, width);
  const scales = {
    x: scaleOf(x, xs, Math.max(2, (width - right) / 90), false),
    y: scaleOf(y, ys, Math.max(2, height / 70), false),
  };
  const asked = layOut(figure, scales, { right });
  const short = Math.ceil(keyLength(entries, width) - (asked.area.bottom - asked.area.top));
  const frame = short > 0 ? layOut({ ...figure, height: height + short }, scales, { right }) : asked;
  const ends = series.map(one => frame.toY(rightmost(one)));
  const key = keyAtRight(entries, ends, frame);
  const areas = series.map(({ band = [] }, i) => areaOf(band, lookOf(i)));
  const lines = series.flatMap((one, i) => curve(one, i, series.length, frame));
  return draw(frame, [...areas, ...lines, ...key.marks], key.elements);
}

function requireSeries({ name, points, band = [] }: Series, { title, x, y }: LineFigure): void {
  const where = `figure '${title}': series '${name}'`;
  if (points.length === 0) throw new SeedbedError('BadArgument', `${where} has no points`);
  for (const [i, [px, py]] of points.entries()) {
    requireShowable(x, px, `${where}, point ${i + 1}: x`);
    requireShowable(y, py, `${where}, point ${i + 1}: y`);
  }
  for (const [i, [px, low, high]] of band.entries()) {
    requireShowable(x, px, `${where}, band ${i + 1}: x`);
    requireShowable(y, low, `${where}, band ${i + 1}: the lower end`);
    requireShowable(y, high, `${where}, band ${i + 1}: the upper end`);
  }
}

/** The height, as a value, of the curve at its right end. */
const rightmost = ({ points }: Series) =>
  points.reduce((best, point) => (point[0] >= best[0] ? point : best))[1];

function areaOf(band: NonNullable<Series['band']>, { colour }: Look): Plot.Markish {
  return Plot.areaY(band, {
    x: ([x]) => x,
    y1: ([, low]) => low,
    y2: ([, , high]) => high,
    fill: colour,
    fillOpacity: 0.16,
  });
}

/** A line with symbols: on each point where there is room, or else far enough apart, between those of the others. */
function curve(
  { points, dashed }: Series,
  index: number,
  count: number,
  { toX, toY }: Frame,
): Plot.Markish[] {
  const look = lookOf(index);
  const data = points.map(([x, y]) => ({ x, y }));
  const pixels = points.map(([x, y]) => [toX(x), toY(y)] as const);
  let length = 0;
  const along = pixels.map(([x, y], i) => {
    const [fromX, fromY] = pixels[i - 1] ?? [x, y];
    length += Math.hypot(x - fromX, y - fromY);
    return length;
  });
  const crowded = length > 0 && length / (points.length - 1) < SYMBOLS_APART;
  const every = Math.max(SYMBOLS_APART, length / 6);
  let next = crowded ? (every * (index + 0.5)) / count : 0;
  const marked = data.filter((_, i) => {
    if (!crowded) return true;
    if (along[i]! < next) return false;
    next += every;
    return true;
  });
  return [
    Plot.line(data, {
      x: 'x',
      y: 'y',
      stroke: look.colour,
      strokeWidth: LINE_WIDTH,
      ...(dashed ? { strokeDasharray: DASHES } : {}),
    }),
    Plot.dot(marked, { x: 'x', y: 'y', ...symbolOf(look) }),
  ];
}
