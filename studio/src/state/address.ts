/**
 * The studio's state as its address, `#/room?name=value`: a link shows what its sender saw.
 * @module
 */
import { createMemo, createSignal } from 'solid-js';

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

export const room = () => address().room;

/** The link to a room, with nothing chosen in it; what is chosen for all rooms stays. */
export function linkTo(to: Room): string {
  const kept = new URLSearchParams();
  for (const name of ['device']) {
    const value = address().values.get(name);
    if (value !== null) kept.set(name, value);
  }
  return `#/${to}${kept.size > 0 ? `?${kept}` : ''}`;
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

/** A number of the address, held within its range. */
export function numberPart(
  name: string,
  initial: number,
  [least, most]: readonly [number, number],
): [get: () => number, set: (value: number) => void] {
  const [text, setText] = part(name, String(initial));
  const get = () => {
    const value = Number(text());
    return Number.isFinite(value) ? Math.min(most, Math.max(least, value)) : initial;
  };
  return [get, value => setText(String(value))];
}
