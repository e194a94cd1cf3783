/**
 * What a person chose, as the address `#/room?name=value`: a link shows what its sender saw, and the browser's history is the
 * one history of undoing. What one gesture changes is one step of it.
 * @module
 */
import { createMemo, createRoot, createSignal } from 'solid-js';
import { loadSession, saveSession } from './session.ts';

export const ROOM_NAMES = ['embed', 'edit', 'walk', 'cloud', 'networks', 'gravity', 'train'] as const;
export type RoomName = (typeof ROOM_NAMES)[number];

interface Address {
  readonly room: RoomName;
  readonly values: URLSearchParams;
}

function parse(hash: string): Address {
  const [, room = '', query = ''] = /^#?\/?([a-z]*)\??(.*)$/s.exec(hash) ?? [];
  return {
    room: ROOM_NAMES.find(known => known === room) ?? 'embed',
    values: new URLSearchParams(query),
  };
}

function hashOf({ room, values }: Address): string {
  return `#/${room}${values.size > 0 ? `?${values}` : ''}`;
}

const session = loadSession();
/** What was chosen in the rooms that were left, as queries. */
const left: Record<string, string> = { ...session.left };
// A page without an address goes on where the last one was.
if (location.hash === '' && session.address) history.replaceState(history.state, '', session.address);

const [address, setAddress] = createSignal(parse(location.hash), { equals: false });

export const room = createRoot(() => createMemo(() => address().room));

/** Steps of this page's history: which is shown, and which is the last. */
const [step, setStep] = createSignal({ at: stepOf(history.state) ?? 0, last: 0 });
setStep({ at: step().at, last: Math.max(step().at, session.last ?? 0) });
history.replaceState({ at: step().at }, '');

function stepOf(state: unknown): number | undefined {
  return typeof state === 'object' && state && 'at' in state && typeof state.at === 'number'
    ? state.at
    : undefined;
}

export const canUndo = () => step().at > 0;
export const canRedo = () => step().at < step().last;

export function undo(): void {
  if (canUndo()) history.back();
}

export function redo(): void {
  if (canRedo()) history.forward();
}

/** Shows another address, and remembers how the room was left. @param others what else is chosen from now on, before links to it are drawn. */
function show(next: Address, others: Readonly<Record<string, string>> = {}): void {
  const { room, values } = address();
  if (next.room !== room) left[room] = values.toString();
  Object.assign(left, others);
  setAddress(next);
  remember();
}

function remember(): void {
  saveSession({ address: hashNow(), left, last: step().last });
}

/** Somebody followed a link, which is a step of its own, or went back or forward. */
function arrive(): void {
  if (writing !== undefined) clearTimeout(writing);
  writing = undefined;
  const known = stepOf(history.state);
  if (known === undefined) beginStep();
  else setStep({ at: known, last: Math.max(known, step().last) });
  shown = gestures;
  if (known === undefined) history.replaceState({ at: step().at }, '');
  show(parse(location.hash));
}
addEventListener('popstate', arrive);

function beginStep(): void {
  const at = step().at + 1;
  setStep({ at, last: at });
}

/** Gestures of the person so far, and the one that made the step that is shown. */
let gestures = 0;
let shown = 0;
for (const kind of ['pointerdown', 'keydown', 'click', 'drop', 'paste'] as const)
  addEventListener(
    kind,
    event => {
      if (event instanceof KeyboardEvent && event.repeat) return;
      // A pointer's click ends what its press began; that of a screen reader or a script (detail 0) is a gesture by itself.
      if (event.type === 'click' && (event as MouseEvent).detail > 0) return;
      gestures++;
      // The step before is whole.
      flush();
    },
    { capture: true },
  );

/** Browsers let a page change its address about three times a second, over a while. */
const PAUSE = 350;
let writtenAt = Number.NEGATIVE_INFINITY;
let writing: ReturnType<typeof setTimeout> | undefined;

/** Puts what is chosen in the address bar now. */
function flush(): void {
  if (writing === undefined) return;
  clearTimeout(writing);
  writing = undefined;
  history.replaceState({ at: step().at }, '', hashNow());
  writtenAt = performance.now();
}
addEventListener('pagehide', flush);

/** Puts it there as a step of its own when a gesture began it; after a pause when much changes. */
function write(values: URLSearchParams): void {
  const fresh = gestures !== shown;
  setAddress({ room: address().room, values });
  if (fresh) {
    shown = gestures;
    beginStep();
    history.pushState({ at: step().at }, '', hashNow());
    writtenAt = performance.now();
  } else writing ??= setTimeout(flush, Math.max(0, writtenAt + PAUSE - performance.now()));
  remember();
}

/** The address of what is shown. */
export function hashNow(): string {
  return hashOf(address());
}

/** What is chosen in every room that was opened, as queries. */
export function choices(): Readonly<Record<string, string>> {
  const { room, values } = address();
  return { ...left, [room]: values.toString() };
}

/** Goes to an address, as a project says; with what it holds of the other rooms. */
export function goTo(hash: string, others: Readonly<Record<string, string>>): void {
  flush();
  beginStep();
  shown = gestures;
  history.pushState({ at: step().at }, '', hashOf(parse(hash)));
  show(parse(hash), others);
}

/** What is chosen for all rooms. */
const SHARED = ['device', 'model'];

/** The link to a room, as it was left; what is chosen for all rooms stays. */
export function linkTo(to: RoomName): string {
  const { room, values } = address();
  const kept = new URLSearchParams(to === room ? values : left[to]);
  for (const name of SHARED) {
    const value = values.get(name);
    if (value === null) kept.delete(name);
    else kept.set(name, value);
  }
  return hashOf({ room: to, values: kept });
}

/** Goes to a room with something chosen there, as a step of its own. */
export function goToRoom(to: RoomName, chosen: Readonly<Record<string, string>>): void {
  const { values } = parse(linkTo(to));
  for (const [name, value] of Object.entries(chosen)) values.set(name, value);
  goTo(hashOf({ room: to, values }), {});
}

/** The pictures that the address names. */
export function picturesNamed(): string[] {
  const { values } = address();
  return ['picture', 'pictures'].flatMap(name => values.get(name)?.split(',') ?? []).filter(Boolean);
}

/** A value of the address by its name: what it is, and how it is changed. What is not among `allowed` counts as not given. */
export function part<T extends string>(
  name: string,
  initial: T,
  allowed?: readonly T[],
): [get: () => T, set: (value: T) => void] {
  // A memo, so that what depends on this part does not hear of changes in others.
  const get = createMemo(() => {
    const value = address().values.get(name) as T | null;
    return value !== null && (!allowed || allowed.includes(value)) ? value : initial;
  });
  const set = (value: T) => {
    if (value === get()) return;
    const values = new URLSearchParams(address().values);
    if (value === initial) values.delete(name);
    else values.set(name, value);
    write(values);
  };
  return [get, set];
}

/** A number of the address, a multiple of `step` and held within its range. */
export function numberPart(
  name: string,
  initial: number,
  [least, most]: readonly [number, number],
  step = 1,
): [get: () => number, set: (value: number) => void] {
  const [text, setText] = part(name, String(initial));
  const get = () => {
    const value = Number(text());
    const near = Number((Math.round(value / step) * step).toFixed(6));
    return Number.isFinite(near) ? Math.min(most, Math.max(least, near)) : initial;
  };
  return [get, value => setText(String(value))];
}
