import { Show } from 'solid-js';
import { Chart } from '../../parts/chart.tsx';
import { figure } from '../../parts/figures.ts';
import { missOf, type Point } from '../../state/points.ts';
import type { GravityState } from './state.ts';

/** How training goes, and how near to the points seeds land. */
export function Loss(props: { readonly gravity: GravityState; readonly landed: readonly Point[] }) {
  const { losses, lesson, enough, changed, stopped, isOwn } = props.gravity;
  const waiting = () => {
    if (isOwn()) return 'This model was trained elsewhere.';
    if (stopped()) return 'Training was stopped: press Train to begin it again.';
    return enough() ? 'Training shows it.' : 'Draw some points in the plane, then press Train.';
  };
  return (
    <section class="stage panel">
      <h2>Loss</h2>
      <Show when={losses().length > 1} fallback={<p class="note">{waiting()}</p>}>
        <Chart
          label={`The loss, now ${figure(losses().at(-1)![1])}`}
          x="training step"
          y="squared error of the noise"
          height={180}
          series={[{ name: 'loss', points: losses() }]}
        />
      </Show>
      <Show when={!isOwn()}>
        <p class="note">
          seeds land{' '}
          <b data-value="miss">
            {props.landed.length > 0 && lesson() ? figure(missOf(props.landed, lesson()!.points)) : '…'}
          </b>{' '}
          from the nearest point, on average
        </p>
      </Show>
      <Show when={changed()}>
        <p class="note">
          <b>The points have changed since: train again.</b>
        </p>
      </Show>
    </section>
  );
}
