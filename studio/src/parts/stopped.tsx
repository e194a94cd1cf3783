import { Show } from 'solid-js';
import { Button } from './controls.tsx';

/** Says that work was stopped, and offers to go on with it. */
export function Stopped(props: {
  readonly when: boolean;
  readonly note: string;
  readonly onGoOn: () => void;
}) {
  return (
    <Show when={props.when}>
      <div class="row">
        <Button main onPress={props.onGoOn}>
          Go on
        </Button>
        <span class="note">{props.note}</span>
      </div>
    </Show>
  );
}
