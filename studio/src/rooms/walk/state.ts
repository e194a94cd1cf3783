import { createMemo, createSignal } from 'solid-js';
import { ask } from '../../engine/client.ts';
import type { Floats } from '../../engine/engine.ts';
import { numberPart, part } from '../../state/address.ts';
import { useFiles } from '../../state/files.ts';
import { whenever } from '../../state/latest.ts';
import { current, ready } from '../../state/models.ts';
import { say } from '../../state/notices.ts';
import { pictureOf } from '../../state/pictures.ts';
import { resumed, work } from '../../state/results.ts';
import { pixelsOf, seedOf, type Way } from '../../state/seeds.ts';
import { joined, mixed } from '../../state/tensors.ts';

/** Pictures of a leg of the way, both ends among them. */
export const FRAMES = 9;
/** Pictures of a walk, at most. */
const MOST = 5;
const DEFAULT = '9-ankle-boot,2-pullover';

interface Path {
  readonly pixels: Floats;
  readonly seeds: Floats;
  readonly grown: Floats;
}
interface End {
  readonly pixels: Floats;
  readonly latent: Floats;
}

/** From picture to picture through pixels, and through seeds (the paper's fig. 19). */
export function useWalk() {
  const [list, setList] = part<string>('pictures', DEFAULT);
  const [kind, setKind] = part<'slerp' | 'lerp'>('path', 'slerp', ['slerp', 'lerp']);
  const [way, setWay] = part<Way>('seeds', 'quick', ['quick', 'faithful']);
  const [at, setAt] = numberPart('at', 4, [0, 1000]);
  const [path, setPath] = createSignal<Path>();
  const [stopped, setStopped] = createSignal(false);
  const chosen = createMemo(() => {
    const named = list().split(',').filter(Boolean).slice(0, MOST);
    return named.length >= 2 ? named : DEFAULT.split(',');
  });
  const urls = createMemo(() =>
    chosen()
      .map(id => pictureOf(id).url)
      .join(' '),
  );

  const choose = (id: string) => {
    const others = chosen().filter(other => other !== id);
    if (others.length === MOST) return say('A walk has five pictures at most: take one out first.');
    if (others.length === chosen().length) return setList([...chosen(), id].join(','));
    if (others.length < 2) return say('A walk needs two pictures: choose another before you take one out.');
    setList(others.join(','));
  };
  useFiles({ picture: choose });

  /** Pictures and seeds of a leg between two ends; undefined where it was stopped. */
  async function leg(model: string, [from, to]: readonly [End, End], onOutdated: (end: () => void) => void) {
    const path = kind();
    const walked = await work(
      {
        ...{ of: ['walk', model, urls(), path], label: 'Growing the way' },
        make: (task, report) => ask('walk', task, model, [from.latent, to.latent], path, FRAMES, report),
      },
      { onOutdated },
    );
    const blends = Array.from({ length: FRAMES }, (_, k) => mixed(from.pixels, to.pixels, k / (FRAMES - 1)));
    return walked && { pixels: joined(blends), seeds: walked.latent, grown: walked.pictures };
  }

  whenever(
    () => [current(), chosen(), kind(), way(), ready(), urls(), resumed()] as const,
    async ([model, ids, , way, ready], counts, onOutdated) => {
      if (!ready) return;
      setPath(undefined);
      setStopped(false);
      const legs: Path[] = [];
      const ends: End[] = [];
      for (const id of ids) {
        const found = await seedOf(model, id, way, { onOutdated });
        if (!counts()) return;
        if (!found) return void setStopped(true);
        ends.push({ pixels: await pixelsOf(model, id), latent: found.latent });
      }
      for (let i = 1; i < ends.length; i++) {
        const walked = await leg(model, [ends[i - 1]!, ends[i]!], onOutdated);
        if (!counts()) return;
        if (!walked) return void setStopped(true);
        legs.push(walked);
        setPath(chained(legs));
      }
    },
  );

  /** The last picture of the way. */
  const last = () => (path()?.grown.shape[0] ?? FRAMES) - 1;
  return {
    ...{ chosen, choose, kind, setKind, way, setWay, setAt, path, stopped, last },
    /** Whether all legs are walked. */
    complete: () => path()?.grown.shape[0] === FRAMES * (chosen().length - 1),
    frame: () => Math.min(at(), last()),
  };
}
export type WalkState = ReturnType<typeof useWalk>;

/** Legs one after the other. */
function chained(legs: readonly Path[]): Path {
  return {
    pixels: joined(legs.map(({ pixels }) => pixels)),
    seeds: joined(legs.map(({ seeds }) => seeds)),
    grown: joined(legs.map(({ grown }) => grown)),
  };
}
