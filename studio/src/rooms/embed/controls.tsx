import { Show } from 'solid-js';
import { ask } from '../../engine/client.ts';
import { Button, Select, Slider } from '../../parts/controls.tsx';
import { download } from '../../parts/download.ts';
import { card, current } from '../../state/models.ts';
import { attempt } from '../../state/notices.ts';
import { pictureOf } from '../../state/pictures.ts';
import { items } from '../../state/tensors.ts';
import { METHODS } from './methods.ts';
import type { EmbedState } from './state.ts';

/** Ways to the seed, and what one takes away. */
export function Controls(props: { readonly embed: EmbedState }) {
  const { found, dropped, method, offered, steps, stopped } = props.embed;
  const name = () => props.embed.title().replaceAll(/\W+/g, '-');
  const save = (format: 'safetensors' | 'npy') =>
    attempt(async () => {
      const latent = found()!.latent!;
      const origin = dropped() ?? {
        method: { name: found()!.method ?? method() },
        pictures: [pictureOf(props.embed.picture()).title],
      };
      const about = { latent, method: origin.method, pictures: origin.pictures };
      download(await ask('seedFile', current(), about, format), `${name()}.${format}`);
    });
  const savePicture = () =>
    attempt(async () =>
      download(await ask('png', items(found()!.pictures!, props.embed.which())), `${name()}-grown.png`),
    );
  return (
    <div class="row controls">
      <Button
        main
        disabled={!stopped() && (dropped() !== undefined || !METHODS[method()].refines)}
        onPress={() => props.embed.refine(card()?.hasEmbedder ?? false)}
      >
        {stopped() ? 'Go on' : 'Refine'}
      </Button>
      <Select
        label="Method"
        options={offered().map(name => [name, METHODS[name].label] as const)}
        value={method()}
        onChoose={props.embed.setMethod}
      />
      <Show when={props.embed.descends()}>
        <Slider
          label="Steps of descent"
          value={steps()}
          range={[4, 200]}
          step={4}
          onRest={props.embed.setSteps}
        />
      </Show>
      <span class="gap" />
      <Button disabled={!found()?.latent} onPress={() => void save('safetensors')}>
        Seed .safetensors
      </Button>
      <Button disabled={!found()?.latent} onPress={() => void save('npy')}>
        Seed .npy
      </Button>
      <Button disabled={!found()?.pictures} onPress={() => void savePicture()}>
        Picture .png
      </Button>
    </div>
  );
}
