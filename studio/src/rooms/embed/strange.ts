import { createSignal } from 'solid-js';
import { ask } from '../../engine/client.ts';
import { whenever } from '../../state/latest.ts';
import { cardOf, current, untilOpen, working } from '../../state/models.ts';
import { GARMENTS, pictureOf } from '../../state/pictures.ts';
import { resumed, work } from '../../state/results.ts';
import type { EmbedState } from './state.ts';

const known = new Map<string, number>();

/** How strange the picture is to the model, once its seed is there; not asked of what the shipped model knows. */
export function useStrange({ picture, image, dropped, result }: EmbedState) {
  const [times, setTimes] = createSignal<number>();
  const isAsked = () => result() !== undefined && !dropped() && !GARMENTS.some(({ id }) => id === picture());
  whenever(
    () => [isAsked() ? image() : undefined, current(), working(), resumed()] as const,
    async ([image, model], counts, onOutdated) => {
      setTimes(undefined);
      if (!image) return;
      const name = `${pictureOf(picture()).id} ${cardOf(model)!.hash}`;
      if (!known.has(name)) {
        await untilOpen(model);
        const told = await work(
          {
            ...{ of: ['strange', name], label: 'Asking how strange it is' },
            make: (task, report) => ask('strange', task, model, image, report),
          },
          { onOutdated },
        );
        if (told === undefined) return;
        known.set(name, told);
      }
      if (counts()) setTimes(known.get(name));
    },
  );
  return times;
}
