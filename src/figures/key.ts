import * as Plot from '@observablehq/plot';
import { type Frame, LABEL_SIZE, LEADING, type Look, RADIUS } from './frame.ts';
import { textElement, textWidth, wrap } from './text.ts';

/** An entry of a key: a name beside what it looks like. */
export interface Entry {
  readonly name: string;
  readonly look: Look;
  /** The line through the symbol, if there is one. */
  readonly line?: { readonly dashed?: boolean };
}

/** What draws a key: marks for Plot, and elements. */
export interface Drawn {
  readonly marks: Plot.Markish[];
  readonly elements: string[];
}

export const DASHES = '7 4';
export const LINE_WIDTH = 2.2;
const SWATCH = 30;
const GAP = 8;
const LINE = LABEL_SIZE * LEADING;
const BETWEEN = 14;
/** What of a figure's width the names at its right may take. */
const MOST_WIDTH = 0.3;

const swatchOf = ({ line }: Entry) => (line ? SWATCH : 2 * RADIUS);

/** How high a key at the right is at least. */
export function keyLength(entries: readonly Entry[], width: number): number {
  return linesOf(entries, width).reduce((sum, lines) => sum + sizeOfEntry(lines), 0);
}

const linesOf = (entries: readonly Entry[], width: number) =>
  entries.map(({ name }) => wrap(name, MOST_WIDTH * width, LABEL_SIZE));
const sizeOfEntry = (lines: readonly string[]) =>
  Math.max(1, lines.length) * LINE + (lines.length > 1 ? 6 : 0);

/** How wide a key at the right is, in a figure of this width. */
export function keyWidth(entries: readonly Entry[], width: number): number {
  const widest = Math.max(
    0,
    ...linesOf(entries, width)
      .flat()
      .map(line => textWidth(line, LABEL_SIZE)),
  );
  return GAP * 2 + SWATCH + GAP + widest;
}

/** A key to the right of the data, each entry as near to its height as the others leave it. */
export function keyAtRight(entries: readonly Entry[], heights: readonly number[], frame: Frame): Drawn {
  const names = linesOf(entries, frame.width);
  const sizes = names.map(sizeOfEntry);
  const tops = spread(heights, sizes, frame.area.top - LINE / 2, frame.area.bottom + LINE / 2);
  const left = frame.area.right + 2 * GAP;
  const drawn = entries.map((entry, i) => {
    const middle = tops[i]! + sizes[i]! / 2;
    const first = middle - ((names[i]!.length - 1) * LINE) / 2 + LABEL_SIZE * 0.35;
    const { marks, elements } = swatch(entry, left, middle, frame);
    const texts = names[i]!.map((line, row) =>
      textElement(line, left + SWATCH + GAP, first + row * LINE, { size: LABEL_SIZE }),
    );
    return { marks, elements: [...elements, ...texts] };
  });
  return together(drawn);
}

/** Rows of entries for a key above the data, in a figure of this width with so much room. */
function rowsOf(entries: readonly Entry[], room: number) {
  const rows: { entry: Entry; x: number }[][] = [];
  let x = room;
  for (const entry of entries) {
    const width = swatchOf(entry) + GAP + textWidth(entry.name, LABEL_SIZE);
    if (x + width > room) {
      rows.push([]);
      x = 0;
    }
    rows.at(-1)!.push({ entry, x });
    x += width + BETWEEN;
  }
  return rows;
}

/** How high a key above the data is. */
export function keyHeight(entries: readonly Entry[], room: number): number {
  return entries.length === 0 ? 0 : rowsOf(entries, room).length * (LINE + 3) + 4;
}

/** A key above the data, in rows from the left; `top` is its upper end. */
export function keyAbove(
  entries: readonly Entry[],
  left: number,
  top: number,
  room: number,
  frame: Frame,
): Drawn {
  const drawn = rowsOf(entries, room).flatMap((row, r) =>
    row.map(({ entry, x }) => {
      const middle = top + r * (LINE + 3) + LINE / 2;
      const { marks, elements } = swatch(entry, left + x, middle, frame);
      const at = left + x + swatchOf(entry) + GAP;
      return {
        marks,
        elements: [
          ...elements,
          textElement(entry.name, at, middle + LABEL_SIZE * 0.35, { size: LABEL_SIZE }),
        ],
      };
    }),
  );
  return together(drawn);
}

/** What the series looks like, from `left` on, at the height of `middle`. */
function swatch(entry: Entry, left: number, middle: number, { area }: Frame): Drawn {
  const { look, line } = entry;
  const width = swatchOf(entry);
  const dashes = line?.dashed ? ` stroke-dasharray="${DASHES}"` : '';
  const stroke = `stroke="${look.colour}" stroke-width="${LINE_WIDTH}"${dashes}`;
  const lines = line
    ? [`<line x1="${left}" y1="${middle}" x2="${left + width}" y2="${middle}" ${stroke}/>`]
    : [];
  const dot = Plot.dot([0], {
    ...symbolOf(look),
    frameAnchor: 'top-left',
    dx: left + width / 2 - area.left,
    dy: middle - area.top,
  });
  return { marks: [dot], elements: lines };
}

/** How Plot draws the symbol of a look: in its colour, set off from lines by white. */
export function symbolOf({ colour, symbol }: Look) {
  return { symbol, r: RADIUS, fill: colour, stroke: '#fff', strokeWidth: 1 };
}

function together(drawn: readonly Drawn[]): Drawn {
  return {
    marks: drawn.flatMap(({ marks }) => marks),
    elements: drawn.flatMap(({ elements }) => elements),
  };
}

/** The upper ends of blocks of these sizes that do not overlap, each as near to the middle it wants as may be. */
export function spread(
  middles: readonly number[],
  sizes: readonly number[],
  top: number,
  bottom: number,
): number[] {
  const order = middles.map((_, i) => i).sort((a, b) => middles[a]! - middles[b]! || a - b);
  const clusters: { members: number[]; size: number; wanted: number; top: number }[] = [];
  for (const i of order) {
    let cluster = { members: [i], size: sizes[i]!, wanted: middles[i]! - sizes[i]! / 2, top: 0 };
    const settle = () => {
      const wanted = cluster.wanted / cluster.members.length;
      cluster.top = Math.max(top, Math.min(wanted, bottom - cluster.size));
    };
    settle();
    for (
      let above = clusters.at(-1);
      above && above.top + above.size > cluster.top;
      above = clusters.at(-1)
    ) {
      clusters.pop();
      cluster = {
        members: [...above.members, ...cluster.members],
        size: above.size + cluster.size,
        wanted: above.wanted + cluster.wanted - cluster.members.length * above.size,
        top: 0,
      };
      settle();
    }
    clusters.push(cluster);
  }
  const tops = sizes.map(() => 0);
  for (const { members, top: start } of clusters) {
    let at = start;
    for (const i of members) {
      tops[i] = at;
      at += sizes[i]!;
    }
  }
  return tops;
}
