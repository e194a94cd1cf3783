import { expose } from 'comlink';
import { isSeedbedError } from 'seedbed';
import * as engine from './engine.ts';

const calls: Readonly<Record<string, unknown>> = engine;

/** What crosses to the page: an error's kind and its words. */
export interface Told {
  readonly kind: string;
  readonly message: string;
}
export type Answer = { readonly value: unknown } | { readonly told: Told };

/** Makes a call of the engine, and answers with its value or with words: errors lose their class on the way to the page. */
async function call(name: keyof typeof engine, ...given: unknown[]): Promise<Answer> {
  try {
    const called = calls[name] as (...given: unknown[]) => unknown;
    return { value: await called(...given) };
  } catch (error) {
    if (isSeedbedError(error)) return { told: { kind: error.kind, message: error.message } };
    return { told: { kind: 'Fault', message: error instanceof Error ? error.message : String(error) } };
  }
}

const exposed = { call };
export type Exposed = typeof exposed;
expose(exposed);
