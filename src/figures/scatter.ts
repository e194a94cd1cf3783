import * as Plot from '@observablehq/plot';
import { SeedbedError } from '../errors.ts';
import { requireShowable, scaleOf } from './axes.ts';
import {
  draw,
  type FigureOptions,
  type Frame,
  LABEL_SIZE,
  LEADING,
  layOut,
  lookOf,
  PAD,
  RADIUS,
  sizeOf,
} from './frame.ts';
import { type Entry, keyAbove, keyHeight, LINE_WIDTH, symbolOf } from './key.ts';
import { placeLabels, type Segment } from './labels.ts';
import { type Box, shorten, textElement, textWidth } from './text.ts';

/** A point with its name beside it. */
export interface NamedPoint {
  /** What stands beside the point; nothing does where it is empty. */
  readonly name: string;
  readonly x: number;
  readonly y: number;
  /** Ends of the bars that show how sure the point is. */
  readonly xLow?: number;
  readonly xHigh?: number;
  readonly yLow?: number;
  readonly yHigh?: number;
  /** Points of one group look the same; a key above the data names the groups. */
  readonly group?: string;
}

export interface ScatterFigure extends FigureOptions {
  readonly points: readonly NamedPoint[];
  /** Whether a line joins the points of a group, in the order given: a frontier. */
  readonly joined?: boolean;
}

const POINT_LABEL_SIZE = 14;
/** A symbol that is a stroke through the point, so many pixels to each side. */
const stroke = (x: number, y: number) => ({
  draw(path: CanvasPath) {
    path.moveTo(-x, -y);
    path.lineTo(x, y);
  },
});
/** How far the ends of bars reach to each side. */
const CAP = 4;
const CAPS = { x: stroke(0, CAP), y: stroke(CAP, 0) };

/**
 * The SVG of points that are named where they lie, such as methods by what they cost and what they reach. Names cover
 * neither each other nor points, and lines where that can be helped. The same bytes for the same figure.
 * @throws {SeedbedError} BadArgument when there is nothing to draw, or a number that an axis cannot show.
 * @example
 * scatterFigure({ title: 'Methods', x: { label: 'evaluations', log: true }, y: { label: 'error', log: true }, points })
 */
export function scatterFigure(figure: ScatterFigure): string {
  const { title, points, joined = false } = figure;
  if (points.length === 0) throw new SeedbedError('BadArgument', `figure '${title}' has no points`);
  for (const point of points) requirePoint(point, figure);
  const groups = [...new Set(points.map(({ group = '' }) => group))];
  const { width, height } = sizeOf(figure);
  const room = width - 2 * PAD;
  const entries = groups
    .map(
      (name, i): Entry => ({
        name: shorten(name, 0.8 * room, LABEL_SIZE),
        look: lookOf(i),
        ...(joined ? { line: {} } : {}),
      }),
    )
    .filter(({ name }) => name !== '');
  const values = (along: 'x' | 'y') => points.flatMap(point => [...range(point, along), point[along]]);
  const scales = {
    x: scaleOf(figure.x, values('x'), Math.max(2, width / 90), true),
    y: scaleOf(figure.y, values('y'), Math.max(2, height / 70), true),
  };
  const above = keyHeight(entries, room);
  const frame = layOut(figure, scales, { above });
  const labelHeight = frame.area.top - 12 - LABEL_SIZE * LEADING;
  const key = keyAbove(entries, PAD, labelHeight - above, room, frame);
  const marks = groups.flatMap((group, i) => {
    const members = points.filter(point => (point.group ?? '') === group);
    return marksOf(members, i, joined);
  });
  return draw(frame, [...marks, ...key.marks], [...key.elements, ...labels(figure, groups, frame)]);
}

function requirePoint(point: NamedPoint, { title, ...axes }: ScatterFigure): void {
  const where = `figure '${title}': point '${point.name}'`;
  for (const along of ['x', 'y'] as const) {
    requireShowable(axes[along], point[along], `${where}: ${along}`);
    const [low, high] = range(point, along);
    requireShowable(axes[along], low, `${where}: ${along}Low`);
    requireShowable(axes[along], high, `${where}: ${along}High`);
  }
}

