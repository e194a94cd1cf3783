import { createSignal, Show } from 'solid-js';
import type { Floats } from '../engine/engine.ts';
import { differenceOf, drawn } from '../state/differences.ts';
import { items } from '../state/tensors.ts';
import { Slider } from './controls.tsx';
import { figure } from './figures.ts';
import { Linked, type Pixel } from './linked.tsx';
import { Pane } from './pane.tsx';
import { Pixels } from './pixels.tsx';

/** Two pictures, one laid over the other, and where they differ. */
export function Compare(props: {
  readonly before: Floats | undefined;
  readonly after: Floats | undefined;
  /** Which of them. */
  readonly at?: number;
  readonly names: readonly [before: string, after: string];
}) {
  const [seen, setSeen] = createSignal(false);
  const one = (all: Floats | undefined) => all && items(all, Math.min(props.at ?? 0, all.shape[0]! - 1));
  const pair = () => {
    const [before, after] = [one(props.before), one(props.after)];
    return seen() && before && after && before.data.length === after.data.length
      ? ([before, after] as const)
      : undefined;
  };
  return (
    <details class="stage" onToggle={event => setSeen(event.currentTarget.open)}>
      <summary>Compare</summary>
      <Show when={pair()}>{both => <Both pair={both()} names={props.names} />}</Show>
    </details>
  );
}

function Both(props: {
  readonly pair: readonly [before: Floats, after: Floats];
  readonly names: readonly [before: string, after: string];
}) {
  const [share, setShare] = createSignal(50);
  const [pixel, setPixel] = createSignal<Pixel>();
  const difference = () => differenceOf(...props.pair);
  const sides = (): Pixel => [props.pair[0].shape[3]!, props.pair[0].shape[2]!];
  const linked = () => ({ sides: sides(), pixel: pixel(), onPoint: setPixel });
  const values = ([x, y]: Pixel) => {
    const at = y * sides()[0] + x;
    // As the difference: the mean over the channels.
    const of = ({ data, shape }: Floats) => {
      const channels = shape[1]!;
      let sum = 0;
      for (let c = 0; c < channels; c++) sum += data[(c * data.length) / channels + at]!;
      return figure(sum / channels, 2);
    };
    const [before, after] = props.pair;
    return `x ${x}, y ${y}: ${props.names[0]} ${of(before)}, ${props.names[1]} ${of(after)}, difference ${figure(difference().signed[at]!, 2)}`;
  };
  return (
    <>
      <div class="stage-inner two">
        <Pane title={`${props.names[0]} | ${props.names[1]}`}>
          <Linked label="both pictures" {...linked()}>
            <Pixels of={props.pair[0]} label={props.names[0]} />
            <div class="over" style={{ 'clip-path': `inset(0 0 0 ${share()}%)` }}>
              <Pixels of={props.pair[1]} label={props.names[1]} />
            </div>
          </Linked>
          <Slider
            label="Line between them"
            value={share()}
            range={[0, 100]}
            shown={value => `${value} %`}
            ends={[props.names[1], props.names[0]]}
            onSlide={setShare}
          />
        </Pane>
        <Pane
          title="Difference"
          note={
            <span class="legend">
              <span class="lighter">{props.names[1]} is lighter</span>
              <span class="darker">darker</span>
              <span class="plain">by {figure(difference().largest, 2)} at most</span>
            </span>
          }
        >
          <Linked label="their difference" {...linked()}>
            <Pixels of={drawn(difference())} label="where the two pictures differ" />
          </Linked>
        </Pane>
      </div>
      <p class="note" aria-live="polite">
        <Show when={pixel()} fallback="Point at a pixel to read it in both.">
          {pixel => <>{values(pixel())}</>}
        </Show>
      </p>
    </>
  );
}
