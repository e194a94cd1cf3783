import { createMemo, createSignal } from 'solid-js';
import type { Floats } from '../../engine/engine.ts';
import { numberPart, part } from '../../state/address.ts';
import { useFiles } from '../../state/files.ts';
import { whenever } from '../../state/latest.ts';
import { cardOf, cards, isShipped, OTHERS, opening, ready, SHIPPED } from '../../state/models.ts';
import { urlOf } from '../../state/pictures.ts';
import { resumed } from '../../state/results.ts';
import { addSeeds } from '../../state/seed-files.ts';
import { type Row, rowOf, type Source, seedsFor } from './rows.ts';

/** The same seeds through several networks (the paper's fig. 10), and through one's own. */
export function useNetworks() {
  const [source, setSource] = part<Source['kind']>('seeds', 'random', ['random', 'picture']);
  const [rng, setRng] = numberPart('rng', 0, [0, 1e9]);
  const [picture, setPicture] = part<string>('picture', '9-ankle-boot');
  const [file, setFile] = part<string>('file', '');
  const [latent, setLatent] = createSignal<Floats>();
  const [rows, setRows] = createSignal<readonly Row[]>([]);
  const [stopped, setStopped] = createSignal(false);

  /** Chooses other seeds than those of a file. */
  const instead = (change: () => void) => {
    setFile('');
    change();
  };
  useFiles({
    picture: chosen => {
      instead(() => setPicture(chosen));
      setSource('picture');
    },
    seeds: async dropped => setFile(await addSeeds(dropped, SHIPPED)),
  });

  const url = urlOf(picture);
  /** Keys of the person's own models that take the shipped network's seeds. */
  const own = createMemo(() =>
    cards()
      .filter(({ key, shape }) => !isShipped(key) && shape.join() === cardOf(SHIPPED)?.shape.join())
      .map(({ key }) => key)
      .join(' '),
  );
  const chosen = createMemo<Source>(() => ({
    ...{
      kind: file() ? 'file' : source(),
      name: file() || (source() === 'random' ? String(rng()) : picture()),
    },
  }));

  whenever(
    () => [chosen(), own(), ready(), resumed(), url()] as const,
    async ([source, own, ready], counts, onOutdated) => {
      if (!ready) return;
      setRows([]);
      setLatent(undefined);
      setStopped(false);
      await opening(SHIPPED);
      if (!counts()) return;
      const seeds = await seedsFor(source, onOutdated);
      if (!counts()) return;
      if (!seeds && source.kind === 'file') return setFile('');
      if (!seeds) return void setStopped(true);
      setLatent(seeds);
      for (const key of [SHIPPED, ...OTHERS, ...own.split(' ').filter(Boolean)]) {
        const grown = await rowOf(key, source, seeds, rows()[0], onOutdated);
        if (!counts()) return;
        if (grown) setRows([...rows(), grown]);
        else setStopped(true);
      }
    },
  );

  return { ...{ source, setSource, rng, setRng, picture, setPicture, file, instead, latent, rows, stopped } };
}
export type NetworksState = ReturnType<typeof useNetworks>;
