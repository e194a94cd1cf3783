import { For } from 'solid-js';
import { Cells } from '../../parts/cells.tsx';
import { Picker } from '../../parts/picker.tsx';
import { Stopped } from '../../parts/stopped.tsx';
import { Controls } from './controls.tsx';
import { Panes } from './panes.tsx';
import { FRAMES } from './path.ts';
import { useWalk } from './state.ts';

export function Walk() {
  const walk = useWalk();
  const { path } = walk;
  const rows = () =>
    [
      ['Pixels', path()?.pixels, false],
      ['Seeds', path()?.seeds, true],
      ['Grown', path()?.grown, false],
    ] as const;
  return (
    <>
      <Picker
        label="Pictures to walk between, two to five"
        chosen={walk.chosen()}
        foreign
        onChoose={walk.choose}
      />
      <Panes walk={walk} />
      <Controls walk={walk} />
      <Stopped when={walk.stopped()} note="stopped before the way was walked" />
      <div class="stage strip">
        <For each={rows()}>
          {([title, pictures, seed]) => (
            <div class="line">
              <h2>{title}</h2>
              <Cells
                of={pictures}
                seed={seed}
                waiting={FRAMES}
                label={(i, count) => `${title}, ${i} of ${count}`}
              />
            </div>
          )}
        </For>
      </div>
    </>
  );
}
