import { createMemo, createSignal } from 'solid-js';
import { ask } from '../../engine/client.ts';
import type { Floats, ModelCard } from '../../engine/engine.ts';
import { numberPart, part } from '../../state/address.ts';
import { useFiles } from '../../state/files.ts';
import { whenever } from '../../state/latest.ts';
import { cardOf, cards, isShipped, OTHERS, opening, ready, SHIPPED } from '../../state/models.ts';
import { attempt } from '../../state/notices.ts';
import { urlOf } from '../../state/pictures.ts';
import { resumed, work } from '../../state/results.ts';
import { addSeeds, seedsOf } from '../../state/seed-files.ts';
import { seedOf } from '../../state/seeds.ts';

/** Random seeds that are grown by each network. */
export const SEEDS = 6;

type Source = 'random' | 'picture';
type OnOutdated = (end: () => void) => void;

/** Seeds, and their pictures where these come with them. */
interface Begun {
  readonly latent: Floats;
  readonly pictures?: Floats;
}

/** What a network grows from the seeds. */
interface Row {
  readonly card: ModelCard;
  readonly pictures: Floats;
  /** Mean squared distance from the first network's pictures, over that of pictures of different seeds. */
  readonly ratio?: { mean: number; low: number; high: number };
}

/** The same seeds through several networks (the paper's fig. 10), and through one's own. */
export function useNetworks() {
  const [source, setSource] = part<Source>('seeds', 'random', ['random', 'picture']);
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
  const seeds = createMemo(() => file() || (source() === 'random' ? `random ${rng()}` : url()));

  /** The seeds, and what the shipped network grows from them where that comes with them. */
  async function begin(onOutdated: OnOutdated): Promise<Begun | undefined> {
    if (file()) {
      const opened = await attempt(() => seedsOf(file(), SHIPPED));
      if (!opened) setFile('');
      return opened && { latent: opened.latent };
    }
    if (source() === 'picture') {
      const found = await seedOf(SHIPPED, picture(), 'faithful', { onOutdated });
      return found && { latent: found.latent };
    }
    const number = rng();
    return work(
      {
        ...{ of: ['sampled', number], label: 'Growing random seeds' },
        make: (task, report) => ask('sampled', task, SHIPPED, SEEDS, number, report),
      },
      { onOutdated },
    );
  }

  /** What a network grows from the seeds, compared with the first's; undefined where it was stopped. */
  async function row(key: string, { latent, pictures }: Begun, onOutdated: OnOutdated) {
    const card = await opening(key);
    if (!card) return undefined;
    const grown =
      pictures ??
      (await work(
        {
          ...{ of: ['networks', key, seeds()], label: `Growing by ${card.name}` },
          make: (task, report) => ask('growSlowly', task, key, latent, report),
        },
        { onOutdated },
      ));
    if (!grown) return undefined;
    const first = rows()[0]?.pictures;
    // Pictures of another size, by another padding, are shown and not compared.
    const alike = first?.shape.join() === grown.shape.join() && latent.shape[0]! > 1;
    const { ratio } = alike ? await ask('compare', first!, grown) : {};
    return { card, pictures: grown, ...(ratio && { ratio }) };
  }

  whenever(
    () => [seeds(), own(), ready(), resumed()] as const,
    async ([, own, ready], counts, onOutdated) => {
      if (!ready) return;
      setRows([]);
      setLatent(undefined);
      setStopped(false);
      await opening(SHIPPED);
      if (!counts()) return;
      const begun = await begin(onOutdated);
      if (!counts()) return;
      if (!begun) return void setStopped(true);
      setLatent(begun.latent);
      for (const key of [SHIPPED, ...OTHERS, ...own.split(' ').filter(Boolean)]) {
        const grown = await row(key, key === SHIPPED ? begun : { latent: begun.latent }, onOutdated);
        if (!counts()) return;
        if (grown) setRows([...rows(), grown]);
        else setStopped(true);
      }
    },
  );

  return { ...{ source, setSource, rng, setRng, picture, setPicture, file, instead, latent, rows, stopped } };
}
export type NetworksState = ReturnType<typeof useNetworks>;
