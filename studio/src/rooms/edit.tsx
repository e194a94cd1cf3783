import { createMemo, createSignal, Show } from 'solid-js';
import { ask, during } from '../engine/client.ts';
import type { Floats, Found } from '../engine/engine.ts';
import { Button, Choice, Slider } from '../parts/controls.tsx';
import { download } from '../parts/download.ts';
import { figure } from '../parts/figures.ts';
import { Pane } from '../parts/pane.tsx';
import { Picker } from '../parts/picker.tsx';
import { Pixels, rgbaOf } from '../parts/pixels.tsx';
import { numberPart, part } from '../state/address.ts';
import { useFiles } from '../state/files.ts';
import { whenever } from '../state/latest.ts';
import { card, current, ready } from '../state/models.ts';
import { attempt } from '../state/notices.ts';
import { pictureOf, urlOf } from '../state/pictures.ts';
import { pixelsOf } from '../state/seeds.ts';
import { drawOn, readStrokes, type Stroke, writeStrokes } from '../state/strokes.ts';

type Rgb = [number, number, number];

/** A picture to draw on, and what the model grows of it: from faithful, with every stroke, to natural. */
export function Edit() {
  const [picture, setPicture] = part<string>('picture', '8-bag');
  const [dial, setDial] = numberPart('natural', 0.5, [0, 1], 0.05);
  const [letters, setLetters] = part<string>('strokes', '');
  const [tool, setTool] = createSignal<'brush' | 'eraser'>('brush');
  const [colour, setColour] = createSignal<Rgb>([255, 255, 255]);
  const [width, setWidth] = createSignal(20);
  const [original, setOriginal] = createSignal<Floats>();
  const [line, setLine] = createSignal<Stroke>();
  /** What was drawn before each change, and what was undone of it. */
  const [past, setPast] = createSignal<readonly (readonly Stroke[])[]>([]);
  const [future, setFuture] = createSignal<readonly (readonly Stroke[])[]>([]);
  const [found, setFound] = createSignal<Found>();

  const url = urlOf(picture);
  const strokes = createMemo(() => readStrokes(letters()));
  const keep = (kept: readonly Stroke[]) => setLetters(writeStrokes(kept));
  const channels = () => card()?.picture[0] ?? 1;
  const draw = (kept: readonly Stroke[]): Floats | undefined => {
    const base = original();
    return base && (kept.length > 0 ? drawOn(rgbaOf(base), kept, base.shape[1]!) : base);
  };
  const drawn = createMemo(() => draw(strokes()));
  const shown = createMemo(() => (line() ? draw([...strokes(), line()!]) : drawn()));

  const choose = (id: string) => {
    setPicture(id);
    keep([]);
    setPast([]);
    setFuture([]);
  };
  useFiles({ picture: choose });

  whenever(
    () => [current(), picture(), ready(), url()] as const,
    async ([model, id, ready], counts) => {
      if (!ready) return;
      setFound(undefined);
      setOriginal(undefined);
      const pixels = await pixelsOf(model, id);
      if (counts()) setOriginal(pixels);
    },
  );
  whenever(
    () => [current(), drawn(), dial()] as const,
    async ([model, images, naturalness], counts, onOutdated) => {
      if (!images || images.shape.slice(1).join() !== card()?.picture.join()) return;
      const request = { model, images, method: 'auto', naturalness, noiseOf: original() } as const;
      const told = await during('Growing it again', onOutdated, (task, report) =>
        ask('seek', task, request, report),
      );
      if (counts()) setFound(told);
    },
  );

  const change = (kept: readonly Stroke[]) => {
    setPast([...past(), strokes()]);
    setFuture([]);
    keep(kept);
  };
  const finish = () => {
    const stroke = line();
    setLine(undefined);
    if (stroke) change([...strokes(), stroke]);
  };
  const undo = () => {
    // What a link brought has no past: its strokes go one by one.
    const before = past().at(-1) ?? strokes().slice(0, -1);
    if (past().length === 0 && strokes().length === 0) return;
    setFuture([...future(), strokes()]);
    setPast(past().slice(0, -1));
    keep(before);
  };
  const redo = () => {
    const after = future().at(-1);
    if (!after) return;
    setPast([...past(), strokes()]);
    setFuture(future().slice(0, -1));
    keep(after);
  };
  const fresh = (place: readonly number[]): Stroke => ({
    ...{ erases: tool() === 'eraser', colour: colour(), width: width(), places: place },
  });

  return (
    <>
      <Picker label="Picture to draw on" chosen={[picture()]} foreign onChoose={choose} />
      <div class="stage three draws" data-stage={found() ? 'found' : 'waiting'}>
        <Pane title="Draw here" note={`${counted(strokes().length)} on ${pictureOf(picture()).title}`}>
          <Drawing
            of={shown()}
            onBegin={place => setLine(fresh(place))}
            onMove={place =>
              setLine(now => now && { ...now, places: [...now.places, ...place].slice(0, 4000) })
            }
            onEnd={finish}
            onUndo={undo}
            onRedo={redo}
          />
        </Pane>
        <Pane
          title="Grown"
          note={
            <Show when={found()} fallback="…">
              {f => (
                <>
                  squared distance from the drawing <b data-value="mse">{figure(f().results[0]!.mse)}</b>
                </>
              )}
            </Show>
          }
        >
          <Pixels of={found()?.pictures} label="the drawing, grown again by the model" />
        </Pane>
        <Pane
          title="Seed"
          note={<Show when={found()}>{f => <>variance {figure(f().results[0]!.latentVariance)}</>}</Show>}
        >
          <Pixels of={found()?.latent} seed label="the seed of the drawing" />
        </Pane>
      </div>
      <div class="row controls">
        <Slider
          label="The result is"
          value={dial()}
          range={[0, 1]}
          step={0.05}
          shown={dial() < 0.2 ? 'faithful' : dial() > 0.7 ? 'natural' : 'between'}
          ends={['faithful', 'natural']}
          onSlide={() => {}}
          onRest={setDial}
        />
        <Choice
          label="Tool"
          options={[
            ['brush', 'Brush'],
            ['eraser', 'Eraser'],
          ]}
          value={tool()}
          onChoose={setTool}
        />
        <Show
          when={channels() === 3}
          fallback={
            <Slider
              label="Grey"
              value={colour()[0]}
              range={[0, 255]}
              step={15}
              shown={`${Math.round(colour()[0] / 2.55)} %`}
              ends={['black', 'white']}
              onSlide={value => setColour([value, value, value])}
            />
          }
        >
          <label class="select">
            Colour
            <input
              type="color"
              value={hexOf(colour())}
              onInput={event => setColour(rgbOf(event.currentTarget.value))}
            />
          </label>
        </Show>
        <Slider
          label="Width"
          value={width()}
          range={[6, 60]}
          step={2}
          ends={['thin', 'thick']}
          onSlide={setWidth}
        />
      </div>
      <div class="row">
        <Button disabled={past().length === 0 && strokes().length === 0} onPress={undo}>
          Undo
        </Button>
        <Button disabled={future().length === 0} onPress={redo}>
          Redo
        </Button>
        <Button disabled={strokes().length === 0} onPress={() => change([])}>
          Clear
        </Button>
        <span class="gap" />
        <Button
          disabled={!found()}
          onPress={() =>
            void attempt(async () => download(await ask('png', found()!.pictures), 'grown-again.png'))
          }
        >
          Picture .png
        </Button>
      </div>
    </>
  );
}

