import { createSignal, For, Show } from 'solid-js';
import { type Point, REACH } from '../state/points.ts';

interface PlaneProps {
  readonly data: readonly Point[];
  /** Radius of a point of the data. */
  readonly size: number;
  /** Seeds, and where each lands. */
  readonly arrows: readonly (readonly [from: Point, to: Point])[];
  /** Seeds that are coloured, and the point that they belong to. */
  readonly coloured: readonly Point[];
  readonly chosen: Point | undefined;
  /** The seed that is followed, and the states that it is led through. */
  readonly seed: Point;
  readonly way: readonly Point[];
  /** Whether the pointer draws points. */
  readonly draws: boolean;
  readonly onDraw: (point: Point) => void;
  readonly onChoose: (point: Point) => void;
  readonly onFollow: (seed: Point) => void;
}

type Pressed = PointerEvent & { currentTarget: SVGElement };

const MOVES: Readonly<Record<string, Point>> = {
  ...{ ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1] },
};

/** What pointer and keys do in the plane. */
function useHand(props: PlaneProps) {
  const [dragging, setDragging] = createSignal(false);
  const placeOf = (event: Pressed): Point => {
    const box = event.currentTarget.getBoundingClientRect();
    const along = (at: number, from: number, size: number) => REACH * ((2 * (at - from)) / size - 1);
    return [along(event.clientX, box.left, box.width), -along(event.clientY, box.top, box.height)];
  };
  const apart = (a: Point, b: Point) => Math.hypot(a[0] - b[0], a[1] - b[1]);
  const press = (event: Pressed) => {
    // A second finger draws nothing of its own.
    if (!event.isPrimary) return;
    const at = placeOf(event);
    event.currentTarget.setPointerCapture(event.pointerId);
    if (!props.draws && apart(props.seed, at) >= 0.4) return props.onChoose(at);
    setDragging(true);
    if (props.draws) props.onDraw(at);
  };
  const drag = (event: Pressed) => {
    if (!dragging() || !event.isPrimary) return;
    const at = placeOf(event);
    if (!props.draws) return props.onFollow(at);
    const last = props.data.at(-1);
    if (!last || apart(last, at) > 0.12) props.onDraw(at);
  };
  const lift = (event: PointerEvent) => event.isPrimary && setDragging(false);
  const keys = (event: KeyboardEvent) => {
    const move = MOVES[event.key];
    if (move) props.onFollow([props.seed[0] + move[0], props.seed[1] + move[1]]);
    else if (event.key === 'Enter' && props.draws) props.onDraw(props.seed);
    else if (event.key === 'Enter' && props.way.length > 0) props.onChoose(props.way.at(-1)!);
    else return;
    event.preventDefault();
  };
  return { press, drag, lift, keys };
}

/** The plane with its data, seeds and where these land; the seed that is followed is dragged, points are drawn or chosen. */
export function Plane(props: PlaneProps) {
  const { press, drag, lift, keys } = useHand(props);
  const line = (points: readonly Point[]) => points.map(([x, y]) => `${x},${-y}`).join(' ');
  return (
    <svg
      class="plane"
      role="application"
      tabindex="0"
      viewBox={`${-REACH} ${-REACH} ${2 * REACH} ${2 * REACH}`}
      aria-label={`The plane: ${props.data.length} points, ${props.arrows.length} seeds and where they land. Arrow keys move the seed that is followed; Enter ${props.draws ? 'sets a point there' : 'colours the seeds that land beside it'}.`}
      onPointerDown={press}
      onPointerMove={drag}
      onPointerUp={lift}
      onPointerCancel={lift}
      onKeyDown={keys}
    >
      <g class="embedding">
        <For each={props.coloured}>
          {([x, y]) => <rect x={x - 0.05} y={-y - 0.05} width="0.1" height="0.1" />}
        </For>
      </g>
      <g class="arrows">
        <For each={props.arrows}>
          {([from, to]) => <line x1={from[0]} y1={-from[1]} x2={to[0]} y2={-to[1]} />}
        </For>
      </g>
      <g class="data">
        <For each={props.data}>{([x, y]) => <circle cx={x} cy={-y} r={props.size} />}</For>
      </g>
      <g class="landed">
        <For each={props.arrows}>{([, [x, y]]) => <circle cx={x} cy={-y} r="0.03" />}</For>
      </g>
      <Show when={props.chosen}>
        {point => <circle class="chosen" cx={point()[0]} cy={-point()[1]} r="0.11" />}
      </Show>
      <polyline class="way" points={line(props.way)} />
      <For each={props.way}>{([x, y]) => <circle class="state" cx={x} cy={-y} r="0.028" />}</For>
      <circle class="seed" cx={props.seed[0]} cy={-props.seed[1]} r="0.1" />
    </svg>
  );
}
