import { For, Show } from 'solid-js';
import { ask } from '../../engine/client.ts';
import { Button } from '../../parts/controls.tsx';
import { download } from '../../parts/download.ts';
import { figure } from '../../parts/figures.ts';
import { Pixels } from '../../parts/pixels.tsx';
import { current } from '../../state/models.ts';
import { attempt } from '../../state/notices.ts';
import { pictureOf } from '../../state/pictures.ts';
import type { CloudState } from './state.ts';

/** Seeds that are shown of a cloud, the newest. */
const SHOWN = 8;

/** The seeds, their numbers, and more of them. */
export function Seeds(props: { readonly cloud: CloudState; readonly complete: boolean }) {
  const { count, seeds, image, analysis, seeking, picture } = props.cloud;
  const save = async () => {
    const about = { latent: seeds()!, method: { name: 'auto' }, pictures: [pictureOf(picture()).title] };
    download(await ask('seedFile', current(), about, 'safetensors'), 'cloud.safetensors');
  };
  return (
    <div class="stage" data-stage={props.complete ? 'found' : 'waiting'}>
      <div class="row">
        <h2>
          <span data-value="count">{count()}</span> seeds of one picture
        </h2>
        <span class="gap" />
        <Button main disabled={!image() || seeking()} onPress={() => void attempt(() => props.cloud.seek(8))}>
          Find eight more
        </Button>
        <Button disabled={!seeds()} onPress={() => void attempt(save)}>
          Cloud .safetensors
        </Button>
      </div>
      <div class="grid">
        <Pixels of={image()} label="the picture" />
        <For each={[...Array(Math.min(SHOWN, count())).keys()]}>
          {i => <Pixels of={seeds()} at={count() - 1 - i} seed label={`seed ${count() - i} of ${count()}`} />}
        </For>
      </div>
      <Show when={analysis()}>
        {a => (
          <dl class="numbers">
            <dt>correlation of two seeds</dt>
            <dd data-value="correlation">{figure(a().statistics.correlation)} (noise: 0)</dd>
            <dt>distance of two seeds</dt>
            <dd>
              {figure(a().statistics.distance.mean)} ({figure(a().statistics.distance.rms)} a coordinate;
              noise: 1.41)
            </dd>
            <dt>variance of a coordinate</dt>
            <dd>{figure(a().statistics.variance)} (noise: 1)</dd>
          </dl>
        )}
      </Show>
    </div>
  );
}
