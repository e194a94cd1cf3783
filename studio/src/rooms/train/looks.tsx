import { For, Show } from 'solid-js';
import { Cells } from '../../parts/cells.tsx';
import type { TrainState } from './state.ts';

/** Pictures that a row shows. */
const SHOWN = 8;

/** What is learned, and what eight random seeds grow the longer the network learns. */
export function Looks(props: { readonly train: TrainState }) {
  const { seen, pixels } = props.train;
  return (
    <section class="stage strip" data-stage={pixels() ? 'found' : 'waiting'}>
      <div class="line">
        <span class="note">some of the pictures</span>
        <Cells of={pixels()} most={SHOWN} waiting={SHOWN} label={i => `picture ${i} that is learned`} />
      </div>
      <h2>Grown from eight seeds</h2>
      <For
        each={seen()?.looks}
        fallback={<p class="note">What these grow is seen here as soon as training begins: first noise.</p>}
      >
        {({ step, grown }) => (
          <div class="line" data-look={step}>
            <span class="note">{step === 1 ? 'step 1' : `step ${step}`}</span>
            <Cells of={grown} most={SHOWN} waiting={0} label={i => `from seed ${i}, after step ${step}`} />
          </div>
        )}
      </For>
      <Show when={(seen()?.looks.length ?? 0) > 1}>
        <p class="note">A column is always the same seed.</p>
      </Show>
    </section>
  );
}
