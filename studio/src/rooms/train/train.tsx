import { Show } from 'solid-js';
import { Controls } from './controls.tsx';
import { Looks } from './looks.tsx';
import { Progress } from './progress.tsx';
import { Seeds } from './seeds.tsx';
import { useTrain } from './state.ts';
import { Take } from './take.tsx';

export function Train() {
  const train = useTrain();
  return (
    <>
      <Controls train={train} />
      <div class="columns plane-columns">
        <Looks train={train} />
        <Progress train={train} />
      </div>
      <Take train={train} />
      <Show when={train.finished()}>
        <Seeds train={train} />
      </Show>
    </>
  );
}
