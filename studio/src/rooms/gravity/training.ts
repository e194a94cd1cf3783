import type { DenoiserRecipe } from 'seedbed';
import { type Accessor, createSignal } from 'solid-js';
import { ask } from '../../engine/client.ts';
import type { Trained } from '../../engine/engine.ts';
import { Trouble } from '../../engine/trouble.ts';
import { whenever } from '../../state/latest.ts';
import { ready } from '../../state/models.ts';
import { jitter, type Point, pointsOf, pointsTensor, writePoints } from '../../state/points.ts';
import { result, resumed } from '../../state/results.ts';
import { ARROW_SEEDS } from './grids.ts';

const STEPS = 1500;
/** What is learned: enough to show the curves within seconds. */
const RECIPE: DenoiserRecipe = {
  network: { kind: 'mlp', channels: [64, 64, 64, 64], embedding: 8 },
  schedule: { kind: 'continuousCosine', maxSignalRate: 0.999, minSignalRate: 0.1 },
  training: { loss: 'mse', learningRate: 0.006, decay: 'cosine', batch: 256, steps: STEPS, ema: 0.99 },
};
/** Points that are learned at least, the drawn ones over and over. */
const LEAST = 512;
/** Milliseconds between two looks at where seeds land. */
const PAUSE = 300;

/** Points that a denoiser learns. */
export interface Lesson {
  readonly points: readonly Point[];
  /** Whether a person drew them. */
  readonly drawn: boolean;
}

/** A denoiser that learns points on the spot, once for the same points. */
export function useTraining(lesson: Accessor<Lesson | undefined>) {
  const [trained, setTrained] = createSignal<Trained>();
  const [landing, setLanding] = createSignal<readonly Point[]>([]);
  const [losses, setLosses] = createSignal<readonly Point[]>([]);
  const [stopped, setStopped] = createSignal(false);

  whenever(
    () => [lesson(), ready(), resumed()] as const,
    async ([lesson, ready], counts, onOutdated) => {
      setTrained(undefined);
      setStopped(false);
      for (const clear of [setLanding, setLosses]) clear([]);
      if (!lesson || !ready) return;
      const fallen: [number, number][] = [];
      const told = await result(
        'plane',
        {
          ...{
            of: [lesson.drawn ? 'drawn' : 'curve', writePoints(lesson.points)],
            label: 'Training the denoiser',
          },
          make: async (task, report) => {
            const asked = { items: repeated(lesson), recipe: RECIPE, seeds: ARROW_SEEDS.tensor };
            const { file, step } = await ask(
              'train',
              task,
              { name: 'points', ...asked, pause: PAUSE },
              report,
            );
            // What was stopped has not learned them.
            if (step < STEPS) throw new Trouble('Interrupted', 'stopped');
            return { file, losses: fallen };
          },
        },
        {
          onOutdated,
          onReport({ done = 0, loss, look }) {
            if (!counts()) return;
            if (loss) fallen.push([done, loss]);
            setLosses([...fallen]);
            if (look) setLanding(pointsOf(look.grown));
          },
        },
      );
      if (!counts()) return;
      if (!told) return void setStopped(true);
      setLosses(told.losses);
      const plane = await ask('openTrained', 'points', told.file);
      if (counts()) setTrained(plane);
    },
  );
  return { trained, landing, losses, stopped };
}

/** Whoever draws few points means each of them: they are learned over and over, in a small cloud about each. */
function repeated({ points, drawn }: Lesson) {
  const many = Array.from({ length: Math.max(LEAST, points.length) }, (_, i) => {
    const [x, y] = points[i % points.length]!;
    const [a, b] = drawn ? jitter(i) : [0, 0];
    return [x + a, y + b] as const;
  });
  return pointsTensor(many);
}
