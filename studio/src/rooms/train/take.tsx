import { Show } from 'solid-js';
import { Button } from '../../parts/controls.tsx';
import { download } from '../../parts/download.ts';
import { take } from '../../state/files.ts';
import type { TrainState } from './state.ts';

/** The model, to take away and to work with. */
export function Take(props: { readonly train: TrainState }) {
  const { learned, set, network } = props.train;
  const name = () => `${set()}-${network()}-${learned()!.step}.onnx`;
  return (
    <Show when={learned()}>
      {now => (
        <div class="row controls">
          <Button onPress={() => download(now().file, name())}>Model .onnx</Button>
          <Button onPress={() => void take([new File([now().file as BlobPart], name())])}>
            Use it in the other rooms
          </Button>
          <span class="note">as it is after step {now().step}</span>
        </div>
      )}
    </Show>
  );
}
