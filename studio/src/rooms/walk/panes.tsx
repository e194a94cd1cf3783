import { Pane } from '../../parts/pane.tsx';
import { Pixels } from '../../parts/pixels.tsx';
import type { WalkState } from './state.ts';

/** One place of the way: in pixels, as a seed, and grown. */
export function Panes(props: { readonly walk: WalkState }) {
  const { path, frame, last, kind, complete } = props.walk;
  const between = () => `picture ${frame() + 1} of ${last() + 1}`;
  return (
    <div class="stage three" data-stage={complete() ? 'found' : 'waiting'}>
      <Pane title="Pixels" note="a double exposure">
        <Pixels of={path()?.pixels} at={frame()} label={`mixed pixels, ${between()}`} />
      </Pane>
      <Pane title="Seed" note={kind() === 'slerp' ? 'on the arc, which keeps its length' : 'on the chord'}>
        <Pixels of={path()?.seeds} at={frame()} seed label={`the seed, ${between()}`} />
      </Pane>
      <Pane title="Grown" note="the model's own way across">
        <Pixels of={path()?.grown} at={frame()} label={`grown from the seed, ${between()}`} />
      </Pane>
    </div>
  );
}