/** From where to where a point's bar reaches. */
function range(point: NamedPoint, along: 'x' | 'y'): readonly [number, number] {
  return [point[`${along}Low`] ?? point[along], point[`${along}High`] ?? point[along]];
}

function marksOf(points: readonly NamedPoint[], group: number, joined: boolean): Plot.Markish[] {
  const look = lookOf(group);
  return [
    joined ? Plot.line(points, { x: 'x', y: 'y', stroke: look.colour, strokeWidth: LINE_WIDTH }) : null,
    ...bars(points, 'x', look.colour),
    ...bars(points, 'y', look.colour),
    Plot.dot(points, { x: 'x', y: 'y', ...symbolOf(look) }),
  ];
}

/** Bars with ends, of the points that have any. */
function bars(points: readonly NamedPoint[], along: 'x' | 'y', colour: string): Plot.Markish[] {
  const barred = points.filter(point => range(point, along)[0] !== range(point, along)[1]);
  const ends = barred.flatMap(point =>
    range(point, along).map(end => ({ x: point.x, y: point.y, [along]: end })),
  );
  const style = { stroke: colour, strokeWidth: 1.3 };
  const low = (point: NamedPoint) => range(point, along)[0];
  const high = (point: NamedPoint) => range(point, along)[1];
  const bar =
    along === 'x'
      ? Plot.ruleY(barred, { y: 'y', x1: low, x2: high, ...style })
      : Plot.ruleX(barred, { x: 'x', y1: low, y2: high, ...style });
  return barred.length > 0 ? [bar, Plot.dot(ends, { x: 'x', y: 'y', symbol: CAPS[along], ...style })] : [];
}

/** The names beside their points, with a thin line where one has to stand away. */
function labels({ points, joined }: ScatterFigure, groups: readonly string[], frame: Frame): string[] {
  const { area, toX, toY } = frame;
  const pixel = ({ x, y }: { x: number; y: number }) => ({ x: toX(x), y: toY(y) });
  const joints = groups.flatMap((group): Segment[] => {
    const members = points.filter(point => (point.group ?? '') === group).map(pixel);
    return joined ? members.slice(1).map((point, i) => [members[i]!, point]) : [];
  });
  const named = points
    .filter(({ name }) => name !== '')
    .map(point => ({
      name: shorten(point.name, area.right - area.left, POINT_LABEL_SIZE),
      ...pixel(point),
    }));
  const sizes = named.map(({ name, x, y }) => {
    return { x, y, width: textWidth(name, POINT_LABEL_SIZE), height: POINT_LABEL_SIZE * 1.15 };
  });
  const boxes = points.flatMap(point => drawnBoxes(point, frame));
  const placed = placeLabels(sizes, { boxes, lines: joints }, area);
  const leaders = placed.flatMap(({ leader }) => (leader ? [leaderElement(leader)] : []));
  const texts = placed.map(({ box }, i) => {
    const { name, x } = named[i]!;
    const baseline = box.bottom - POINT_LABEL_SIZE * 0.28;
    const style = { size: POINT_LABEL_SIZE, rim: true };
    if (box.left >= x) return textElement(name, box.left, baseline, style);
    if (box.right <= x) return textElement(name, box.right, baseline, { ...style, anchor: 'end' });
    return textElement(name, (box.left + box.right) / 2, baseline, { ...style, anchor: 'middle' });
  });
  return [...leaders, ...texts];
}

/** What a point's symbol and bars cover. */
function drawnBoxes(point: NamedPoint, { toX, toY }: Frame): Box[] {
  const box = (
    x: readonly [number, number],
    y: readonly [number, number],
    rimX: number,
    rimY: number,
  ): Box => ({
    left: toX(x[0]) - rimX,
    top: toY(y[1]) - rimY,
    right: toX(x[1]) + rimX,
    bottom: toY(y[0]) + rimY,
  });
  const { x, y } = point;
  return [
    box([x, x], [y, y], RADIUS + 1, RADIUS + 1),
    box(range(point, 'x'), [y, y], 1, CAP),
    box([x, x], range(point, 'y'), CAP, 1),
  ];
}

const leaderElement = ([from, to]: Segment) =>
  `<line x1="${from.x}" y1="${from.y}" x2="${to.x}" y2="${to.y}" stroke="#777" stroke-width="1"/>`;
