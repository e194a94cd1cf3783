import { Show } from 'solid-js';
import { Chart } from '../../parts/chart.tsx';
import { figure } from '../../parts/figures.ts';
import { lasting } from '../../parts/progress.tsx';
import { pace, stepsNow } from './learning.ts';
import { BATCH } from './networks.ts';
import type { TrainState } from './state.ts';

/** How far training is, how fast it goes, and how its loss falls. */
export function Progress(props: { readonly train: TrainState }) {
  const { running, seen, learned } = props.train;
  const steps = () => (running() ? stepsNow() : undefined) ?? props.train.steps();
  const losses = () => seen()?.losses ?? [];
  const step = () => (running() ? pace()?.step : undefined) ?? learned()?.step ?? 0;
  const perSecond = () => (running() ? pace()?.perSecond : undefined);
  return (
    <section class="stage panel">
      <h2>Learning</h2>
      <dl class="numbers">
        <dt>step</dt>
        <dd>
          <span data-value="step">{step()}</span> of {steps()}
        </dd>
        <dt>loss, mean of the last hundred steps</dt>
        <dd data-value="loss">{losses().length > 0 ? figure(losses().at(-1)![1]) : '…'}</dd>
        <Show when={running()}>
          <dt>pictures a second</dt>
          <dd>{perSecond() ? figure(BATCH * perSecond()!) : '…'}</dd>
          <dt>time left</dt>
          <dd>{perSecond() ? lasting((steps() - step()) / perSecond()!) : '…'}</dd>
        </Show>
      </dl>
      <Show when={losses().length > 1}>
        <Chart
          label={`The loss, now ${figure(losses().at(-1)![1])}`}
          x="training step"
          y="absolute error of the noise"
          height={180}
          series={[{ name: 'loss', points: losses() }]}
        />
      </Show>
      <p class="note">
        A step shows the network {BATCH} pictures with noise, and it learns to tell the noise. Training rests
        while you are in other rooms, and is kept: after a pause or a reload it goes on where it was, to the
        same bits.
      </p>
    </section>
  );
}
