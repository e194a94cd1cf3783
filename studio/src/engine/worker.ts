import { expose } from 'comlink';
import { isSeedbedError } from 'seedbed';
import * as engine from './engine.ts';

/** What crosses to the page: an error's kind and its words. */
export interface Told {
  readonly kind: string;
  readonly message: string;
}
export type Answer<T> = { readonly value: T } | { readonly told: Told };

const pending = new Set<Promise<unknown>>();

/** Ends what is under way, so that the runtime can be changed. */
async function quiet(): Promise<void> {
  engine.cancelAll();
  while (pending.size > 0) await Promise.allSettled(pending);
}

/** Calls that answer with a value or with words: errors lose their class on the way to the page. */
const told = Object.fromEntries(
  Object.entries(engine).map(([name, call]) => [
    name,
    async (...given: unknown[]): Promise<Answer<unknown>> => {
      if (name === 'begin') await quiet();
      const work = (async () => (call as (...given: unknown[]) => unknown)(...given))();
      if (name !== 'begin') pending.add(work);
      try {
        return { value: await work };
      } catch (error) {
        if (isSeedbedError(error)) return { told: { kind: error.kind, message: error.message } };
        return { told: { kind: 'Fault', message: error instanceof Error ? error.message : String(error) } };
      } finally {
        pending.delete(work);
      }
    },
  ]),
);

expose(told);
