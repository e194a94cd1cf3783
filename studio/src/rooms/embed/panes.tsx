import { Show } from 'solid-js';
import { figure } from '../../parts/figures.ts';
import { Pane } from '../../parts/pane.tsx';
import { Pixels } from '../../parts/pixels.tsx';
import { Word } from '../../parts/word.tsx';
import { pictureOf } from '../../state/pictures.ts';
import type { EmbedState } from './state.ts';

/** The picture, its seed, and what grows from it. */
export function Panes(props: { readonly embed: EmbedState }) {
  const { picture, image, found, dropped, stopped, result, which } = props.embed;
  const title = () => pictureOf(picture()).title;
  return (
    <div class="stage three" data-stage={result() ? 'found' : 'waiting'}>
      <Pane title="Picture" note={dropped() ? `seeds of ${dropped()!.from}` : title()}>
        <Pixels of={image()} label={`the picture: ${title()}`} />
      </Pane>
      <Pane
        title="Seed"
        note={
          <Show when={result()} fallback="noise">
            {r => (
              <>
                <Word of="variance">variance</Word> {figure(r().latentVariance)}, where noise has 1
              </>
            )}
          </Show>
        }
      >
        <Pixels of={found()?.latent} at={which()} seed label="the seed, drawn as a picture of noise" />
      </Pane>
      <Pane
        title="Grown"
        note={
          <Show when={result()} fallback={dropped() ? 'decoded' : stopped() ? 'stopped before its end' : '…'}>
            {r => (
              <>
                <Word of="error">squared error</Word> <b data-value="mse">{figure(r().mse)}</b>,{' '}
                <Word of="psnr">{r().psnr.toFixed(1)} dB</Word> · {r().evaluations}{' '}
                <Word of="evaluations">evaluations</Word>
              </>
            )}
          </Show>
        }
      >
        <Pixels of={found()?.pictures} at={which()} label="what the model grows from the seed" />
      </Pane>
    </div>
  );
}
