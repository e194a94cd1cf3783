import { createSignal, Show } from 'solid-js';
import type { Floats } from '../../engine/engine.ts';
import { Pixels } from '../../parts/pixels.tsx';

type Place = readonly [number, number];
const MOVES: Readonly<Record<string, Place>> = {
  ...{ ArrowLeft: [-9, 0], ArrowRight: [9, 0], ArrowUp: [0, -9], ArrowDown: [0, 9] },
};
const held = (value: number) => Math.max(0, Math.min(255, value));

interface Brush {
  readonly onBegin: (place: readonly number[]) => void;
  readonly onMove: (place: readonly number[]) => void;
  readonly onEnd: () => void;
}

/** The brush that arrow keys move and space holds down. */
function useKeys(props: Brush) {
  const [cursor, setCursor] = createSignal<Place>([128, 128]);
  const [down, setDown] = createSignal(false);
  const press = (event: KeyboardEvent) => {
    const move = MOVES[event.key];
    if (move) {
      const [x, y] = cursor();
      setCursor([held(x + move[0]), held(y + move[1])]);
      if (down()) props.onMove(cursor());
    } else if (event.key === ' ') {
      if (!down()) props.onBegin([...cursor(), ...cursor()]);
      setDown(true);
    } else return;
    event.preventDefault();
  };
  const lift = () => {
    setDown(false);
    props.onEnd();
  };
  return { cursor, down, press, lift };
}

function placeOf(event: PointerEvent & { currentTarget: HTMLElement }): readonly number[] {
  const box = event.currentTarget.getBoundingClientRect();
  const along = (at: number, from: number, size: number) => held(Math.round((255 * (at - from)) / size));
  return [along(event.clientX, box.left, box.width), along(event.clientY, box.top, box.height)];
}

/** The picture as a surface: by pointer, or by arrow keys and space. */
export function Drawing(props: Brush & { readonly of: Floats | undefined }) {
  const [focused, setFocused] = createSignal(false);
  const { cursor, down, press, lift } = useKeys(props);
  return (
    <div
      class="drawing"
      role="application"
      aria-label="The picture to draw on: arrow keys move the brush, space holds it down"
      tabindex="0"
      onFocus={event => setFocused(event.currentTarget.matches(':focus-visible'))}
      onBlur={() => {
        setFocused(false);
        if (down()) lift();
      }}
      onKeyDown={press}
      onKeyUp={event => event.key === ' ' && lift()}
      onPointerDown={event => {
        // A second finger draws no line of its own.
        if (event.button !== 0 || !event.isPrimary) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        const place = placeOf(event);
        props.onBegin([...place, ...place]);
      }}
      onPointerMove={event => {
        if (event.currentTarget.hasPointerCapture(event.pointerId)) props.onMove(placeOf(event));
      }}
      onPointerUp={event => event.isPrimary && lift()}
      onPointerCancel={event => event.isPrimary && lift()}
    >
      <Pixels of={props.of} label="the picture with your strokes" />
      <Show when={focused()}>
        <span
          class="cursor"
          style={{ left: `${(100 * cursor()[0]) / 255}%`, top: `${(100 * cursor()[1]) / 255}%` }}
        />
      </Show>
    </div>
  );
}
