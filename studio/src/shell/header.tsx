import { createEffect, For, on, onCleanup, onMount } from 'solid-js';
import { Button } from '../parts/controls.tsx';
import { ROOMS } from '../rooms/rooms.tsx';
import { canRedo, canUndo, linkTo, ROOM_NAMES, redo, room, undo } from '../state/address.ts';

/** The way to the rooms, and back and forth in what was done. */
export function Header() {
  onMount(() => {
    addEventListener('keydown', event => {
      if (!event.ctrlKey && !event.metaKey) return;
      // Text that is being written has steps of its own, and behind a dialog nothing moves.
      const written = (event.target as Element).closest?.('input:not([type=range], [type=radio]), textarea');
      if (written || document.querySelector('dialog[open]')) return;
      const key = event.key.toLowerCase();
      if (key === 'y' || (key === 'z' && event.shiftKey)) redo();
      else if (key === 'z') undo();
      else return;
      event.preventDefault();
    });
  });
  const rooms = (
    <nav aria-label="Rooms">
      <For each={ROOM_NAMES}>
        {name => (
          <a href={linkTo(name)} aria-current={room() === name ? 'page' : undefined}>
            {ROOMS[name].title}
          </a>
        )}
      </For>
    </nav>
  ) as HTMLElement;
  // The room that is shown is in sight, on a narrow screen too.
  const keepInSight = () => {
    const link = rooms.children[ROOM_NAMES.indexOf(room())] as HTMLElement;
    rooms.scrollLeft = link.offsetLeft - (rooms.clientWidth - link.offsetWidth) / 2;
  };
  createEffect(on(room, keepInSight));
  const resized = new ResizeObserver(keepInSight);
  resized.observe(rooms);
  onCleanup(() => resized.disconnect());
  return (
    <header>
      <a class="mark" href={linkTo('embed')} aria-label="Seedbed studio, to its first room">
        <svg viewBox="0 0 32 32" aria-hidden="true">
          <path d="M16 26V15m0 0c0-5 3-8 8-8 0 5-3 8-8 8Zm0 4c0-4-3-6-7-6 0 4 3 6 7 6Z" />
        </svg>
        Seedbed
      </a>
      {rooms}
      <span class="gap" />
      <div class="history">
        <Button disabled={!canUndo()} onPress={undo}>
          Undo
        </Button>
        <Button disabled={!canRedo()} onPress={redo}>
          Redo
        </Button>
      </div>
    </header>
  );
}
