/**
 * Denoisers that learn in the page, points and pictures alike, by the library's trainer.
 * @module
 */
import {
  type Denoiser,
  type DenoiserRecipe,
  decode,
  loadModel,
  SeedbedError,
  sample,
  saveModel,
  type TrainProgress,
  trainDenoiser,
} from 'seedbed';
import { keep, modelOf } from './open.ts';
import { forgetPace } from './pace.ts';
import { running } from './runtime.ts';
import { type Floats, type Learned, type OnReport, working } from './work.ts';

/** What is learned, and what is looked at meanwhile. */
export interface Lesson {
  /** Of the items, for the model's records. */
  readonly name: string;
  /** Points [n, D] or pictures [n, C, H, W]. */
  readonly items: Floats;
  readonly recipe: DenoiserRecipe;
  /** Grown again and again; eight random ones unless given. */
  readonly seeds?: Floats | undefined;
  /** Least milliseconds between two looks at what they grow. */
  readonly pause: number;
  /** The checkpoint that it goes on from. */
  readonly resume?: Uint8Array | undefined;
}

/** Milliseconds between two reports, and between two checkpoints. */
const [TELL, KEEP] = [150, 10_000];
/** How much longer training goes on than a look at it has taken. */
const PATIENCE = 9;

/** Seeds that are grown where none are given. */
const SEEN = 8;

/** Trains a denoiser, and shows on the way what seeds grow. @returns what was learned by its end, or until it was stopped. */
export async function train(task: number, lesson: Lesson, report: OnReport): Promise<Learned> {
  const { name, items, recipe, resume } = lesson;
  return working(task, report, async ({ signal }) => {
    report({ doing: 'building graphs' });
    const onlooker = watch(lesson, report);
    const model = await trainDenoiser(items, recipe, {
      ...{ name, resume, signal, runtime: await running(), onProgress: onlooker.hear },
    });
    const checkpoint = onlooker.checkpoint();
    if (!checkpoint) throw new SeedbedError('Interrupted', 'stopped before its first step');
    const learned = { step: stepsOf(model), checkpoint, file: saveModel(model) };
    // Whoever waits sees what it came to; whoever has stopped it does not wait.
    if (!signal.aborted) await onlooker.leave(model);
    report({ learned });
    await onlooker.leave();
    return learned;
  });
}

/** Tells of a training: how far it is, what it grows, and from time to time what is needed to go on with it. */
function watch({ seeds, pause, resume }: Lesson, report: OnReport) {
  let last: TrainProgress | undefined;
  const [tells, keeps] = [every(TELL), every(KEEP)];
  let [due, looking] = [0, Promise.resolve()];

  async function look(model: Denoiser): Promise<void> {
    const begun = performance.now();
    const runtime = await running();
    const grown = seeds
      ? await decode(model, seeds, { runtime, batch: seeds.shape[0] })
      : (await sample(model, { count: SEEN, runtime })).pictures;
    report({ look: { step: stepsOf(model), grown } });
    const now = performance.now();
    due = now + Math.max(pause, PATIENCE * (now - begun));
  }
  const checkpoint = () => last?.checkpoint() ?? resume;
  return {
    checkpoint,
    hear(progress: TrainProgress): void {
      const { step, steps, loss, model } = progress;
      last = progress;
      if (tells()) report({ doing: 'training', done: step, total: steps, loss });
      if (keeps()) report({ learned: { step, checkpoint: progress.checkpoint(), file: saveModel(model()) } });
      if (performance.now() < due) return;
      due = Number.POSITIVE_INFINITY;
      looking = looking.then(() => look(model()));
    },
    /** Ends, with a last look where a model is given. */
    async leave(model?: Denoiser): Promise<void> {
      await looking;
      if (model) await look(model);
    },
  };
}

/** Whether it is time again, once in so many milliseconds. */
function every(pause: number): () => boolean {
  let at = performance.now();
  return () => {
    const now = performance.now();
    if (now - at < pause) return false;
    at = now;
    return true;
  };
}

const stepsOf = ({ info }: Denoiser) => Number(info.training?.steps);

/** The denoisers that were trained here, of each kind one that is open. */
export type Pupil = 'points' | 'pictures';

/** A denoiser that is open, and how it standardises what it grows. */
export interface Trained {
  readonly key: string;
  readonly hash: string;
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** Opens the file of a denoiser that was trained here, in place of the one before. */
export async function openTrained(key: Pupil, file: Uint8Array): Promise<Trained> {
  await keep(key, await loadModel(file));
  forgetPace(key);
  return trainedOf(key);
}

/** What there is to know of a denoiser that is open. */
export async function trainedOf(key: string): Promise<Trained> {
  const { hash, info } = await modelOf(key);
  return { key, hash, mean: info.range.mean, std: info.range.std };
}
