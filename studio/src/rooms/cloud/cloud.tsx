import { Show } from 'solid-js';
import { Picker } from '../../parts/picker.tsx';
import { Averages } from './averages.tsx';
import { Axes } from './axes.tsx';
import { Charts } from './charts.tsx';
import { useAxes } from './places.ts';
import { Seeds } from './seeds.tsx';
import { useCloud } from './state.ts';

export function Cloud() {
  const cloud = useCloud();
  const axes = useAxes(cloud);
  return (
    <>
      <Picker label="Picture whose seeds are sought" chosen={[cloud.picture()]} onChoose={cloud.setPicture} />
      <Seeds cloud={cloud} complete={cloud.analysis() !== undefined && axes.walked.grown() !== undefined} />
      <div class="columns">
        <Averages cloud={cloud} />
        <Axes axes={axes} />
      </div>
      <Show when={cloud.analysis()}>{analysis => <Charts cloud={cloud} analysis={analysis()} />}</Show>
    </>
  );
}
