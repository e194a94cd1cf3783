import { createMemo, For } from 'solid-js';
import { Cells } from '../../parts/cells.tsx';
import { Compare } from '../../parts/compare.tsx';
import { Growth } from '../../parts/growth.tsx';
import { Picker } from '../../parts/picker.tsx';
import { Stopped } from '../../parts/stopped.tsx';
import { items } from '../../state/tensors.ts';
import { Controls } from './controls.tsx';
import { Panes } from './panes.tsx';
import { FRAMES } from './path.ts';
import { useWalk } from './state.ts';

export function Walk() {
  const walk = useWalk();
  const { path } = walk;
  const seed = createMemo(() => {
    const seeds = path()?.seeds;
    return seeds && items(seeds, walk.frame());
  });
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
      <div class="columns closer">
        <Growth seed={seed()} />
        <Compare before={path()?.pixels} after={path()?.grown} at={walk.frame()} names={['Mixed', 'Grown']} />
      </div>
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
