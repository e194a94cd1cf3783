import { For, Show } from 'solid-js';
import { Cells } from '../../parts/cells.tsx';
import { Picker } from '../../parts/picker.tsx';
import { Stopped } from '../../parts/stopped.tsx';
import { OTHERS } from '../../state/models.ts';
import { pictureOf } from '../../state/pictures.ts';
import { Controls } from './controls.tsx';
import { Network } from './network.tsx';
import { SEEDS } from './rows.ts';
import { useNetworks } from './state.ts';

export function Networks() {
  const networks = useNetworks();
  const { source, picture, file, rng, rows, instead } = networks;
  return (
    <>
      <Controls networks={networks} />
      <Show when={source() === 'picture'}>
        <Picker
          label="Picture whose seed is taken"
          chosen={file() ? [] : [picture()]}
          onChoose={id => instead(() => networks.setPicture(id))}
        />
      </Show>
      <Stopped when={networks.stopped()} note="stopped before all was grown" />
      <div class="stage strip" data-stage={rows().length > OTHERS.length ? 'found' : 'waiting'}>
        <div class="line wide">
          <div>
            <h2>Seeds</h2>
            <p class="note">
              {file()
                ? 'from a file'
                : source() === 'random'
                  ? `random, number ${rng()}`
                  : pictureOf(picture()).title}
            </p>
          </div>
          <Cells of={networks.latent()} seed most={SEEDS} waiting={SEEDS} label={i => `seed ${i}`} />
        </div>
        <For each={rows()}>{row => <Network {...row} />}</For>
      </div>
      <p class="note">
        Networks that share a noise space grow nearly the same picture from the same seed: a ratio of 0. For
        unrelated pictures it is 1. Drop an .onnx file of a model for seeds [1, 32, 32] to see it here; others
        can be used in the other rooms.
      </p>
    </>
  );
}
