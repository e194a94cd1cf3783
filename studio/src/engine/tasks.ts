/**
 * Long work as the page sees it: what it is, how far, and its end.
 * @module
 */
import { proxy } from 'comlink';
import { createSignal } from 'solid-js';
import { ask, restart } from './client.ts';
import type { OnReport, Report } from './engine.ts';
import { Trouble } from './trouble.ts';

/** Milliseconds that the engine is given to end a step before it is started anew: when a person says stop, or nobody waits. */
const PATIENCE = { stopped: 1200, outdated: 6000 } as const;

/** Long work: how far it is, and a way to end it. */
export interface Task {
  readonly label: string;
  /** When it began, as performance.now() counts. */
  readonly begun: number;
  readonly report: () => Report;
  /** What of it is done in a second; undefined until that is known. */
  readonly pace: () => number | undefined;
  /** Ends it; not there where nothing would work without it. */
  readonly stop: (() => void) | undefined;
}

/** Tells how much is done in a second, from the first report on: before that, work makes itself ready. */
export function pacer(): (report: Report) => number | undefined {
  let first: { readonly done: number; readonly at: number } | undefined;
  return ({ done = 0 }) => {
    const at = performance.now();
    first ??= { done, at };
    return done > first.done ? (1000 * (done - first.done)) / (at - first.at) : undefined;
  };
}

/** Who waits for work, and what they hear of it. */
export interface Waiting {
  /** Is told how to end the work, for when nobody waits for it any more. */
  readonly onOutdated?: ((end: () => void) => void) | undefined;
  readonly onReport?: OnReport | undefined;
  /** Hears what work has to say after its end, as it lets go. */
  readonly onLate?: OnReport | undefined;
  /** When the person has stopped it. */
  readonly onStop?: (() => void) | undefined;
  /** Whether nothing works without it. */
  readonly needed?: boolean | undefined;
}

const [tasks, setTasks] = createSignal<readonly Task[]>([]);

export { tasks };

let count = 0;

/**
 * Does long work, shown with its progress until it ends.
 * @param work is given the task's number and a listener, as the engine's long calls want them.
 * @returns what it gives; undefined when it was ended.
 */
export async function during<T>(
  label: string,
  { onOutdated, onReport, onLate, onStop, needed }: Waiting,
  work: (task: number, report: OnReport, ended: () => boolean) => Promise<T>,
): Promise<T | undefined> {
  const id = ++count;
  const [report, setReport] = createSignal<Report>({});
  const [pace, setPace] = createSignal<number>();
  const paced = pacer();
  let leave = () => {};
  const left = new Promise<undefined>(resolve => {
    leave = () => resolve(undefined);
  });
  let [ended, settled] = [false, false];
  const end = (patience: number) => {
    if (ended) return;
    ended = true;
    void ask('cancel', id).catch(() => {});
    setTimeout(() => settled || restart(), patience);
    leave();
  };
  const stop = () => {
    if (ended) return;
    end(PATIENCE.stopped);
    onStop?.();
  };
  const task: Task = { label, begun: performance.now(), report, pace, stop: needed ? undefined : stop };
  setTasks([...tasks(), task]);
  const hear: OnReport = told => {
    if (ended) return onLate?.(told);
    setReport({ ...report(), ...told });
    if (told.done !== undefined) setPace(paced(told));
    onReport?.(told);
  };
  try {
    const done = work(id, proxy(hear), () => ended).finally(() => {
      settled = true;
    });
    // After the work is asked for: the engine cannot end what it does not know.
    onOutdated?.(() => end(PATIENCE.outdated));
    return await Promise.race([done, left]);
  } catch (error) {
    if (error instanceof Trouble && error.kind === 'Interrupted') return undefined;
    throw error;
  } finally {
    ended = true;
    setTasks(tasks().filter(other => other !== task));
  }
}

/** A listener to one part of work after the other, which tells of the whole. */
export function partOf(report: OnReport, from: number, size: number, whole: number): OnReport {
  return proxy(({ done = 0, total = 0, ...told }: Report) =>
    report({ ...told, ...(total > 0 && { done: from + (size * done) / total, total: whole }) }),
  );
}
