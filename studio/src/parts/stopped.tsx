import { Show } from 'solid-js';
import { goOn } from '../state/results.ts';
import { Button } from './controls.tsx';

/** Says that work was stopped, and offers to go on with it. */
export function Stopped(props: { readonly when: boolean; readonly note: string }) {
  return (
    <Show when={props.when}>
      <div class="row">
        <Button main onPress={goOn}>
          Go on
        </Button>
        <span class="note">{props.note}</span>
      </div>
    </Show>
  );
}
