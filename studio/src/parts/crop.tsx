import { createSignal, Show } from 'solid-js';
import { card } from '../state/models.ts';
import type { Listed } from '../state/pictures.ts';
import { Button, Slider } from './controls.tsx';
import { Dialog } from './dialog.tsx';

type Pair = readonly [x: number, y: number];
const MOVES: Readonly<Record<string, Pair>> = {
  ...{ ArrowLeft: [-0.05, 0], ArrowRight: [0.05, 0], ArrowUp: [0, -0.05], ArrowDown: [0, 0.05] },
};
const held = (value: number) => Math.max(0, Math.min(1, value));

/** The part of a picture that a frame holds: where it lies, how it is moved, and its pixels. */
function useFrame(image: HTMLImageElement) {
  const [sides, setSides] = createSignal<Pair>();
  /** How large the part is of the largest there can be, and where it lies of where it could. */
  const [size, setSize] = createSignal(1);
  const [at, setAt] = createSignal<Pair>([0.5, 0.5]);
  image.addEventListener('load', () => setSides([image.naturalWidth, image.naturalHeight]));

  /** The part in the picture's pixels. */
  const part = () => {
    const [width, height] = sides()!;
    const [, rows = 1, columns = 1] = card()!.picture;
    const most = Math.min(width, (height * columns) / rows);
    const w = Math.max(1, Math.round(size() * most));
    const h = Math.max(1, Math.min(height, Math.round((w * rows) / columns)));
    return { left: Math.round(at()[0] * (width - w)), top: Math.round(at()[1] * (height - h)), w, h };
  };
  const move = ([x, y]: Pair) => setAt([held(at()[0] + x), held(at()[1] + y)]);
  const drag = (event: PointerEvent & { currentTarget: HTMLElement }) => {
    if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
    const box = image.getBoundingClientRect();
    const [width, height] = sides()!;
    const { w, h } = part();
    const along = (moved: number, drawn: number, whole: number, taken: number) =>
      whole > taken ? (moved * whole) / drawn / (whole - taken) : 0;
    move([along(event.movementX, box.width, width, w), along(event.movementY, box.height, height, h)]);
  };
  /** The part as a file; its name says where it was. */
  const take = async (title: string) => {
    const { left, top, w, h } = part();
    const canvas = new OffscreenCanvas(w, h);
    canvas.getContext('2d')!.drawImage(image, left, top, w, h, 0, 0, w, h);
    const blob = await canvas.convertToBlob({ type: 'image/png' });
    return new File([blob], `${title}, from ${left}, ${top}.png`, { type: 'image/png' });
  };
  return { sides, part, size, setSize, move, drag, take };
}

/** A part of a picture, of the shape that the model takes, chosen by hand. */
export function Crop(props: {
  readonly of: Listed;
  readonly onTake: (part: File) => void;
  readonly onClose: () => void;
}) {
  const image = (<img src={props.of.url} alt={props.of.title} />) as HTMLImageElement;
  const { sides, part, size, setSize, move, drag, take } = useFrame(image);
  const takePart = async () => {
    props.onTake(await take(props.of.title));
    props.onClose();
  };
  const percent = (pixels: number, side: number) => `${(100 * pixels) / side}%`;
  return (
    <Dialog label={`A part of ${props.of.title}`} onClose={props.onClose}>
      <div class="crop">
        {image}
        <Show when={sides()}>
          {whole => (
            <div
              class="frame"
              role="application"
              tabindex="0"
              aria-label="The part that is taken: arrow keys move it"
              style={{
                left: percent(part().left, whole()[0]),
                top: percent(part().top, whole()[1]),
                width: percent(part().w, whole()[0]),
                height: percent(part().h, whole()[1]),
              }}
              onPointerDown={event => event.currentTarget.setPointerCapture(event.pointerId)}
              onPointerMove={drag}
              onKeyDown={event => {
                const to = MOVES[event.key];
                if (!to) return;
                event.preventDefault();
                move(to);
              }}
            />
          )}
        </Show>
      </div>
      <Slider
        label="Size"
        value={Math.round(100 * size())}
        range={[10, 100]}
        onSlide={v => setSize(v / 100)}
      />
      <div class="row">
        <Button onPress={props.onClose}>Close</Button>
        <span class="gap" />
        <Button main disabled={!sides()} onPress={() => void takePart()}>
          Take this part
        </Button>
      </div>
    </Dialog>
  );
}
