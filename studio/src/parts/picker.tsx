import { createEffect, createSignal, For, onCleanup, Show } from 'solid-js';
import { take } from '../state/files.ts';
import { say } from '../state/notices.ts';
import { FOREIGN, GARMENTS, type Listed, own } from '../state/pictures.ts';
import { Button } from './controls.tsx';
import { Crop } from './crop.tsx';
import { OpenFile } from './open-file.tsx';

/** A row of pictures to choose from, and the ways to bring one's own. */
export function Picker(props: {
  readonly label: string;
  readonly chosen: readonly string[];
  readonly foreign?: boolean;
  readonly onChoose: (id: string) => void;
}) {
  const [camera, setCamera] = createSignal(false);
  const [cropping, setCropping] = createSignal<Listed>();
  const chosenOwn = () => own().find(({ id }) => id === props.chosen[0]);
  const listed = (): readonly Listed[] => [...own(), ...GARMENTS, ...(props.foreign ? FOREIGN : [])];
  const thumb = (picture: Listed) => (
    <button
      type="button"
      class="thumb"
      aria-pressed={props.chosen.includes(picture.id)}
      title={picture.title}
      data-picture={picture.id}
      onClick={() => props.onChoose(picture.id)}
    >
      <img src={picture.url} alt={picture.title} width="44" height="44" />
    </button>
  );
  const thumbs = (
    <div class="thumbs">
      <For each={listed()}>{thumb}</For>
    </div>
  ) as HTMLDivElement;
  keepInSight(thumbs, () => props.chosen[0]);
  return (
    <fieldset class="picker">
      <legend class="visually-hidden">{props.label}</legend>
      {thumbs}
      <div class="bring">
        <OpenFile
          accept="image/*,.onnx,.safetensors,.npy,.npz,.json,.data,.onnx_data"
          label="Open a picture, seed, model or project file"
        >
          Open…
        </OpenFile>
        <Button onPress={() => setCamera(true)}>Photograph…</Button>
        <Show when={chosenOwn()}>
          {picture => <Button onPress={() => setCropping(picture())}>Crop…</Button>}
        </Show>
        <span class="note">or drop or paste one anywhere</span>
      </div>
      <Show when={camera()}>
        <Camera onClose={() => setCamera(false)} />
      </Show>
      <Show when={cropping()}>
        {picture => (
          <Crop of={picture()} onTake={part => void take([part])} onClose={() => setCropping(undefined)} />
        )}
      </Show>
    </fieldset>
  );
}

/** Scrolls to what is chosen, on a narrow screen too. */
function keepInSight(thumbs: HTMLElement, chosen: () => string | undefined): void {
  createEffect(() => {
    const thumb = thumbs.querySelector<HTMLElement>(`[data-picture="${CSS.escape(chosen() ?? '')}"]`);
    if (!thumb) return;
    const left = thumb.offsetLeft - thumbs.scrollLeft;
    if (left < 0 || left + thumb.offsetWidth > thumbs.clientWidth)
      thumbs.scrollLeft = thumb.offsetLeft + (thumb.offsetWidth - thumbs.clientWidth) / 2;
  });
}

/** What the camera sees, and a button that takes it. */
function Camera(props: { readonly onClose: () => void }) {
  const video = (<video autoplay muted playsinline aria-label="what the camera sees" />) as HTMLVideoElement;
  let stream: MediaStream | undefined;
  let gone = false;
  let dialog: HTMLDialogElement | undefined;
  const open = async () => {
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: true });
      if (gone) for (const track of stream.getTracks()) track.stop();
      else video.srcObject = stream;
    } catch {
      props.onClose();
      say(
        'There is no camera that this page may use. Allow it in the browser, or open a picture file.',
        'trouble',
      );
    }
  };
  void open();
  onCleanup(() => {
    gone = true;
    for (const track of stream?.getTracks() ?? []) track.stop();
  });
  const shoot = async () => {
    const side = Math.min(video.videoWidth, video.videoHeight);
    if (side === 0) return;
    const canvas = new OffscreenCanvas(side, side);
    const [left, top] = [(video.videoWidth - side) / 2, (video.videoHeight - side) / 2];
    canvas.getContext('2d')!.drawImage(video, left, top, side, side, 0, 0, side, side);
    const blob = await canvas.convertToBlob({ type: 'image/png' });
    dialog?.close();
    // The hour tells several apart; 'sv' writes it as 07:19:30.
    const hour = new Date().toLocaleTimeString('sv').replaceAll(':', '.');
    await take([new File([blob], `photograph ${hour}.png`, { type: 'image/png' })]);
  };
  return (
    <dialog
      class="camera"
      aria-label="The camera"
      ref={made => {
        dialog = made;
        queueMicrotask(() => made.isConnected && made.showModal());
      }}
      onClose={props.onClose}
    >
      {video}
      <div class="row">
        <Button main onPress={() => void shoot()}>
          Take the picture
        </Button>
        <Button onPress={() => dialog?.close()}>Close</Button>
      </div>
    </dialog>
  );
}
