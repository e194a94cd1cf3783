/**
 * The studio's state as its address, `#/room?name=value`: a link shows what its sender saw.
 * @module
 */
import { createMemo, createRoot, createSignal } from 'solid-js';

export const ROOMS = ['embed', 'edit', 'walk', 'cloud', 'networks', 'gravity'] as const;
export type Room = (typeof ROOMS)[number];

function parse(hash: string): { room: Room; values: URLSearchParams } {
  const [, room = '', query = ''] = /^#?\/?([a-z]*)\??(.*)$/s.exec(hash) ?? [];
  return {
    room: ROOMS.find(known => known === room) ?? 'embed',
    values: new URLSearchParams(query),
  };
}

const [address, setAddress] = createSignal(parse(location.hash), { equals: false });
addEventListener('hashchange', () => arrive());

export const room = createRoot(() => createMemo(() => address().room));

function arrive(): void {
  written = { at: written.at, hash: location.hash };
  setAddress(parse(location.hash));
}

/** What was chosen in each room when it was left. */
const left = new Map<Room, URLSearchParams>();
/** What is chosen for all rooms. */
const SHARED = ['device', 'model'];

/** The link to a room, as it was left; what is chosen for all rooms stays. */
export function linkTo(to: Room): string {
  const { room, values } = address();
  left.set(room, new URLSearchParams(values));
  const kept = new URLSearchParams(left.get(to));
  for (const name of SHARED) {
    const value = values.get(name);
    if (value === null) kept.delete(name);
    else kept.set(name, value);
  }
  return hashOf(to, kept);
}

/** The pictures that the address names. */
export function picturesNamed(): string[] {
  const { values } = address();
  return ['picture', 'pictures'].flatMap(name => values.get(name)?.split(',') ?? []).filter(Boolean);
}

function hashOf(room: Room, values: URLSearchParams): string {
  return `#/${room}${values.size > 0 ? `?${values}` : ''}`;
}

/** The address of what is shown. */
export function hashNow(): string {
  const { room, values } = address();
  return hashOf(room, values);
}

/** Browsers let a page change its address about three times a second, over a while. */
const PAUSE = 350;
let written = { at: Number.NEGATIVE_INFINITY, hash: location.hash };
let writing: ReturnType<typeof setTimeout> | undefined;

/** Shows in the address bar what is chosen: at once, or after a pause when much changes. */
function write(): void {
  if (writing !== undefined) return;
  const now = () => {
    writing = undefined;
    // Somebody followed a link meanwhile, of which the page will hear.
    if (location.hash !== written.hash) return;
    history.replaceState(null, '', hashNow());
    written = { at: performance.now(), hash: location.hash };
  };
  const wait = written.at + PAUSE - performance.now();
  if (wait <= 0) now();
  else writing = setTimeout(now, wait);
}

/** Goes to another address, as a link or a project file says. */
export function goTo(hash: string): void {
  history.pushState(null, '', hash);
  arrive();
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
    const { room, values } = address();
    if (value === initial) values.delete(name);
    else values.set(name, value);
    setAddress({ room, values });
    write();
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