/** The picture as a surface: by pointer, or by arrow keys and space; Ctrl-Z and Ctrl-Y undo and redo. */
function Drawing(props: {
  readonly of: Floats | undefined;
  readonly onBegin: (place: readonly number[]) => void;
  readonly onMove: (place: readonly number[]) => void;
  readonly onEnd: () => void;
  readonly onUndo: () => void;
  readonly onRedo: () => void;
}) {
  const [cursor, setCursor] = createSignal<readonly [number, number]>([128, 128]);
  const [focused, setFocused] = createSignal(false);
  const [down, setDown] = createSignal(false);
  const placeOf = (event: PointerEvent & { currentTarget: HTMLElement }) => {
    const box = event.currentTarget.getBoundingClientRect();
    const along = (at: number, from: number, size: number) =>
      Math.max(0, Math.min(255, Math.round((255 * (at - from)) / size)));
    return [along(event.clientX, box.left, box.width), along(event.clientY, box.top, box.height)];
  };
  const press = (event: KeyboardEvent) => {
    const moves: Record<string, readonly [number, number]> = {
      ...{ ArrowLeft: [-9, 0], ArrowRight: [9, 0], ArrowUp: [0, -9], ArrowDown: [0, 9] },
    };
    const move = moves[event.key];
    const command = event.ctrlKey || event.metaKey;
    if (command && event.key.toLowerCase() === 'z') event.shiftKey ? props.onRedo() : props.onUndo();
    else if (command && event.key.toLowerCase() === 'y') props.onRedo();
    else if (move) {
      const [x, y] = cursor();
      const held = (value: number) => Math.max(0, Math.min(255, value));
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
  return (
    <div
      class="drawing"
      role="application"
      aria-label="The picture to draw on: arrow keys move the brush, space holds it down"
      tabindex="0"
      onFocus={() => setFocused(true)}
      onBlur={() => {
        setFocused(false);
        if (down()) lift();
      }}
      onKeyDown={press}
      onKeyUp={event => event.key === ' ' && lift()}
      onPointerDown={event => {
        if (event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        const place = placeOf(event);
        props.onBegin([...place, ...place]);
      }}
      onPointerMove={event => {
        if (event.currentTarget.hasPointerCapture(event.pointerId)) props.onMove(placeOf(event));
      }}
      onPointerUp={lift}
      onPointerCancel={lift}
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

const counted = (strokes: number) => (strokes === 1 ? '1 stroke' : `${strokes} strokes`);
const hexOf = (colour: Rgb) => `#${colour.map(value => value.toString(16).padStart(2, '0')).join('')}`;
const rgbOf = (hex: string): Rgb => {
  const at = (i: number) => Number.parseInt(hex.slice(i, i + 2), 16);
  return [at(1), at(3), at(5)];
};
