import { proxy, wrap } from 'comlink';
import { createSignal } from 'solid-js';
import type * as engine from './engine.ts';
import type { OnReport, Report } from './engine.ts';
import { Trouble } from './trouble.ts';
import type { Answer } from './worker.ts';

type Calls = typeof engine;
type Called<F> = F extends (...given: infer A) => infer R
  ? (...given: A) => Promise<Answer<Awaited<R>>>
  : never;

let remote: { [K in keyof Calls]: Called<Calls[K]> };
let died: Promise<never>;

const [lives, setLives] = createSignal(0);

/** How often the engine was started: a new one knows nothing of what the one before had begun. */
export { lives };

/** Starts the worker, again when the one before has died. */
function start(): void {
  setLives(lives() + 1);
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'seedbed' });
  died = new Promise((_, reject) => {
    worker.addEventListener('error', event => {
      worker.terminate();
      start();
      const reason = event.message || 'it could not be fetched';
      reject(
        new Trouble(
          'Machine',
          `the studio's engine stopped (${reason}); it was started again: open models of your own again`,
        ),
      );
    });
  });
  died.catch(() => {});
  remote = wrap(worker) as never;
}
start();

/** Calls the engine. @throws {Trouble} */
export async function ask<K extends keyof Calls>(
  name: K,
  ...given: Parameters<Calls[K]>
): Promise<Awaited<ReturnType<Calls[K]>>> {
  const call = remote[name] as unknown as (...given: unknown[]) => Promise<Answer<never>>;
  const answer = await Promise.race([call(...given), died]);
  if ('told' in answer) throw new Trouble(answer.told.kind, answer.told.message);
  return answer.value;
}

/** Long work: how far it is, and a way to end it. */
export interface Task {
  readonly label: string;
  readonly report: () => (Report & { readonly seconds: number }) | undefined;
  cancel(): void;
}

const [tasks, setTasks] = createSignal<readonly Task[]>([]);

export { tasks };

let count = 0;

/**
 * Does long work, shown with its progress until it ends.
 * @param onOutdated is told how to end it, for when nobody waits for it any more.
 * @returns what it gives; undefined when it was ended.
 */
export async function during<T>(
  label: string,
  onOutdated: (end: () => void) => void,
  work: (task: number, report: OnReport, ended: () => boolean) => Promise<T>,
  onReport?: OnReport,
): Promise<T | undefined> {
  const id = ++count;
  const [report, setReport] = createSignal<Report & { seconds: number }>();
  const begun = performance.now();
  let stop = () => {};
  // The engine stops before its next step; the page does not wait for that.
  const stopped = new Promise<undefined>(resolve => {
    stop = () => resolve(undefined);
  });
  let ended = false;
  const cancel = () => {
    if (ended) return;
    ended = true;
    void ask('cancel', id);
    stop();
  };
  const task: Task = { label, report, cancel };
  setTasks([...tasks(), task]);
  const tell: OnReport = told => {
    if (ended) return;
    setReport({ ...told, seconds: (performance.now() - begun) / 1000 });
    onReport?.(told);
  };
  try {
    const done = work(id, proxy(tell), () => ended);
    // After the work is asked for: the engine cannot end what it does not know.
    onOutdated(cancel);
    return await Promise.race([done, stopped]);
  } catch (error) {
    if (error instanceof Trouble && error.kind === 'Interrupted') return undefined;
    throw error;
  } finally {
    ended = true;
    setTasks(tasks().filter(other => other !== task));
  }
}
