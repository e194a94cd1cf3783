import { createMemo, createSignal } from 'solid-js';
import { ask } from '../../engine/client.ts';
import { part } from '../../state/address.ts';
import { useFiles } from '../../state/files.ts';
import { whenever } from '../../state/latest.ts';
import { ready } from '../../state/models.ts';
import { type Point, pointsOf, readPoints, writePoints } from '../../state/points.ts';
import { useOwnPlane } from './own.ts';
import { type Lesson, useTraining } from './training.ts';

/** Points of a curve that is learned. */
const POINTS = 1024;
/** Points of one's own, at most. */
const MOST = 300;
const KINDS = ['circles', 'moons', 'drawn', 'model'] as const;

/** The points in the plane, and the denoiser that learns them (the paper's figs. 6 to 9). */
export function useGravity() {
  const [data, setData] = part<(typeof KINDS)[number]>('data', 'circles', KINDS);
  const [letters, setLetters] = part<string>('points', '');
  const [curve, setCurve] = createSignal<readonly Point[]>([]);
  /** The points that a denoiser learns or has learned. */
  const [lesson, setLesson] = createSignal<Lesson>();
  const [mode, setMode] = createSignal<'look' | 'draw'>('look');
  useFiles({});

  const isDrawn = () => data() === 'drawn';
  const drawn = createMemo(() => readPoints(letters()));
  const points = createMemo<readonly Point[]>(() => (isDrawn() ? drawn() : curve()));
  const enough = () => points().length >= 2;
  const training = useTraining(lesson);
  const ownPlane = useOwnPlane(() => data() === 'model');

  whenever(
    () => [data(), ready()] as const,
    async ([kind, ready], counts) => {
      if (!ready) return;
      setLesson(undefined);
      setCurve([]);
      if (kind === 'model') return;
      setMode(kind === 'drawn' ? 'draw' : 'look');
      if (kind === 'drawn') return enough() ? void learn() : undefined;
      const shown = pointsOf(await ask('points', kind, POINTS));
      if (!counts()) return;
      setCurve(shown);
      learn();
    },
  );

  /** Has a denoiser learn the points that are shown. */
  function learn(): void {
    setLesson({ points: [...points()], drawn: isDrawn() });
  }

  return {
    ...{ data, setData, mode, setMode, isDrawn, drawn, points, enough, lesson, learn },
    ...training,
    ...{ ownPlanes: ownPlane.offered, isOwn: ownPlane.isShown },
    trained: () => (ownPlane.isShown() ? ownPlane.open() : training.trained()),
    /** Whether there are other points than those that were learned. */
    changed: createMemo(() => isDrawn() && lesson() && writePoints(lesson()!.points) !== letters()),
    add: (point: Point) => setLetters(writePoints([...drawn(), point].slice(-MOST))),
    clear() {
      setLetters('');
      setLesson(undefined);
    },
  };
}
export type GravityState = ReturnType<typeof useGravity>;
