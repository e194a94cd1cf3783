import { Show } from 'solid-js';
import { figure } from '../../parts/figures.ts';
import { Pane } from '../../parts/pane.tsx';
import { Pixels } from '../../parts/pixels.tsx';
import { Word } from '../../parts/word.tsx';
import { pictureOf } from '../../state/pictures.ts';
import { Drawing } from './drawing.tsx';
import type { EditState } from './state.ts';
import { strokeAt } from './tools.tsx';

/** The drawing, what the model grows of it, and its seed. */
export function Panes(props: { readonly edit: EditState }) {
  const { picture, strokes, shown, found, result, begin, move, finish } = props.edit;
  const counted = () => (strokes().length === 1 ? '1 stroke' : `${strokes().length} strokes`);
  return (
    <div class="stage three draws" data-stage={result() ? 'found' : 'waiting'}>
      <Pane title="Draw here" note={`${counted()} on ${pictureOf(picture()).title}`}>
        <Drawing of={shown()} onBegin={place => begin(strokeAt(place))} onMove={move} onEnd={finish} />
      </Pane>
      <Pane
        title="Grown"
        note={
          <Show when={result()} fallback="…">
            {r => (
              <>
                <Word of="error">squared error</Word> of the drawing <b data-value="mse">{figure(r().mse)}</b>
              </>
            )}
          </Show>
        }
      >
        <Pixels of={found()?.pictures} label="the drawing, grown again by the model" />
      </Pane>
      <Pane
        title="Seed"
        note={
          <Show when={result()}>
            {r => (
              <>
                <Word of="variance">variance</Word> {figure(r().latentVariance)}
              </>
            )}
          </Show>
        }
      >
        <Pixels of={found()?.latent} seed label="the seed of the drawing" />
      </Pane>
    </div>
  );
}
