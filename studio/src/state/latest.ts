import { createEffect, on, onCleanup } from 'solid-js';
import { attempt } from './notices.ts';

/**
 * Does work whenever what it depends on changes, and only the latest of it counts.
 * @param work is told whether it still counts; what it throws is said.
 */
export function whenever<T>(
  depends: () => T,
  work: (value: T, counts: () => boolean, onOutdated: (end: () => void) => void) => Promise<void>,
): void {
  createEffect(
    on(depends, value => {
      let current = true;
      const ends: (() => void)[] = [];
      onCleanup(() => {
        current = false;
        for (const end of ends) end();
      });
      void attempt(() =>
        work(
          value,
          () => current,
          end => (current ? ends.push(end) : end()),
        ),
      );
    }),
  );
}
