import { Show } from 'solid-js';
import { Cells } from '../../parts/cells.tsx';
import { figure } from '../../parts/figures.ts';
import { Stopped } from '../../parts/stopped.tsx';
import { Word } from '../../parts/word.tsx';
import { useEmbedded } from './embedded.ts';
import type { TrainState } from './state.ts';

/** The seeds of pictures that were learned, found with what has learned them. */
export function Seeds(props: { readonly train: TrainState }) {
  const { found, stopped } = useEmbedded(props.train);
  const count = () => Math.min(8, props.train.pixels()?.shape[0] ?? 0);
  const mean = (of: 'mse' | 'latentVariance') => {
    const all = found()!.results.map(result => result[of]);
    return figure(all.reduce((sum, value) => sum + value, 0) / all.length);
  };
  return (
    <section class="stage strip" data-seeds={found() ? 'found' : 'waiting'}>
      <h2>Its own seeds</h2>
      <div class="line">
        <span class="note">picture</span>
        <Cells of={props.train.pixels()} most={8} waiting={8} label={i => `picture ${i}`} />
      </div>
      <div class="line">
        <span class="note">seed</span>
        <Cells of={found()?.latent} seed most={8} waiting={count()} label={i => `the seed of picture ${i}`} />
      </div>
      <div class="line">
        <span class="note">grown</span>
        <Cells of={found()?.pictures} most={8} waiting={count()} label={i => `grown from seed ${i}`} />
      </div>
      <Stopped when={stopped()} note="stopped before all seeds were found" />
      <Show when={found()}>
        <p class="note">
          <Word of="error">squared error</Word> <b data-value="mse">{mean('mse')}</b>,{' '}
          <Word of="variance">variance</Word> <b>{mean('latentVariance')}</b>, on average
        </p>
      </Show>
    </section>
  );
}
