import { For, Show } from 'solid-js';
import { Word } from '../parts/word.tsx';
import { card } from '../state/models.ts';

/** What the model that is chosen has shown of itself. */
export function Gate() {
  const conditions = () => card()?.gate;
  const passed = () => conditions()?.filter(({ passed }) => passed).length;
  return (
    <span class="select">
      Gate
      <Word
        of="gate"
        more={
          <Show
            when={conditions()}
            fallback={
              <span class="where">
                Nobody has measured this model. On the command line: npx seedbed quality MODEL --learned DATA
                --data OTHERS --into MEASURED.onnx, which is then opened here
              </span>
            }
          >
            {all => (
              <ul>
                <For each={all()}>{({ passed, text }) => <li>{`${passed ? '✓' : '✗'} ${text}`}</li>}</For>
              </ul>
            )}
          </Show>
        }
      >
        {conditions() ? `${passed()} of ${conditions()!.length} passed` : 'not measured'}
      </Word>
    </span>
  );
}
