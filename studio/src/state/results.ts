/**
 * What is computed, each once: what was found is kept, and what a person stopped does not begin again by itself.
 * @module
 */
import { createSignal } from 'solid-js';
import type { OnReport } from '../engine/engine.ts';
import { during, type Waiting } from '../engine/tasks.ts';
import { keep, type Of, recall } from './kept.ts';
import type { Kept, Kind } from './kinds.ts';

const halted = new Set<string>();
const [resumed, setResumed] = createSignal(0);

/** Counts how often a person went on with what was stopped: rooms ask again. */
export { resumed };

/** Goes on with what was stopped. */
export function goOn(): void {
  halted.clear();
  setResumed(resumed() + 1);
}

/** Long work that a person may stop. */
interface Work<T> {
  /** What it is of: the same of the same. */
  readonly of: Of;
  readonly label: string;
  /** What is waited for where nothing was kept, and is no part of the work. */
  before?(): Promise<unknown>;
  make(task: number, report: OnReport): Promise<T>;
}

/** Does work, unless it was stopped by a person or has failed. @returns undefined then, or when nobody waits for it. */
export async function work<T>({ of, label, make }: Work<T>, waiting: Waiting): Promise<T | undefined> {
  const name = JSON.stringify(of);
  if (halted.has(name)) return undefined;
  try {
    return await during(label, { ...waiting, onStop: () => halted.add(name) }, make);
  } catch (error) {
    // What failed would fail again.
    halted.add(name);
    throw error;
  }
}

/** What work gives, or has given before: its result is kept. */
export async function result<K extends Kind>(
  kind: K,
  asked: Work<Kept[K]>,
  waiting: Waiting,
): Promise<Kept[K] | undefined> {
  const known = await recall(kind, asked.of);
  if (known) return known;
  await asked.before?.();
  return work(
    {
      ...{ label: asked.label, of: [kind, ...asked.of] },
      // Kept even where it comes after its end: it was computed.
      async make(task, report) {
        const made = await asked.make(task, report);
        await keep(kind, asked.of, made);
        return made;
      },
    },
    waiting,
  );
}
