import { Show } from 'solid-js';
import { Button, Choice, Slider } from '../../parts/controls.tsx';
import { OpenFile } from '../../parts/open-file.tsx';
import type { NetworksState } from './state.ts';

/** Which seeds, and one's own networks. */
export function Controls(props: { readonly networks: NetworksState }) {
  const { source, file, rng, instead, setRng } = props.networks;
  return (
    <div class="row controls">
      <Choice
        label="Seeds"
        options={[
          ['random', 'Random'],
          ['picture', 'Of a picture'],
        ]}
        value={file() ? undefined : source()}
        onChoose={value => instead(() => props.networks.setSource(value))}
      />
      <Show when={source() === 'random'}>
        <Button main onPress={() => instead(() => setRng(rng() + 1))}>
          Other seeds
        </Button>
        <Slider
          label="Random number seed"
          value={rng()}
          range={[0, 99]}
          onRest={value => instead(() => setRng(value))}
        />
      </Show>
      <span class="gap" />
      <OpenFile
        accept=".onnx,.json,.data,.onnx_data"
        label="Open a model of your own, .onnx, with its .json description if it is not Seedbed's"
      >
        Open a model…
      </OpenFile>
    </div>
  );
}
