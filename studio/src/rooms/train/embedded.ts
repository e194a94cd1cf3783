import { createSignal } from 'solid-js';
import { ask, lives } from '../../engine/client.ts';
import type { Found } from '../../engine/engine.ts';
import { whenever } from '../../state/latest.ts';
import { result, resumed } from '../../state/results.ts';
import { items } from '../../state/tensors.ts';
import type { TrainState } from './state.ts';

/** Pictures whose seeds are found. */
const COUNT = 8;

/** The seeds of the first pictures, once a network has learned all it should. */
export function useEmbedded({ finished, learned, pixels, set }: TrainState) {
  const [found, setFound] = createSignal<Found>();
  const [stopped, setStopped] = createSignal(false);
  whenever(
    () => [finished() ? learned()?.file : undefined, pixels(), lives(), resumed()] as const,
    async ([file, pixels], counts, onOutdated) => {
      setFound(undefined);
      setStopped(false);
      if (!file || !pixels) return;
      const { key, hash } = await ask('openTrained', 'pictures', file);
      if (!counts()) return;
      const images = items(pixels, 0, Math.min(COUNT, pixels.shape[0]!));
      const told = await result(
        'found',
        {
          ...{ of: ['trained', set(), hash], label: 'Finding seeds with what was learned' },
          make: (task, report) => ask('seek', task, { model: key, images, method: 'auto' }, report),
        },
        { onOutdated },
      );
      if (!counts()) return;
      setFound(told);
      setStopped(!told);
    },
  );
  return { found, stopped };
}
