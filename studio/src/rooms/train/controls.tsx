import { Show } from 'solid-js';
import { Button, Choice, Select, Slider } from '../../parts/controls.tsx';
import { OpenFile } from '../../parts/open-file.tsx';
import { SHIPPED_SET } from '../../state/sets.ts';
import { NETWORK_NAMES, NETWORKS } from './networks.ts';
import { SIDES, type TrainState } from './state.ts';

/** What is learned, by what, for how long. */
export function Controls(props: { readonly train: TrainState }) {
  const { set, network, steps, learned, running, finished, pixels } = props.train;
  const sets = () => [
    [SHIPPED_SET, 'Fashion-MNIST: 1024 pictures, 16x16'] as const,
    ...props.train.ownSets().map(({ id, title }) => [id, title] as const),
  ];
  return (
    <>
      <div class="row controls">
        <Button
          main
          disabled={!pixels() || finished()}
          onPress={() => (running() ? props.train.pause() : props.train.start())}
        >
          {running() ? 'Pause' : finished() ? 'Trained' : learned() ? 'Go on' : 'Train'}
        </Button>
        <Show when={learned() && !running()}>
          <Button onPress={() => void props.train.beginAnew()}>Begin anew</Button>
        </Show>
        <Select label="Pictures" options={sets()} value={set()} onChoose={props.train.setSet} />
        <Select
          label="Network"
          options={NETWORK_NAMES.map(name => [name, NETWORKS[name].text] as const)}
          value={network()}
          onChoose={props.train.setNetwork}
        />
        <Slider
          label="Steps"
          value={steps()}
          range={[100, 10_000]}
          step={100}
          onRest={props.train.setSteps}
        />
      </div>
      <div class="row controls">
        <OpenFile accept="image/*" label="Open pictures to learn from">
          Your own pictures…
        </OpenFile>
        <OpenFile folder label="Open a folder of pictures to learn from">
          A folder of them…
        </OpenFile>
        <Choice
          label="Read at"
          options={SIDES.map(side => [side, `${side}x${side}`] as const)}
          value={props.train.side()}
          onChoose={props.train.setSide}
        />
      </div>
    </>
  );
}
