/**
 * What the page has to say: what went wrong and the way out, or something worth knowing once.
 * @module
 */
import { createSignal } from 'solid-js';
import { Trouble } from '../engine/trouble.ts';

export interface Notice {
  readonly tone: 'trouble' | 'news';
  readonly text: string;
}

const [notices, setNotices] = createSignal<readonly Notice[]>([]);

export { notices };

export function say(text: string, tone: Notice['tone'] = 'news'): void {
  setNotices([...notices().filter(notice => notice.text !== text), { tone, text }].slice(-8));
}

export function dismiss(notice: Notice): void {
  setNotices(notices().filter(other => other !== notice));
}

/** Does work that a person asked for; what goes wrong is said, not thrown. */
export async function attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    // What was ended is asked for again by whoever still wants it.
    if (error instanceof Trouble && error.kind === 'Interrupted') return undefined;
    const words = error instanceof Error ? error.message : String(error);
    say(
      error instanceof Trouble && error.kind !== 'Fault' ? words : `Something unforeseen: ${words}`,
      'trouble',
    );
    return undefined;
  }
}
