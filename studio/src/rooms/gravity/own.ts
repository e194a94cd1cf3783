import { type Accessor, createMemo, createSignal } from 'solid-js';
import { ask } from '../../engine/client.ts';
import type { Trained } from '../../engine/engine.ts';
import { part } from '../../state/address.ts';
import { whenever } from '../../state/latest.ts';
import { cards, isOfPlane, untilOpen, working } from '../../state/models.ts';
import { say } from '../../state/notices.ts';

/** A denoiser of points in the plane that a person has brought, in place of one that is trained here. */
export function useOwnPlane(isShown: Accessor<boolean>) {
  const [named] = part<string>('own', '');
  const [open, setOpen] = createSignal<Trained>();
  const offered = createMemo(() => cards().filter(isOfPlane));
  const key = createMemo(() => {
    const known = offered().find(card => card.key === named()) ?? offered().at(-1);
    return known?.key;
  });
  whenever(
    () => [isShown(), key(), working()] as const,
    async ([isShown, key], counts) => {
      setOpen(undefined);
      if (!isShown) return;
      if (!key) return say('This link is of a model of points that is not here: open its .onnx file.');
      await untilOpen(key);
      const told = await ask('trainedOf', key);
      if (counts()) setOpen(told);
    },
  );
  return { open, offered, isShown };
}
