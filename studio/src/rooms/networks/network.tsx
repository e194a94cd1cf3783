import { Show } from 'solid-js';
import { Cells } from '../../parts/cells.tsx';
import { figure } from '../../parts/figures.ts';
import { type Row, SEEDS } from './rows.ts';

const TITLES: Readonly<Record<string, string>> = {
  'fashion-mnist': 'The shipped network',
  'fashion-mnist-small': 'A quarter of its weights, a fifth of its pictures',
  'fashion-mnist-small-se': 'The same with channel attention',
};

/** What one network grows from the seeds. */
export function Network(props: Row) {
  return (
    <div class="line wide" data-network={props.card.key}>
      <div>
        <h2>{TITLES[props.card.key] ?? props.card.name}</h2>
        <p class="note">{props.card.weights.toLocaleString('en')} weights</p>
        <Show when={props.ratio}>
          {r => (
            <p class="note">
              <b data-value="ratio">{figure(r().mean, 2)}</b> of the distance of unrelated pictures (
              {figure(r().low, 2)} to {figure(r().high, 2)})
            </p>
          )}
        </Show>
      </div>
      <Cells of={props.pictures} most={SEEDS} waiting={SEEDS} label={i => `${props.card.name} grows ${i}`} />
    </div>
  );
}
