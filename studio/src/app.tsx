import { createEffect, createMemo, createSignal, For, Match, on, onMount, Show, Switch } from 'solid-js';
import { ask, lives } from './engine/client.ts';
import type { Device } from './engine/engine.ts';
import { Button, Select } from './parts/controls.tsx';
import { download } from './parts/download.ts';
import { Tasks } from './parts/progress.tsx';
import { Cloud } from './rooms/cloud.tsx';
import { Edit } from './rooms/edit.tsx';
import { Embed } from './rooms/embed.tsx';
import { Gravity } from './rooms/gravity.tsx';
import { Networks } from './rooms/networks.tsx';
import { Walk } from './rooms/walk.tsx';
import { hashNow, linkTo, part, picturesNamed, ROOMS, type Room, room } from './state/address.ts';
import { listen } from './state/files.ts';
import {
  asked,
  card,
  choose,
  current,
  followAddress,
  offered,
  SHIPPED,
  setStarted,
  shippedCard,
} from './state/models.ts';
import { attempt, dismiss, notices, say } from './state/notices.ts';
import { isKnown, pictureOf } from './state/pictures.ts';
import { saveProject } from './state/project.ts';

const TITLES: Readonly<Record<Room, readonly [name: string, sentence: string]>> = {
  embed: ['Embed', 'Find the noise from which the model grows a picture: its seed.'],
  edit: ['Edit', 'Draw on a picture; the model grows it again and makes the strokes its own.'],
  walk: ['Walk', 'Go from picture to picture: through pixels, or through the noise that grows them.'],
  cloud: ['Cloud', 'One picture has many seeds. See how they lie, average them, walk along their axes.'],
  networks: ['Same seed', 'One seed, several networks: how much of the noise space do they share?'],
  gravity: ['Gravity', 'Draw points in the plane, train a denoiser on them, and watch seeds fall.'],
};

/** Whether something was said before, in this browser. */
function firstTime(what: string): boolean {
  const known = localStorage.getItem(what) !== null;
  localStorage.setItem(what, 'said');
  return !known;
}

