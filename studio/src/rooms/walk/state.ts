import { createMemo, createSignal } from 'solid-js';
import { numberPart, part } from '../../state/address.ts';
import { useFiles } from '../../state/files.ts';
import { whenever } from '../../state/latest.ts';
import { current, working } from '../../state/models.ts';
import { say } from '../../state/notices.ts';
import { pictureOf } from '../../state/pictures.ts';
import { resumed } from '../../state/results.ts';
import { pixelsOf, seedOf, seedShips, type Way } from '../../state/seeds.ts';
import { chained, type End, FRAMES, legOf, type Path } from './path.ts';

/** Pictures of a walk, at most. */
const MOST = 5;
const DEFAULT = '9-ankle-boot,2-pullover';

/** From picture to picture through pixels, and through seeds (the paper's fig. 19). */
export function useWalk() {
  const [list, setList] = part<string>('pictures', DEFAULT);
  const [kind, setKind] = part<'slerp' | 'lerp'>('path', 'slerp', ['slerp', 'lerp']);
  const [asked, setWay] = part<Way | ''>('seeds', '', ['quick', 'faithful']);
  const [at, setAt] = numberPart('at', 4, [0, 1000]);
  const [path, setPath] = createSignal<Path>();
  const [stopped, setStopped] = createSignal(false);
  const chosen = createMemo(() => {
    const named = list().split(',').filter(Boolean).slice(0, MOST);
    return named.length >= 2 ? named : DEFAULT.split(',');
  });
  const way = createMemo<Way>(
    () => asked() || (chosen().every(id => seedShips(current(), id)) ? 'faithful' : 'quick'),
  );
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

  whenever(
    () => [current(), chosen(), kind(), way(), working(), urls(), resumed()] as const,
    async ([model, ids, kind, way], counts, onOutdated) => {
      setPath(undefined);
      setStopped(false);
      const legs: Path[] = [];
      const ends: End[] = [];
      for (const id of ids) {
        const found = await seedOf(model, id, way, { onOutdated });
        if (!counts()) return;
        if (!found) return void setStopped(true);
        ends.push({ id: pictureOf(id).id, pixels: await pixelsOf(model, id), latent: found.latent });
      }
      for (let i = 1; i < ends.length; i++) {
        const walked = await legOf(model, [ends[i - 1]!, ends[i]!], kind, way, onOutdated);
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
