import { Show } from 'solid-js';
import { figure } from '../../parts/figures.ts';
import { Plane } from '../../parts/plane.tsx';
import { Controls } from './controls.tsx';
import { useFalls } from './falls.ts';
import { DENSE_SEEDS } from './grids.ts';
import { Loss } from './loss.tsx';
import { Rates } from './rates.tsx';
import { useGravity } from './state.ts';

export function Gravity() {
  const gravity = useGravity();
  const falls = useFalls(gravity);
  const { drawnTo } = falls;
  return (
    <>
      <Controls gravity={gravity} falls={falls} />
      <div class="columns plane-columns" data-stage={falls.dense().length > 0 ? 'found' : 'waiting'}>
        <div class="stage">
          <Plane
            data={gravity.points()}
            size={gravity.isDrawn() ? 0.045 : 0.018}
            arrows={falls.arrows()}
            coloured={drawnTo().map(falls.placed)}
            chosen={falls.chosen()}
            seed={falls.seed()}
            way={falls.way()}
            draws={gravity.mode() === 'draw'}
            onDraw={gravity.add}
            onChoose={falls.choose}
            onFollow={falls.follow}
          />
          <p class="note">
            Lines lead from seeds to where they land. Drag the round seed to follow one; click a point to
            colour the seeds that land beside it.
            <Show when={drawnTo().length > 0}>
              {' '}
              <b>{figure((100 * drawnTo().length) / DENSE_SEEDS.points.length, 2)} %</b> of the seeds shown
              do.
            </Show>
          </p>
          <Show when={falls.lost()}>
            {lost => (
              <p class="note">
                <b>{lost().count}</b> of {falls.landed().length} seeds land out of sight, up to{' '}
                {figure(lost().farthest)} away. At its noisiest this schedule leaves less of the signal than
                the network was trained with, and a step from there divides the network's error by that
                little. The schedule as trained brings them back, perhaps other steps do.
              </p>
            )}
          </Show>
        </div>
        <div class="panel">
          <Loss gravity={gravity} landed={falls.landed()} />
          <Rates />
        </div>
      </div>
    </>
  );
}
