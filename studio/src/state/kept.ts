/**
 * What the studio keeps in this browser, beyond a reload and for all its tabs: one's own files, and what was computed.
 * @module
 */
import { clear, createStore, del, entries, get, keys, set, update } from 'idb-keyval';
import { createSignal } from 'solid-js';
import { isKept, type Kept, type Kind, kindOf } from './kinds.ts';
import { say } from './notices.ts';
import { shipped } from './shipped.ts';

/** What something is of: a picture, a model, settings. What is computed is the same whenever these are. */
export type Of = readonly (string | number)[];

const store = createStore('seedbed-studio', 'kept');
/** The same in memory: for browsers that keep nothing, and quicker. */
const mirror = new Map<string, unknown>();

const [changes, setChanges] = createSignal(0);

/** Counts what was kept and forgotten here, for those who show it. */
export { changes };

const nameOf = (kind: Kind, of: Of) => JSON.stringify([kind, ...of]);

/** Works on the store; a browser that keeps nothing is told of once. */
async function stored<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch {
    say('This browser keeps nothing for the studio, or has no room left: results last as long as this page.');
    return undefined;
  }
}

/** What was kept, or ships with the studio; undefined where there is nothing, or nothing whole. */
export async function recall<K extends Kind>(kind: K, of: Of): Promise<Kept[K] | undefined> {
  const name = nameOf(kind, of);
  const near = mirror.get(name) ?? (await shipped).get(name);
  const value = near ?? (await stored(() => get<unknown>(name, store)));
  if (!isKept(kind, value)) return undefined;
  if (near === undefined) mirror.set(name, value);
  return value;
}

export async function keep<K extends Kind>(kind: K, of: Of, value: Kept[K]): Promise<void> {
  const name = nameOf(kind, of);
  mirror.set(name, value);
  await stored(() => set(name, value, store));
  changed(name);
}

/** What a person brought or waited for long: the browser is asked to leave it here, which some browsers ask the person. */
const PRECIOUS: readonly Kind[] = ['picture', 'seeds', 'model', 'set', 'training'];
let persisted = false;

/** Something is kept by a name. */
function changed(name: string): void {
  setChanges(changes() + 1);
  if (persisted || !PRECIOUS.includes(kindOf(name)!)) return;
  persisted = true;
  void navigator.storage?.persist?.().catch(() => false);
}

/** Changes what is kept, with what other tabs have put there meanwhile. */
export async function amend<K extends Kind>(
  kind: K,
  of: Of,
  change: (now: Kept[K] | undefined) => Kept[K],
): Promise<Kept[K]> {
  const made = await amendNamed(nameOf(kind, of), now => change(isKept(kind, now) ? now : undefined));
  return made as Kept[K];
}

/** The same by the name that it has in projects. */
export async function amendNamed(name: string, change: (now: unknown) => unknown): Promise<unknown> {
  let value: unknown;
  await stored(() => update<unknown>(name, now => (value = change(now ?? mirror.get(name))), store));
  value ??= change(mirror.get(name));
  mirror.set(name, value);
  changed(name);
  return value;
}

export async function forget(kind: Kind, of: Of): Promise<void> {
  mirror.delete(nameOf(kind, of));
  await stored(() => del(nameOf(kind, of), store));
}

/** All that is kept, with its names. */
export async function everything(): Promise<(readonly [name: string, value: unknown])[]> {
  const kept = await stored(() => entries<string, unknown>(store));
  return [...new Map([...mirror, ...(kept ?? [])])];
}

/** The whole ones of a kind, the oldest names first. */
export async function allOf<K extends Kind>(kind: K): Promise<Kept[K][]> {
  const begins = `["${kind}"`;
  const named = new Set([...((await stored(() => keys<string>(store))) ?? []), ...mirror.keys()]);
  const values = await Promise.all(
    [...named]
      .filter(name => name.startsWith(begins))
      .map(async name => mirror.get(name) ?? (await stored(() => get<unknown>(name, store)))),
  );
  return values.filter(value => isKept(kind, value));
}

/** How many of each kind are kept, and megabytes in all. */
export async function inventory(): Promise<{ counts: Map<string, number>; megabytes: number }> {
  const counts = new Map<string, number>();
  for (const name of (await stored(() => keys<string>(store))) ?? [...mirror.keys()]) {
    const [kind] = JSON.parse(name) as [string];
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  const { usage = 0 } = (await navigator.storage?.estimate?.()) ?? {};
  return { counts, megabytes: usage / 2 ** 20 };
}

/** Forgets everything, in this browser. */
export async function forgetAll(): Promise<void> {
  mirror.clear();
  await stored(() => clear(store));
  setChanges(changes() + 1);
  others.postMessage('forgotten');
}

/** The studio's other tabs, which would put back what they know. */
const others = new BroadcastChannel('seedbed-studio-kept');
others.onmessage = () => {
  mirror.clear();
  setChanges(changes() + 1);
};
