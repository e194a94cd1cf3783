import * as Plot from '@observablehq/plot';
import { SeedbedError } from '../errors.ts';
import { requireShowable, scaleOf } from './axes.ts';
import { draw, type FigureOptions, LABEL_SIZE, LEADING, layOut, lookOf, PAD, sizeOf } from './frame.ts';
import { type Entry, keyAbove, keyHeight } from './key.ts';

/** Points of one kind in the plane; arrows lead from some of them to others. */
export interface PlaneGroup {
  /** In the key; nothing stands there where it is empty. */
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Of a point, in pixels; 2 unless given. */
  readonly radius?: number;
}

export interface PlaneFigure extends FigureOptions {
  readonly groups: readonly PlaneGroup[];
  /** [from, to], drawn below the points. */
  readonly arrows?: readonly (readonly [readonly [number, number], readonly [number, number]])[];
  /** Lines through successive points, drawn below them. */
  readonly paths?: readonly (readonly (readonly [number, number])[])[];
}

/**
 * The SVG of points in the plane, a unit being as long across as upright. The same bytes for the same figure.
 * @throws {SeedbedError} BadArgument when there is nothing to draw, or a coordinate is not finite.
 * @example planeFigure({ title: 'Circles', x: { label: 'x' }, y: { label: 'y' }, groups: [{ name: 'data', points }] })
 */
export function planeFigure(figure: PlaneFigure): string {
  const { title, groups, arrows = [], paths = [] } = figure;
  const all = [...groups.flatMap(group => group.points), ...arrows.flat(), ...paths.flat()];
  if (all.length === 0) throw new SeedbedError('BadArgument', `figure '${title}' has no points`);
  for (const [x, y] of all) {
    requireShowable(figure.x, x, `figure '${title}': x`);
    requireShowable(figure.y, y, `figure '${title}': y`);
  }
  // Both axes show the same square, so that angles are what they are.
  const reach = all.reduce((most, [x, y]) => Math.max(most, Math.abs(x), Math.abs(y)), 0) || 1;
  const { width } = sizeOf(figure);
  const room = width - 2 * PAD;
  const entries = groups
    .map((group, i): Entry => ({ name: group.name, look: { ...lookOf(i), symbol: 'circle' } }))
    .filter(({ name }) => name !== '');
  const above = keyHeight(entries, room);
  const scale = scaleOf({ label: '' }, [-reach, reach], 7, false);
  const scales = { x: scale, y: scale };
  const first = layOut({ ...figure, height: figure.height ?? width }, scales, { above });
  const { area } = first;
  const height = first.height + (area.right - area.left) - (area.bottom - area.top);
  const frame = layOut({ ...figure, height }, scales, { above });
  const key = keyAbove(entries, PAD, frame.area.top - 12 - LABEL_SIZE * LEADING - above, room, frame);
  const marks = [
    ...paths.map(path => Plot.line(path, { stroke: '#888', strokeWidth: 1 })),
    Plot.arrow(arrows, {
      x1: ([from]) => from[0],
      y1: ([from]) => from[1],
      x2: ([, to]) => to[0],
      y2: ([, to]) => to[1],
      stroke: '#999',
      strokeWidth: 0.7,
      headLength: 4,
      inset: 2,
    }),
    ...groups.map((group, i) =>
      Plot.dot(group.points, { x: '0', y: '1', r: group.radius ?? 2, fill: lookOf(i).colour }),
    ),
    ...key.marks,
  ];
  return draw(frame, marks, key.elements);
}
