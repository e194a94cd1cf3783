import { Show } from 'solid-js';
import { figure } from '../../parts/figures.ts';
import { Pane } from '../../parts/pane.tsx';
import { Pixels } from '../../parts/pixels.tsx';
import { Word } from '../../parts/word.tsx';
import { pictureOf } from '../../state/pictures.ts';
import type { EmbedState } from './state.ts';
import { useStrange } from './strange.ts';

/** What a model alters more than so many times as much as its own pictures is not of their kind. */
const FOREIGN = 2;

/** The picture, its seed, and what grows from it. */
export function Panes(props: { readonly embed: EmbedState }) {
  const { picture, image, found, dropped, stopped, result, which } = props.embed;
  const title = () => pictureOf(picture()).title;
  const strange = useStrange(props.embed);
  return (
    <div class="stage three" data-stage={result() ? 'found' : 'waiting'}>
      <Pane
        title="Picture"
        note={
          <>
            {dropped() ? `seeds of ${dropped()!.from}` : title()}
            <Show when={strange()}>
              {times => (
                <>
                  {' '}
                  · <Word of="strange">{times() > FOREIGN ? 'strange' : 'known'} to the model</Word>, which
                  alters it <b data-value="strange">{figure(times(), 2)}</b> times as much as its own
                </>
              )}
            </Show>
          </>
        }
      >
        <Show when={!dropped()} fallback={<p class="note">Nobody says which picture these seeds are of.</p>}>
          <Pixels of={image()} label={`the picture: ${title()}`} />
        </Show>
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
          <Show
            when={result()}
            fallback={stopped() ? 'stopped before its end' : dropped() && found()?.pictures ? 'decoded' : '…'}
          >
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
