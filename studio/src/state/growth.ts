import { type Accessor, createSignal } from 'solid-js';
import { ask } from '../engine/client.ts';
import type { Floats, Growth } from '../engine/engine.ts';
import { whenever } from './latest.ts';
import { cardOf, current, untilOpen, working } from './models.ts';
import { contentName } from './names.ts';
import { result, resumed } from './results.ts';

/** How a picture grows from a seed [1, ...shape], while somebody looks. */
export function useGrowth(seed: Accessor<Floats | undefined>, seen: Accessor<boolean>) {
  const [growth, setGrowth] = createSignal<Growth>();
  const [stopped, setStopped] = createSignal(false);
  whenever(
    () => [current(), seed(), seen(), working(), resumed()] as const,
    async ([model, seed, seen], counts, onOutdated) => {
      setGrowth(undefined);
      setStopped(false);
      if (!seed || !seen) return;
      const { data } = seed;
      const name = contentName(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
      const told = await result(
        'growth',
        {
          ...{ of: [name, cardOf(model)!.hash], label: 'Growing it step by step' },
          before: () => untilOpen(model),
          make: (task, report) => ask('growth', task, model, seed, report),
        },
        { onOutdated },
      );
      if (!counts()) return;
      setGrowth(told);
      setStopped(!told);
    },
  );
  return { growth, stopped };
}