export function App() {
  const [device, setDevice] = part<Device | 'auto'>('device', 'auto', ['auto', 'wasm', 'webgpu']);
  const [running, setRunning] = createSignal<string>();
  const [hovering, setHovering] = createSignal(false);
  const [theme, setTheme] = createSignal(localStorage.getItem('theme') ?? 'auto');

  let turns = 0;
  const begin = () =>
    attempt(async () => {
      const turn = ++turns;
      setRunning(undefined);
      setStarted(false);
      const chosen = device();
      const beginning = ask('begin', chosen === 'auto' ? undefined : chosen);
      // The model is read while the runtime is fetched.
      const known = shippedCard(SHIPPED);
      const begun = await beginning.catch((error: unknown) => {
        if (chosen !== 'webgpu' || turn !== turns) throw error;
        say('This browser offers no WebGPU that works here. The studio goes on with WebAssembly.', 'trouble');
        setDevice('wasm');
        return ask('begin', 'wasm');
      });
      const threads = begun.threads === 1 ? 'one thread' : `${begun.threads} threads`;
      setRunning(begun.device === 'webgpu' ? 'WebGPU' : `WebAssembly, ${threads}`);
      await known;
      await attempt(followAddress);
      // Whoever chooses twice waits for the second.
      if (turn === turns) setStarted(true);
    });

  const unknown = createMemo(() => picturesNamed().find(id => !isKnown(id)));
  createEffect(
    on(unknown, id => {
      if (id === undefined) return;
      const { title } = pictureOf(id);
      say(
        id.startsWith('own-')
          ? `This link is of a picture of its sender's own, which travels in a project file: drop that on the page. In its place you see ${title}.`
          : `There is no picture ${id} here. In its place you see ${title}.`,
      );
    }),
  );
  // The address may change by a link, by going back, or by a project.
  createEffect(on([device, lives], () => void begin()));
  createEffect(on(asked, () => void attempt(followAddress), { defer: true }));
  createEffect(() => {
    document.title = `${TITLES[room()][0]} · Seedbed studio`;
  });
  // Whoever follows a link to a room, by keys or ears, is in it.
  createEffect(
    on(room, () => document.getElementById('room')?.focus({ preventScroll: true }), { defer: true }),
  );

  onMount(() => {
    listen(setHovering);
    if (!crossOriginIsolated && firstTime('one thread'))
      say(
        isSecureContext
          ? 'This page is served without isolation headers, so that it computes on one thread. It works, and takes longer; npx seedbed studio sends them.'
          : 'This page came from another machine without encryption, and browsers let such pages compute on one thread only. It works, and takes longer.',
      );
    // A tab that was put to sleep goes on where it was, but a person who comes back should know why it took so long.
    document.addEventListener('resume', () =>
      say('The browser had put this tab to sleep; the work goes on.'),
    );
  });

  const applyTheme = (value: string) => {
    setTheme(value);
    localStorage.setItem('theme', value);
    if (value === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = value;
  };
  applyTheme(theme());

  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById('room')!.focus()}>
        Skip to the room
      </button>
      <header>
        <a class="mark" href={linkTo('embed')} aria-label="Seedbed studio, to its first room">
          <svg viewBox="0 0 32 32" aria-hidden="true">
            <path d="M16 26V15m0 0c0-5 3-8 8-8 0 5-3 8-8 8Zm0 4c0-4-3-6-7-6 0 4 3 6 7 6Z" />
          </svg>
          Seedbed
        </a>
        <nav aria-label="Rooms">
          <For each={ROOMS}>
            {name => (
              <a href={linkTo(name)} aria-current={room() === name ? 'page' : undefined}>
                {TITLES[name][0]}
              </a>
            )}
          </For>
        </nav>
      </header>
      <main id="room" tabindex="-1" data-room={room()} data-ready={card() ? 'yes' : 'no'}>
        <div class="heading">
          <h1>{TITLES[room()][0]}</h1>
          <p>{TITLES[room()][1]}</p>
        </div>
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
        <Switch>
          <Match when={room() === 'embed'}>
            <Embed />
          </Match>
          <Match when={room() === 'edit'}>
            <Edit />
          </Match>
          <Match when={room() === 'walk'}>
            <Walk />
          </Match>
          <Match when={room() === 'cloud'}>
            <Cloud />
          </Match>
          <Match when={room() === 'networks'}>
            <Networks />
          </Match>
          <Match when={room() === 'gravity'}>
            <Gravity />
          </Match>
        </Switch>
        <Tasks />
      </main>
      <footer>
        <Select
          label="Model"
          options={offered()}
          value={current()}
          onChoose={key => void attempt(() => choose(key))}
        />
        <Select
          label="Runs on"
          options={[
            ['auto', device() === 'auto' && running() ? `best here: ${running()}` : 'best here'],
            ['webgpu', 'WebGPU'],
            ['wasm', 'WebAssembly'],
          ]}
          value={device()}
          onChoose={setDevice}
        />
        <Select
          label="Theme"
          options={[
            ['auto', 'as the system'],
            ['light', 'light'],
            ['dark', 'dark'],
          ]}
          value={theme()}
          onChoose={applyTheme}
        />
        <span class="gap" />
        <Button
          onPress={() => void attempt(async () => download(await saveProject(), 'studio.seedbed.json'))}
        >
          Save project
        </Button>
        <Button
          onPress={() =>
            void attempt(async () => {
              await navigator.clipboard?.writeText(new URL(hashNow(), location.href).href);
              say(
                `${navigator.clipboard ? 'The link is in the clipboard.' : "The link is this page's address; copy it from there."} It shows this room with shipped pictures; pictures of your own travel in a project.`,
              );
            })
          }
        >
          Copy link
        </Button>
      </footer>
      <Show when={hovering()}>
        <div class="drop" aria-hidden="true">
          Drop a picture, a seed, a model or a project
        </div>
      </Show>
    </>
  );
}
