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
addEventListener('hashchange', () => setAddress(parse(location.hash)));

export const room = createRoot(() => createMemo(() => address().room));

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
  return `#/${to}${kept.size > 0 ? `?${kept}` : ''}`;
}

/** The pictures that the address names. */
export function picturesNamed(): string[] {
  const { values } = address();
  return ['picture', 'pictures'].flatMap(name => values.get(name)?.split(',') ?? []).filter(Boolean);
}

/** Goes to another address, as a link or a project file says. */
export function goTo(hash: string): void {
  history.pushState(null, '', hash);
  setAddress(parse(location.hash));
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
    history.replaceState(null, '', `#/${room}${values.size > 0 ? `?${values}` : ''}`);
    setAddress({ room, values });
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
