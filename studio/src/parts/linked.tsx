import { type ParentProps, Show } from 'solid-js';

export type Pixel = readonly [x: number, y: number];

const MOVES: Readonly<Record<string, Pixel>> = {
  ...{ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] },
};

/** A picture whose pixels are pointed at, here and in all that share `pixel`. */
export function Linked(
  props: ParentProps<{
    readonly label: string;
    /** Width and height in pixels. */
    readonly sides: Pixel;
    readonly pixel: Pixel | undefined;
    readonly onPoint: (pixel: Pixel | undefined) => void;
  }>,
) {
  const held = ([x, y]: Pixel): Pixel => {
    const [width, height] = props.sides;
    return [Math.max(0, Math.min(width - 1, x)), Math.max(0, Math.min(height - 1, y))];
  };
  const point = (event: PointerEvent & { currentTarget: HTMLElement }) => {
    const box = event.currentTarget.getBoundingClientRect();
    const along = (at: number, from: number, size: number, side: number) =>
      Math.floor((side * (at - from)) / size);
    const [width, height] = props.sides;
    props.onPoint(
      held([
        along(event.clientX, box.left, box.width, width),
        along(event.clientY, box.top, box.height, height),
      ]),
    );
  };
  const press = (event: KeyboardEvent) => {
    const move = MOVES[event.key];
    if (!move) return;
    event.preventDefault();
    const [x, y] = props.pixel ?? [props.sides[0] >> 1, props.sides[1] >> 1];
    props.onPoint(held([x + move[0], y + move[1]]));
  };
  const share = (pixels: number, side: number) => `${(100 * pixels) / side}%`;
  return (
    <div
      class="linked"
      role="application"
      tabindex="0"
      aria-label={`${props.label}: arrow keys point at its pixels`}
      onPointerDown={point}
      onPointerMove={point}
      onKeyDown={press}
    >
      {props.children}
      <Show when={props.pixel}>
        {pixel => (
          <span
            class="pointed"
            style={{
              left: share(pixel()[0], props.sides[0]),
              top: share(pixel()[1], props.sides[1]),
              width: share(1, props.sides[0]),
              height: share(1, props.sides[1]),
            }}
          />
        )}
      </Show>
    </div>
  );
}
