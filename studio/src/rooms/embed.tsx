import { createMemo, createSignal, Show } from 'solid-js';
import { ask, during } from '../engine/client.ts';
import type { Floats, Found, OpenedSeeds } from '../engine/engine.ts';
import { Chart } from '../parts/chart.tsx';
import { Button, Select, Slider } from '../parts/controls.tsx';
import { download } from '../parts/download.ts';
import { figure } from '../parts/figures.ts';
import { Pane } from '../parts/pane.tsx';
import { Picker } from '../parts/picker.tsx';
import { Pixels } from '../parts/pixels.tsx';
import { numberPart, part } from '../state/address.ts';
import { useFiles } from '../state/files.ts';
import { whenever } from '../state/latest.ts';
import { card, current, ready } from '../state/models.ts';
import { attempt } from '../state/notices.ts';
import { pictureOf, urlOf } from '../state/pictures.ts';
import { pixelsOf } from '../state/seeds.ts';
import { items } from '../state/tensors.ts';

/** The methods that the room offers, from the quickest on. */
const METHODS = {
  embedder: { label: 'the embedder, in one pass', network: true, descends: false },
  'embedder+descent': { label: 'the embedder, then descent', network: true, descends: true },
  auto: { label: 'split inversion', network: false, descends: false },
  'fixed-point': { label: 'the sampler undone step by step', network: false, descends: false },
  descent: { label: 'descent from noise', network: false, descends: true },
} as const;
type Offered = keyof typeof METHODS;
const NAMES = Object.keys(METHODS) as Offered[];

/** What is shown: the seed, what it grows once that is known, and its numbers once it is found. */
type Shown = { [K in keyof Found]?: Found[K] | undefined } & { readonly method?: Offered };

