import { createSignal, onMount } from 'solid-js';
import { ask } from '../../engine/client.ts';
import type { ScheduleName } from '../../engine/engine.ts';
import type { Point } from '../../state/points.ts';

/** The schedules that one can choose. */
export const SCHEDULES: Readonly<Record<ScheduleName, string>> = {
  continuousCosine: 'continuous cosine (as trained)',
  cosine: 'cosine',
  linear: 'linear',
  quadratic: 'quadratic',
};
export const SCHEDULE_NAMES = Object.keys(SCHEDULES) as ScheduleName[];

/** How the sampler is changed for a while. */
export function samplingOf(steps: number, schedule: ScheduleName) {
  // The network's own schedule reaches nearer to the data than the paper's continuous cosine, and less far into noise.
  return { steps, ...(schedule !== 'continuousCosine' && { schedule }) };
}

/** Signal rates of every schedule over diffusion time. */
export function useRates() {
  const [rates, setRates] = createSignal<readonly { name: string; points: readonly Point[] }[]>([]);
  onMount(async () => {
    const curves = SCHEDULE_NAMES.map(async name => ({
      name: SCHEDULES[name],
      points: (await ask('signalRates', name, 41)).map((rate, i): Point => [i / 40, rate]),
    }));
    setRates(await Promise.all(curves));
  });
  return rates;
}
