import { createMemo, Show } from 'solid-js';
import { Chart } from '../../parts/chart.tsx';
import { Compare } from '../../parts/compare.tsx';
import { Slider } from '../../parts/controls.tsx';
import { figure } from '../../parts/figures.ts';
import { Growth } from '../../parts/growth.tsx';
import { Picker } from '../../parts/picker.tsx';
import { Word } from '../../parts/word.tsx';
import { items } from '../../state/tensors.ts';
import { Controls } from './controls.tsx';
import { Panes } from './panes.tsx';
import { useEmbed } from './state.ts';

export function Embed() {
  const embed = useEmbed();
  const { dropped, which, count, curve, result } = embed;
  const seed = createMemo(() => {
    const latent = embed.found()?.latent;
    return latent && items(latent, which());
  });
  return (
    <>
      <Picker label="Picture" chosen={dropped() ? [] : [embed.picture()]} foreign onChoose={embed.choose} />
      <Panes embed={embed} />
      <Show when={count() > 1}>
        <Slider
          label="Seed"
          value={which()}
          range={[0, count() - 1]}
          shown={value => `${value + 1} of ${count()}`}
          onSlide={embed.setWhich}
        />
      </Show>
      <Controls embed={embed} />
      <Show when={result()?.certificate?.flags.length}>
        <p class="note">
          <Word of="certificate">Flagged</Word>: {result()!.certificate!.flags.join('; ')}.
        </p>
      </Show>
      <div class="columns closer">
        <Growth seed={seed()} />
        <Show when={!dropped()}>
          <Compare before={embed.image()} after={embed.found()?.pictures} names={['Picture', 'Grown']} />
        </Show>
      </div>
      <Show when={curve().length > 1}>
        <Chart
          label={`The loss over ${curve().length} steps of descent, from ${figure(curve()[0]![1])} to ${figure(curve().at(-1)![1])}`}
          x="step of descent"
          y="loss"
          log
          series={[{ name: 'loss', points: curve() }]}
        />
      </Show>
    </>
  );
}
