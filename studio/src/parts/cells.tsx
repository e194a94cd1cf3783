import { For, Show } from 'solid-js';
import type { Floats } from '../engine/engine.ts';
import { Pixels } from './pixels.tsx';

/** The items of a tensor [n, C, H, W] in a row; a blank where there is none yet. */
export function Cells(props: {
  readonly of: Floats | undefined;
  readonly seed?: boolean;
  /** How many are shown at most, in columns of that number. */
  readonly most?: number;
  /** Blanks while there is nothing yet. */
  readonly waiting: number;
  readonly label: (place: number, count: number) => string;
}) {
  const count = () => Math.min(props.most ?? Number.POSITIVE_INFINITY, props.of?.shape[0] ?? 0);
  return (
    <div class={props.most ? 'cells even' : 'cells'} style={{ '--columns': props.most }}>
      <Show
        when={props.of}
        keyed
        fallback={
          <For each={[...Array(props.waiting).keys()]}>
            {() => <Pixels of={undefined} label="not there yet" />}
          </For>
        }
      >
        {of => (
          <For each={[...Array(count()).keys()]}>
            {i => <Pixels of={of} at={i} seed={props.seed ?? false} label={props.label(i + 1, count())} />}
          </For>
        )}
      </Show>
    </div>
  );
}
