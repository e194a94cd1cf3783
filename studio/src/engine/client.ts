/**
 * The page's end of the engine: its life, and calls to it.
 * @module
 */
import { type Remote, wrap } from 'comlink';
import { createSignal } from 'solid-js';
import type * as engine from './engine.ts';
import { Trouble } from './trouble.ts';
import type { Exposed } from './worker.ts';

type Calls = typeof engine;

/** Milliseconds within which an engine that fails would fail again, and for ever. */
const STILLBORN = 1000;

/** A worker, and how its calls end when it does. */
interface Life {
  readonly remote: Remote<Exposed>;
  /** Aborted, by the reason, when it ends. */
  readonly death: AbortSignal;
  end(reason: Trouble): void;
}

const [lives, setLives] = createSignal(0);

/** How often the engine was started: a new one knows nothing of what the one before had begun. */
export { lives };

function begin(): Life {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'seedbed' });
  const death = new AbortController();
  const end = (reason: Trouble) => {
    // Once: a worker that was ended says nothing more.
    if (life.remote !== remote) return;
    worker.terminate();
    life = begin();
    setLives(lives() + 1);
    death.abort(reason);
  };
  const begun = performance.now();
  worker.addEventListener('error', event => {
    event.preventDefault();
    const reason = event.message || 'it could not be fetched';
    if (performance.now() - begun < STILLBORN)
      return death.abort(
        new Trouble(
          'Machine',
          `The studio's engine does not start (${reason}): reload the page, or try another browser.`,
        ),
      );
    end(new Trouble('Machine', `The studio's engine stopped (${reason}) and was started again.`));
  });
  const remote = wrap<Exposed>(worker);
  return { remote, death: death.signal, end };
}
let life = begin();

/** Ends what the engine does, however long its step, and starts it anew; calls without an answer end as interrupted. */
export function restart(): void {
  life.end(new Trouble('Interrupted', 'the engine was started anew'));
}

/** Milliseconds between two engines that fail: one that fails at once would fail for ever. */
const TRUST = 60_000;
let failedAt = Number.NEGATIVE_INFINITY;

/** Starts the engine anew after the machine has failed it: what computes in it may be gone. */
function renew(): void {
  const now = performance.now();
  if (now - failedAt > TRUST) setTimeout(restart);
  failedAt = now;
}

/** Calls the engine. @throws {Trouble} */
export async function ask<K extends keyof Calls>(
  name: K,
  ...given: Parameters<Calls[K]>
): Promise<Awaited<ReturnType<Calls[K]>>> {
  const { remote, death } = life;
  const answer = await new Promise<Awaited<ReturnType<Exposed['call']>>>((resolve, reject) => {
    const refuse = () => reject(death.reason);
    if (death.aborted) refuse();
    death.addEventListener('abort', refuse);
    remote
      .call(name, ...given)
      .then(resolve, reject)
      .finally(() => death.removeEventListener('abort', refuse));
  });
  if ('told' in answer) {
    const { kind, message } = answer.told;
    if (kind === 'Machine' && name !== 'begin') renew();
    throw new Trouble(kind, message);
  }
  return answer.value as Awaited<ReturnType<Calls[K]>>;
}
