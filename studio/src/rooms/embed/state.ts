import { createSignal } from 'solid-js';
import { ask } from '../../engine/client.ts';
import type { Floats, Found, OpenedSeeds } from '../../engine/engine.ts';
import { whenever } from '../../state/latest.ts';
import { cardOf, current, untilOpen, working } from '../../state/models.ts';
import { attempt, say } from '../../state/notices.ts';
import { pictureOf, urlOf } from '../../state/pictures.ts';
import { goOn, result, resumed } from '../../state/results.ts';
import { seedsOf } from '../../state/seed-files.ts';
import { pixelsOf, seek } from '../../state/seeds.ts';
import { useChoices } from './choices.ts';
import type { Offered } from './methods.ts';

/** What is shown: the seed, what it grows as soon as that is known, and its numbers. */
type Shown = { [K in keyof Found]?: Found[K] | undefined } & { readonly method?: Offered };
type Waiting = (end: () => void) => void;

/** A picture, its seed, and what the model grows from that seed. */
export function useEmbed() {
  const choices = useChoices();
  const { picture, file, setFile, method, steps, setSteps, setMethod, descends } = choices;
  const [image, setImage] = createSignal<Floats>();
  const [found, setFound] = createSignal<Shown>();
  const [curve, setCurve] = createSignal<readonly (readonly [number, number])[]>([]);
  const [dropped, setDropped] = createSignal<OpenedSeeds>();
  const [stopped, setStopped] = createSignal(false);
  const url = urlOf(picture);
  const iterations = () => (descends() ? steps() : 0);

  async function decode(model: string, id: string, counts: () => boolean, onOutdated: Waiting) {
    await untilOpen(model);
    const seeds = await attempt(() => seedsOf(id, model));
    if (!counts()) return;
    setDropped(seeds);
    if (!seeds) {
      say('These seeds are not for this model, or not in this browser: open their file again.');
      return setFile('');
    }
    setFound({ latent: seeds.latent });
    const grown = await result(
      'grown',
      {
        ...{ of: ['file', id, cardOf(model)!.hash], label: 'Growing pictures' },
        make: (task, report) => ask('growSlowly', task, model, seeds.latent, report),
      },
      { onOutdated },
    );
    if (!counts()) return;
    if (grown) setFound(grown);
    setStopped(!grown);
  }

  async function find(model: string, id: string, counts: () => boolean, onOutdated: Waiting) {
    setDropped(undefined);
    // What is shown stays until there is something better, its numbers do not.
    if (found()) setFound({ ...found(), results: undefined });
    const images = await pixelsOf(model, id);
    if (!counts()) return;
    setImage(images);
    const way = method();
    const asked = { images, method: way, live: 5, ...(iterations() > 0 && { iterations: iterations() }) };
    const told = await seek(way === 'embedder' ? 'Embedding' : 'Finding the seed', model, id, '', asked, {
      onOutdated,
      onReport({ done = 0, loss, shown }) {
        if (!counts()) return;
        if (descends() && loss) setCurve([...curve().filter(([x]) => x < done), [done, loss]]);
        if (shown) setFound({ ...shown, method: way });
      },
    });
    if (!counts()) return;
    setStopped(!told);
    if (!told) return;
    setFound({ ...told, method: way });
    setCurve(told.results[0]!.losses.map((loss, i) => [i, loss]));
  }

  /** The model and picture whose seed is shown. */
  let shown = '';
  whenever(
    () => [current(), file(), picture(), url(), method(), iterations(), working(), resumed()] as const,
    async ([model, seeds, id, url], counts, onOutdated) => {
      setCurve([]);
      setStopped(false);
      const subject = seeds || `${model} ${url}`;
      if (subject !== shown) {
        setImage(undefined);
        setFound(undefined);
      }
      shown = subject;
      await (seeds ? decode(model, seeds, counts, onOutdated) : find(model, id, counts, onOutdated));
    },
  );

  return {
    ...{ ...choices, image, found, curve, dropped, stopped },
    result: () => found()?.results?.[0],
    title: () => (dropped() ? 'seed' : pictureOf(picture()).title),
    /** Goes on where it was stopped; or by descent, and once more twice as far. */
    refine(hasEmbedder: boolean) {
      if (stopped()) return goOn();
      if (descends()) setSteps(Math.min(200, 2 * steps()));
      setMethod(hasEmbedder ? 'embedder+descent' : 'descent');
    },
  };
}
export type EmbedState = ReturnType<typeof useEmbed>;
