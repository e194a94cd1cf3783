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

/** What is asked: of which model and picture or file of seeds; whether that still counts, and whom to tell when it does not. */
interface Question {
  readonly model: string;
  readonly id: string;
  readonly counts: () => boolean;
  readonly onOutdated: (end: () => void) => void;
}

/** What the room shows. */
function useFound() {
  const [image, setImage] = createSignal<Floats>();
  const [found, setFound] = createSignal<Shown>();
  const [curve, setCurve] = createSignal<readonly (readonly [number, number])[]>([]);
  const [dropped, setDropped] = createSignal<OpenedSeeds>();
  const [stopped, setStopped] = createSignal(false);
  return {
    ...{ image, setImage, found, setFound, curve, setCurve, dropped, setDropped, stopped, setStopped },
  };
}
type Room = ReturnType<typeof useFound> & ReturnType<typeof useChoices>;

/** Grows what the seeds of a file are the seeds of. */
async function decode(room: Room, { model, id, counts, onOutdated }: Question) {
  await untilOpen(model);
  const seeds = await attempt(() => seedsOf(id, model));
  if (!counts()) return;
  room.setDropped(seeds);
  if (!seeds) {
    say('These seeds are not for this model, or not in this browser: open their file again.');
    return room.setFile('');
  }
  room.setFound({ latent: seeds.latent });
  const grown = await result(
    'grown',
    {
      ...{ of: ['file', id, cardOf(model)!.hash], label: 'Growing pictures' },
      make: (task, report) => ask('growSlowly', task, model, seeds.latent, report),
    },
    { onOutdated },
  );
  if (!counts()) return;
  if (grown) room.setFound(grown);
  room.setStopped(!grown);
}

/** Finds the seed of a picture. */
async function find(room: Room, { model, id, counts, onOutdated }: Question) {
  const { found, setFound, curve, setCurve } = room;
  room.setDropped(undefined);
  // What is shown stays until there is something better, its numbers do not.
  if (found()) setFound({ ...found(), results: undefined });
  const images = await pixelsOf(model, id);
  if (!counts()) return;
  room.setImage(images);
  const [method, descends] = [room.method(), room.descends()];
  const asked = { images, method, live: 5, ...(descends && { iterations: room.steps() }) };
  const told = await seek(method === 'embedder' ? 'Embedding' : 'Finding the seed', model, id, '', asked, {
    onOutdated,
    onReport({ done = 0, loss, shown }) {
      if (!counts()) return;
      if (descends && loss) setCurve([...curve().filter(([x]) => x < done), [done, loss]]);
      if (shown) setFound({ ...shown, method });
    },
  });
  if (!counts()) return;
  room.setStopped(!told);
  if (!told) return;
  setFound({ ...told, method });
  setCurve(told.results[0]!.losses.map((loss, i) => [i, loss]));
}

/** A picture, its seed, and what the model grows from that seed. */
export function useEmbed() {
  const room = { ...useChoices(), ...useFound() };
  const { picture, file, method, steps, descends, found, dropped, stopped } = room;
  const count = () => dropped()?.latent.shape[0] ?? 1;
  const url = urlOf(picture);
  const iterations = () => (descends() ? steps() : 0);
  /** The model and picture whose seed is shown. */
  let shown = '';
  whenever(
    () => [current(), file(), picture(), url(), method(), iterations(), working(), resumed()] as const,
    async ([model, seeds, id, url], counts, onOutdated) => {
      room.setCurve([]);
      room.setStopped(false);
      const subject = seeds || `${model} ${url}`;
      if (subject !== shown) {
        room.setImage(undefined);
        room.setFound(undefined);
      }
      shown = subject;
      const asked = { model, id: seeds || id, counts, onOutdated };
      await (seeds ? decode(room, asked) : find(room, asked));
    },
  );

  return {
    ...room,
    ...{ count, which: () => Math.min(room.which(), count() - 1) },
    result: () => found()?.results?.[0],
    title: () => (dropped() ? 'seed' : pictureOf(picture()).title),
    /** Goes on where it was stopped; or by descent, and once more twice as far. */
    refine(hasEmbedder: boolean) {
      if (stopped()) return goOn();
      if (descends()) room.setSteps(Math.min(200, 2 * steps()));
      room.setMethod(hasEmbedder ? 'embedder+descent' : 'descent');
    },
  };
}
export type EmbedState = ReturnType<typeof useEmbed>;
