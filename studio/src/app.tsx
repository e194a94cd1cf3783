import { createEffect, createMemo, createSignal, For, on, onMount, Show } from 'solid-js';
import { Dynamic } from 'solid-js/web';
import { Button } from './parts/controls.tsx';
import { Tasks } from './parts/progress.tsx';
import { ROOMS } from './rooms/rooms.tsx';
import { Describe } from './shell/describe.tsx';
import { Footer } from './shell/footer.tsx';
import { Header } from './shell/header.tsx';
import { keepOffline } from './shell/keep-offline.ts';
import { picturesNamed, room } from './state/address.ts';
import { listen } from './state/files.ts';
import { ready } from './state/models.ts';
import { dismiss, notices, say } from './state/notices.ts';
import { isKnown, pictureOf } from './state/pictures.ts';
import { useRunning } from './state/running.ts';
import { remember, remembered } from './state/session.ts';

export function App() {
  const running = useRunning();
  const [hovering, setHovering] = createSignal(false);
  const shown = () => ROOMS[room()];

  tellOfUnknownPictures();
  createEffect(() => {
    document.title = `${shown().title} · Seedbed studio`;
  });
  // Whoever follows a link to a room, by keys or ears, is in it.
  createEffect(
    on(room, () => document.getElementById('room')?.focus({ preventScroll: true }), { defer: true }),
  );
  // After what the first sight needs.
  createEffect(on(ready, is => void (is && keepOffline())));
  onMount(() => {
    listen(setHovering);
    tellOfTheBrowser();
  });

  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById('room')!.focus()}>
        Skip to the room
      </button>
      <Header />
      <main id="room" tabindex="-1" data-room={room()} data-ready={ready() ? 'yes' : 'no'}>
        <div class="heading">
          <h1>{shown().title}</h1>
          <p>{shown().sentence}</p>
        </div>
        <Notices />
        <Dynamic component={shown().Room} />
        <Tasks />
      </main>
      <Footer on={running} />
      <Describe />
      <Show when={hovering()}>
        <div class="drop" aria-hidden="true">
          Drop a picture, a seed, a model or a project
        </div>
      </Show>
    </>
  );
}

function Notices() {
  return (
    <div class="notices" role="status">
      <For each={notices()}>
        {notice => (
          <p class={`notice ${notice.tone}`}>
            <span>{notice.text}</span>
            <Button onPress={() => dismiss(notice)} label="Dismiss">
              ×
            </Button>
          </p>
        )}
      </For>
    </div>
  );
}

/** Says so when the address names a picture that is not here. */
function tellOfUnknownPictures(): void {
  const unknown = createMemo(() => picturesNamed().find(id => !isKnown(id)));
  createEffect(
    on(unknown, id => {
      if (id === undefined) return;
      const { title } = pictureOf(id);
      say(
        id.startsWith('own-')
          ? `This address names a picture of somebody's own that is not in this browser; it travels in a project file: drop that on the page. In its place you see ${title}.`
          : `There is no picture ${id} here. In its place you see ${title}.`,
      );
    }),
  );
}

/** Whether something was said before, in this browser. */
function firstTime(what: string): boolean {
  const known = remembered(what) !== null;
  remember(what, 'said');
  return !known;
}

/** Says what the browser does to the studio that a person should know. */
function tellOfTheBrowser(): void {
  if (!crossOriginIsolated && firstTime('one thread'))
    say(
      isSecureContext
        ? 'This page is served without isolation headers, so that it computes on one thread. It works, and takes longer; npx seedbed studio sends them.'
        : 'This page came from another machine without encryption, and browsers let such pages compute on one thread only. It works, and takes longer.',
    );
  // A tab that was put to sleep goes on where it was, but a person who comes back should know why it took so long.
  document.addEventListener('resume', () => say('The browser had put this tab to sleep; the work goes on.'));
}