/** A picture, its seed, and what the model grows from that seed. */
export function Embed() {
  const [picture, setPicture] = part<string>('picture', '9-ankle-boot');
  const [asked, setMethod] = part<Offered>('method', 'embedder', NAMES);
  const [steps, setSteps] = numberPart('steps', 16, [4, 200]);
  const [image, setImage] = createSignal<Floats>();
  const [found, setFound] = createSignal<Shown>();
  const [curve, setCurve] = createSignal<readonly (readonly [number, number])[]>([]);
  const [dropped, setDropped] = createSignal<OpenedSeeds>();
  const [which, setWhich] = createSignal(0);
  /** How often it was refined; whether that was stopped. */
  const [rounds, setRounds] = createSignal(0);
  const [stopped, setStopped] = createSignal(false);

  const offered = createMemo(() =>
    NAMES.filter(name => card()?.hasEmbedder !== false || !METHODS[name].network),
  );
  const method = createMemo<Offered>(() => (offered().includes(asked()) ? asked() : 'auto'));
  const descends = () => METHODS[method()].descends;

  useFiles({
    picture: id => {
      setDropped(undefined);
      setPicture(id);
    },
    seeds: async file => {
      setDropped(await ask('openSeeds', file, current()));
      setWhich(0);
    },
  });

  const url = urlOf(picture);
  /** The model and picture whose seed is shown. */
  let shown = '';
  whenever(
    () =>
      [
        current(),
        picture(),
        method(),
        descends() ? steps() : 0,
        dropped(),
        ready(),
        rounds(),
        url(),
      ] as const,
    async ([model, id, method, iterations, seeds, ready, , url], counts, onOutdated) => {
      if (!ready) return;
      setCurve([]);
      setStopped(false);
      const subject = seeds ? '' : `${model} ${url}`;
      if (subject !== shown) {
        setImage(undefined);
        setFound(undefined);
      }
      shown = subject;
      if (seeds && seeds.latent.shape.slice(1).join() !== card()?.shape.join()) {
        // Another model was chosen, which does not grow these seeds.
        setDropped(undefined);
        return;
      }
      if (seeds) {
        setFound({ latent: seeds.latent });
        const pictures = await ask('grow', model, seeds.latent);
        if (counts()) setFound({ latent: seeds.latent, pictures });
        return;
      }
      // What is shown stays until there is something better, its numbers do not.
      if (found()) setFound({ ...found(), results: undefined });
      const images = await pixelsOf(model, id);
      if (!counts()) return;
      setImage(images);
      const request = { model, images, method, live: 5, ...(iterations > 0 && { iterations }) };
      const told = await during(
        method === 'embedder' ? 'Embedding' : 'Finding the seed',
        onOutdated,
        (task, report) => ask('seek', task, request, report),
        ({ done, loss, shown }) => {
          if (!counts()) return;
          if (descends() && loss) setCurve([...curve().filter(([x]) => x < done), [done, loss]]);
          if (shown) setFound({ ...shown, method });
        },
      );
      if (!counts()) return;
      setStopped(!told);
      if (!told) return;
      setFound({ ...told, method });
      const { losses } = told.results[0]!;
      if (losses.length > 0) setCurve(losses.map((loss, i) => [i, loss]));
    },
  );

  const result = () => found()?.results?.[0];
  const name = () => (dropped() ? 'seed' : pictureOf(picture()).title).replaceAll(/\W+/g, '-');
  const save = (format: 'safetensors' | 'npy') =>
    attempt(async () => {
      const latent = found()!.latent!;
      const origin = dropped() ?? {
        method: { name: found()!.method ?? method() },
        pictures: [pictureOf(picture()).title],
      };
      const about = { latent, method: origin.method, pictures: origin.pictures };
      download(await ask('seedFile', current(), about, format), `${name()}.${format}`);
    });
  const savePicture = () =>
    attempt(async () =>
      download(await ask('png', items(found()!.pictures!, which())), `${name()}-grown.png`),
    );

  return (
    <>
      <Picker
        label="Picture"
        chosen={dropped() ? [] : [picture()]}
        foreign
        onChoose={id => {
          setDropped(undefined);
          setPicture(id);
        }}
      />
      <div class="stage three" data-stage={result() ? 'found' : 'waiting'}>
        <Pane title="Picture" note={dropped() ? `seeds of ${dropped()!.from}` : pictureOf(picture()).title}>
          <Pixels of={image()} label={`the picture: ${pictureOf(picture()).title}`} />
        </Pane>
        <Pane
          title="Seed"
          note={
            <Show when={result()} fallback="noise">
              {r => <>variance {figure(r().latentVariance)}, where noise has 1</>}
            </Show>
          }
        >
          <Pixels of={found()?.latent} at={which()} seed label="the seed, drawn as a picture of noise" />
        </Pane>
        <Pane
          title="Grown"
          note={
            <Show
              when={result()}
              fallback={dropped() ? 'decoded' : stopped() ? 'stopped before its end' : '…'}
            >
              {r => (
                <>
                  squared error <b data-value="mse">{figure(r().mse)}</b>, {r().psnr.toFixed(1)} dB ·{' '}
                  {r().evaluations} evaluations
                </>
              )}
            </Show>
          }
        >
          <Pixels of={found()?.pictures} at={which()} label="what the model grows from the seed" />
        </Pane>
      </div>
      <Show when={(dropped()?.latent.shape[0] ?? 1) > 1}>
        <Slider
          label="Seed"
          value={which()}
          range={[0, dropped()!.latent.shape[0]! - 1]}
          shown={`${which() + 1} of ${dropped()!.latent.shape[0]}`}
          onSlide={setWhich}
        />
      </Show>
      <div class="row controls">
        <Button
          main
          disabled={dropped() !== undefined}
          onPress={() => {
            // Once more is twice as far, unless it was stopped.
            if (descends() && result()) setSteps(Math.min(200, 2 * steps()));
            setMethod(card()?.hasEmbedder ? 'embedder+descent' : 'descent');
            setRounds(rounds() + 1);
          }}
        >
          Refine
        </Button>
        <Select
          label="Method"
          options={offered().map(name => [name, METHODS[name].label] as const)}
          value={method()}
          onChoose={setMethod}
        />
        <Show when={descends()}>
          <Slider
            label="Steps of descent"
            value={steps()}
            range={[4, 200]}
            step={4}
            onSlide={() => {}}
            onRest={setSteps}
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
      <Show when={result()?.certificate?.flags.length}>
        <p class="note">Flagged: {result()!.certificate!.flags.join('; ')}.</p>
      </Show>
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
