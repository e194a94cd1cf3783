import { type Accessor, createMemo, createSignal } from 'solid-js';
import { ask } from '../../engine/client.ts';
import type { Floats } from '../../engine/engine.ts';
import { figure } from '../../parts/figures.ts';
import { numberPart } from '../../state/address.ts';
import { whenever } from '../../state/latest.ts';
import { card, current } from '../../state/models.ts';
import { combined, distance, items, moved } from '../../state/tensors.ts';
import type { CloudState } from './state.ts';

/** The longest step along a component, Euclidean; a seed is 32 long. */
export const REACH = 16;

/** A place in a cloud: its seed, what that grows, and how far it is from the picture. */
function usePlace(cloud: CloudState, seed: Accessor<Floats | undefined>) {
  const [grown, setGrown] = createSignal<Floats>();
  let busy: Promise<unknown> = Promise.resolve();
  whenever(seed, async (latent, counts) => {
    setGrown(undefined);
    if (!latent || latent.shape.slice(1).join() !== card()?.shape.join()) return;
    // One at a time, so that of many on the way, as of a slider, only the last is grown.
    await busy;
    if (!counts()) return;
    const growing = ask('grow', current(), latent);
    busy = growing.catch(() => {});
    const pictures = await growing;
    if (counts()) setGrown(pictures);
  });
  const error = () => {
    const [made, image] = [grown(), cloud.image()];
    return made && image && made.data.length === image.data.length ? figure(distance(made, image)) : '…';
  };
  return { seed, grown, error };
}

/** The mean of some seeds, and a random combination of all (the paper's figs. 11 and 12). */
export function useAverages(cloud: CloudState) {
  const [of, setOf] = numberPart('average', 16, [1, 4096]);
  const [draw, setDraw] = numberPart('combination', 1, [1, 1e6]);
  const number = () => Math.min(of(), cloud.count());
  const mean = createMemo(() => {
    const all = cloud.seeds();
    return all && number() > 0 ? combined(all, Array(number()).fill(1 / number())) : undefined;
  });
  const combination = createMemo(() =>
    cloud.count() > 1 ? combined(cloud.seeds()!, simplex(cloud.count(), draw())) : undefined,
  );
  return {
    ...{ number, setOf },
    another: () => setDraw(draw() + 1),
    mean: usePlace(cloud, mean),
    combination: usePlace(cloud, combination),
  };
}

/** A step from the mean along a principal component (the paper's figs. 13 and 14). */
export function useAxes(cloud: CloudState) {
  const [component, setComponent] = numberPart('component', 1, [1, 4096]);
  const [step, setStep] = numberPart('step', 8, [-REACH, REACH]);
  const count = () => cloud.analysis()?.variances.length;
  const axis = () => Math.min(component(), count() ?? 1);
  const direction = createMemo(() => {
    const measured = cloud.analysis();
    return measured && items(measured.components, axis() - 1);
  });
  const walked = createMemo(() => {
    const [measured, along] = [cloud.analysis(), direction()];
    return measured && along && moved(measured.mean, along, step());
  });
  return { count, axis, setComponent, step, setStep, direction, walked: usePlace(cloud, walked) };
}
export type AxesState = ReturnType<typeof useAxes>;

/** Weights that add up to one, the same for the same number: evenly over the simplex. */
function simplex(count: number, draw: number): number[] {
  let state = draw * 2654435761;
  const next = () => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 0x9e3779b9) | 0;
    return ((state >>> 0) + 0.5) / 2 ** 32;
  };
  const parts = Array.from({ length: count }, () => -Math.log(next()));
  const sum = parts.reduce((total, part) => total + part, 0);
  return parts.map(part => part / sum);
}
