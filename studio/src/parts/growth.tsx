import { createEffect, createSignal, onCleanup, Show } from 'solid-js';
import type { Floats } from '../engine/engine.ts';
import { useGrowth } from '../state/growth.ts';
import { Button, Slider } from './controls.tsx';
import { Pane } from './pane.tsx';
import { Pixels } from './pixels.tsx';
import { Stopped } from './stopped.tsx';
import { Word } from './word.tsx';

/** Milliseconds that a step is shown. */
const PAUSE = 450;

/** Which of so many steps is shown; playing, one after the other. */
function usePlayback(steps: () => number) {
  const [at, setAt] = createSignal(0);
  const [playing, setPlaying] = createSignal(false);
  const now = () => Math.min(at(), steps());
  createEffect(() => {
    if (!playing()) return;
    const timer = setInterval(() => {
      setAt(now() + 1);
      if (now() >= steps()) setPlaying(false);
    }, PAUSE);
    onCleanup(() => clearInterval(timer));
  });
  const play = () => {
    if (now() === steps()) setAt(0);
    setPlaying(!playing());
  };
  const show = (step: number) => {
    setPlaying(false);
    setAt(step);
  };
  return { now, playing, play, show };
}

/** A seed becomes a picture step by step, with what the network believes on the way. */
export function Growth(props: { readonly seed: Floats | undefined }) {
  const [seen, setSeen] = createSignal(false);
  const { growth, stopped } = useGrowth(() => props.seed, seen);
  const steps = () => growth()?.clean.shape[0] ?? 0;
  const { now, playing, play, show } = usePlayback(steps);
  const place = () =>
    now() === 0 ? 'the seed' : now() === steps() ? 'the picture' : `after ${now()} of ${steps()} steps`;
  return (
    <details
      class="stage"
      data-growth={growth() ? 'shown' : 'waiting'}
      onToggle={event => setSeen(event.currentTarget.open)}
    >
      <summary>See it grow</summary>
      <Stopped when={stopped()} note="growing it was stopped" />
      <div class="stage-inner two">
        <Pane title="State" note={place()}>
          <Pixels of={growth()?.states} at={now()} seed label={`the state: ${place()}`} />
        </Pane>
        <Pane
          title="Believed"
          note={
            <>
              what the network takes for <Word of="belief">the clean picture</Word>
            </>
          }
        >
          <Pixels
            of={growth()?.clean}
            at={Math.min(now(), steps() - 1)}
            label={`the clean picture that the network believes in: ${place()}`}
          />
        </Pane>
      </div>
      <div class="row">
        <Show when={!matchMedia('(prefers-reduced-motion: reduce)').matches}>
          <Button disabled={!growth()} onPress={play}>
            {playing() ? 'Pause' : 'Play'}
          </Button>
        </Show>
        <Slider
          label="Step"
          value={now()}
          range={[0, steps()]}
          shown={value => `${value} of ${steps()}`}
          ends={['seed', 'picture']}
          onSlide={show}
        />
      </div>
    </details>
  );
}
