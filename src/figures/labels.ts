import { fillUniform } from '../tensor/random.ts';
import { type Box, sharedArea } from './text.ts';

export interface Point {
  readonly x: number;
  readonly y: number;
}
export type Segment = readonly [Point, Point];

/** A label to place: as large as this, at this point. */
export interface Label extends Point {
  readonly width: number;
  readonly height: number;
}

/** What labels keep clear of: of boxes at any price, of lines where they can. */
export interface Obstacles {
  readonly boxes: readonly Box[];
  readonly lines: readonly Segment[];
}

/** A label in its place; where that is not beside its point, with a line that leads there. */
export interface Placed {
  readonly box: Box;
  readonly leader?: Segment;
}

/** Where the middle of a label may lie from its point, best first. */
const DIRECTIONS: readonly (readonly [number, number])[] = [
  [1, 0],
  [-1, 0],
  [0, -1],
  [0, 1],
  ...[1, -1].flatMap(dx => [-0.5, 0.5, -1, 1].map(dy => [dx, dy] as const)),
  ...[0.5, -0.5].flatMap(dx => [-1, 1].map(dy => [dx, dy] as const)),
];
/** How far away from its point a label may be, in pixels. */
const DISTANCES = [9, 15, 24, 40, 60, 85, 115];
/** From so far on a line leads there. */
const FAR = 24;
const CLEARANCE = 2;
/** A label without one is nearer to its point than to any other, by so much. */
const MARGIN = 6;
/** Where that line begins: beside the point's symbol. */
const START = 10;
/** How often a label at random tries another place, and how much worse at first and at last it may be. */
const TRIES = 40_000;
const [HOT, COLD] = [400, 4];

interface Candidate extends Placed {
  /** What this place costs whatever the others do. */
  readonly cost: number;
}

/**
 * Places labels beside their points so that none covers another, a point, or a line where that can be helped, by
 * simulated annealing (Christensen, Marks and Shieber 1995). The same every time.
 * @param within what the labels may not leave.
 */
export function placeLabels(labels: readonly Label[], obstacles: Obstacles, within: Box): Placed[] {
  const choices = labels.map(label => candidates(label, labels, obstacles, within));
  const chosen = choices.map(places => least(places, place => place.cost));
  const costOf = (place: Candidate, of: number) =>
    chosen.reduce((sum, other, i) => (i === of ? sum : sum + conflict(place, other)), place.cost);
  const random = new Float64Array(labels.length > 1 ? 3 * TRIES : 0);
  fillUniform({ seed: 0, purpose: 'places of labels' }, 0, 0, random);
  for (let at = 0; at < random.length; at += 3) {
    const i = Math.floor(random[at]! * labels.length);
    const place = choices[i]![Math.floor(random[at + 1]! * choices[i]!.length)]!;
    const worse = costOf(place, i) - costOf(chosen[i]!, i);
    const heat = HOT * (COLD / HOT) ** (at / random.length);
    if (worse <= 0 || random[at + 2]! < Math.exp(-worse / heat)) chosen[i] = place;
  }
  for (const [i, places] of choices.entries()) chosen[i] = least(places, place => costOf(place, i));
  return chosen;
}

function candidates(
  label: Label,
  labels: readonly Label[],
  { boxes, lines }: Obstacles,
  within: Box,
): Candidate[] {
  return DISTANCES.flatMap((distance, ring) =>
    DIRECTIONS.map(([dx, dy], rank) => {
      const placed = at(label, dx, dy, distance);
      const { box, leader } = placed;
      const outside = label.width * label.height - sharedArea(box, within);
      const covered = boxes.reduce((sum, other) => sum + sharedArea(grown(box), other), 0);
      const crossed = lines.reduce((sum, line) => sum + lengthInside(line, grown(box)), 0);
      const led = leader ? boxes.reduce((sum, other) => sum + lengthInside(leader, other), 0) : 0;
      const near = away(label, box) + MARGIN;
      const doubtful = labels.filter(other => other !== label && away(other, box) < near).length;
      const misleading = leader ? 0 : 80 * doubtful;
      const hidden = 100 * outside + 20 * covered + 12 * crossed + 20 * led;
      return { ...placed, cost: hidden + misleading + 2 * rank + 50 * ring };
    }),
  );
}

/** How far a point is from a box, in pixels. */
const away = ({ x, y }: Point, { left, top, right, bottom }: Box) =>
  Math.hypot(Math.max(left - x, 0, x - right), Math.max(top - y, 0, y - bottom));

/** A label in a direction from its point: the side or corner that faces the point is so far away. */
function at({ x, y, width, height }: Label, dx: number, dy: number, distance: number): Placed {
  const reach = Math.abs(dx * dy) === 1 ? distance * Math.SQRT1_2 : distance;
  const left = x + dx * (reach + width / 2) - width / 2;
  const top = y + dy * (reach + height / 2) - height / 2;
  const box = { left, top, right: left + width, bottom: top + height };
  if (distance < FAR) return { box };
  const nearest = { x: Math.max(left, Math.min(x, box.right)), y: Math.max(top, Math.min(y, box.bottom)) };
  const length = Math.hypot(nearest.x - x, nearest.y - y);
  const towards = (by: number) => ({ x: x + (nearest.x - x) * by, y: y + (nearest.y - y) * by });
  return { box, leader: [towards(START / length), towards(1 - CLEARANCE / length)] };
}

/** What it costs that two labels, or a label and what leads to the other, are in each other's way. */
function conflict(a: Placed, b: Placed): number {
  const across =
    (a.leader ? lengthInside(a.leader, b.box) : 0) + (b.leader ? lengthInside(b.leader, a.box) : 0);
  return 40 * sharedArea(grown(a.box), b.box) + 30 * across;
}

const grown = ({ left, top, right, bottom }: Box): Box => ({
  left: left - CLEARANCE,
  top: top - CLEARANCE,
  right: right + CLEARANCE,
  bottom: bottom + CLEARANCE,
});

/** How much of a line lies within a box, in pixels (Liang and Barsky 1984). */
function lengthInside([from, to]: Segment, box: Box): number {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  let [enter, leave] = [0, 1];
  const edges = [
    [-dx, from.x - box.left],
    [dx, box.right - from.x],
    [-dy, from.y - box.top],
    [dy, box.bottom - from.y],
  ] as const;
  for (const [step, gap] of edges) {
    if (step === 0 && gap < 0) return 0;
    if (step < 0) enter = Math.max(enter, gap / step);
    if (step > 0) leave = Math.min(leave, gap / step);
  }
  return Math.max(0, leave - enter) * Math.hypot(dx, dy);
}

function least<T extends Placed>(things: readonly T[], cost: (thing: T) => number): T {
  let best = things[0]!;
  let price = cost(best);
  for (const thing of things) {
    const its = cost(thing);
    if (its < price) [best, price] = [thing, its];
  }
  return best;
}
