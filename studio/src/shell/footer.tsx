import { createSignal } from 'solid-js';
import { Button, Select } from '../parts/controls.tsx';
import { download } from '../parts/download.ts';
import { hashNow } from '../state/address.ts';
import { choose, current, offered } from '../state/models.ts';
import { attempt, say } from '../state/notices.ts';
import { saveProject } from '../state/project.ts';
import type { useRunning } from '../state/running.ts';
import { remember, remembered } from '../state/session.ts';
import { Gate } from './gate.tsx';
import { Inside } from './inside.tsx';
import { KeptHere } from './kept-here.tsx';

/** What holds for all rooms: model, device, theme; and what one takes along. */
export function Footer(props: { readonly on: ReturnType<typeof useRunning> }) {
  const { device, running, setDevice } = props.on;
  return (
    <footer>
      <Select label="Model" options={offered()} value={current()} onChoose={choose} />
      <Gate />
      <Inside />
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
      <Theme />
      <span class="gap" />
      <KeptHere />
      <Button onPress={() => void attempt(async () => download(await saveProject(), 'studio.seedbed.json'))}>
        Save project
      </Button>
      <Button onPress={() => void attempt(copyLink)}>Copy link</Button>
    </footer>
  );
}

function Theme() {
  const [theme, setTheme] = createSignal(remembered('theme') ?? 'auto');
  const apply = (value: string) => {
    setTheme(value);
    remember('theme', value);
    if (value === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = value;
  };
  apply(theme());
  return (
    <Select
      label="Theme"
      options={[
        ['auto', 'as the system'],
        ['light', 'light'],
        ['dark', 'dark'],
      ]}
      value={theme()}
      onChoose={apply}
    />
  );
}

async function copyLink(): Promise<void> {
  await navigator.clipboard?.writeText(new URL(hashNow(), location.href).href);
  say(
    `${navigator.clipboard ? 'The link is in the clipboard.' : "The link is this page's address; copy it from there."} It shows this room with shipped pictures; pictures of your own travel in a project.`,
  );
}
