import { createMemo, createSignal } from 'solid-js';
import { lives } from '../../engine/client.ts';
import type { Floats } from '../../engine/engine.ts';
import { numberPart, part } from '../../state/address.ts';
import { useFiles } from '../../state/files.ts';
import { whenever } from '../../state/latest.ts';
import { say } from '../../state/notices.ts';
import { addSet, ownSets, recallSets, SHIPPED_SET, setOf } from '../../state/sets.ts';
import {
  beginAnew,
  isRunning,
  learnedOf,
  pause,
  recallTraining,
  type Subject,
  seenOf,
  start,
} from './learning.ts';
import { NETWORK_NAMES, type NetworkName } from './networks.ts';

/** Sides that pictures of one's own are read at. */
export const SIDES = ['16', '32'] as const;

/** A small denoiser that learns pictures. */
export function useTrain() {
  const [set, setSet] = part<string>('set', SHIPPED_SET);
  const [side, setSide] = part<(typeof SIDES)[number]>('side', '16', SIDES);
  const [network, setNetwork] = part<NetworkName>('network', 'medium', NETWORK_NAMES);
  const [steps, setSteps] = numberPart('steps', 2000, [1, 10_000]);
  const [pixels, setPixels] = createSignal<{ readonly set: string; readonly of: Floats }>();
  const subject = createMemo<Subject>(() => ({ set: set(), network: network() }));

  const bring = async (files: readonly File[]) => {
    const id = await addSet(files, Number(side()));
    if (id) setSet(id);
  };
  useFiles({ pictures: bring });

  void recallSets();
  whenever(
    () => [set(), lives()] as const,
    async ([id], counts) => {
      const of = await setOf(id);
      if (!counts()) return;
      if (of) return void setPixels({ set: id, of });
      say('This link is of pictures of somebody’s own, which are not in this browser.');
      setSet(SHIPPED_SET);
    },
  );
  whenever(subject, async subject => void (await recallTraining(subject)));

  const shown = createMemo(() => (pixels()?.set === set() ? pixels()!.of : undefined));
  const learned = () => learnedOf(subject());
  const running = () => isRunning(subject());
  return {
    ...{ set, setSet, side, setSide, network, setNetwork, steps, setSteps, bring, learned, running },
    ...{ pixels: shown, ownSets, subject, pause },
    seen: () => seenOf(subject()),
    beginAnew: () => beginAnew(subject()),
    finished: () => !running() && (learned()?.step ?? 0) >= steps(),
    start: () => start({ ...subject(), pixels: shown()!, steps: steps() }),
  };
}
export type TrainState = ReturnType<typeof useTrain>;
