import { createSignal, Show } from 'solid-js';
import { Choice, Slider } from '../../parts/controls.tsx';
import { card } from '../../state/models.ts';
import type { Stroke } from '../../state/strokes.ts';

type Rgb = readonly [number, number, number];

// A brush stays in the hand when its owner leaves the room.
const [tool, setTool] = createSignal<'brush' | 'eraser'>('brush');
const [colour, setColour] = createSignal<Rgb>([255, 255, 255]);
const [width, setWidth] = createSignal(20);

/** A stroke of the tool in hand that begins at a place. */
export function strokeAt(place: readonly number[]): Stroke {
  return { erases: tool() === 'eraser', colour: colour(), width: width(), places: place };
}

/** Brush or eraser, its colour and width. */
export function Tools() {
  return (
    <>
      <Choice
        label="Tool"
        options={[
          ['brush', 'Brush'],
          ['eraser', 'Eraser'],
        ]}
        value={tool()}
        onChoose={setTool}
      />
      <Show when={card()?.picture[0] === 3} fallback={<Grey />}>
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
    </>
  );
}

function Grey() {
  return (
    <Slider
      label="Grey"
      value={colour()[0]}
      range={[0, 255]}
      step={15}
      shown={value => `${Math.round(value / 2.55)} %`}
      ends={['black', 'white']}
      onSlide={value => setColour([value, value, value])}
    />
  );
}

const hexOf = (colour: Rgb) => `#${colour.map(value => value.toString(16).padStart(2, '0')).join('')}`;
const rgbOf = (hex: string): Rgb => {
  const at = (i: number) => Number.parseInt(hex.slice(i, i + 2), 16);
  return [at(1), at(3), at(5)];
};
