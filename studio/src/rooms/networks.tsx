import { createMemo, createSignal, For, Show } from 'solid-js';
import { ask } from '../engine/client.ts';
import type { Floats, ModelCard } from '../engine/engine.ts';
import { Cells } from '../parts/cells.tsx';
import { Button, Choice, Slider } from '../parts/controls.tsx';
import { figure } from '../parts/figures.ts';
import { OpenFile } from '../parts/open-file.tsx';
import { Picker } from '../parts/picker.tsx';
import { Stopped } from '../parts/stopped.tsx';
import { numberPart, part } from '../state/address.ts';
import { useFiles } from '../state/files.ts';
import { whenever } from '../state/latest.ts';
import { cardOf, cards, isShipped, OTHERS, ready, SHIPPED, shippedCard } from '../state/models.ts';
import { pictureOf, urlOf } from '../state/pictures.ts';
import { seedOf } from '../state/seeds.ts';

/** Random seeds that are grown by each network. */
const SEEDS = 6;

interface Grown {
  readonly card: ModelCard;
  readonly pictures: Floats;
  /** Mean squared distance from the first network's pictures, over that of pictures of different seeds. */
  readonly ratio?: { mean: number; low: number; high: number };
}

/** The same seeds through several networks (the paper's fig. 10), and through one's own. */
export function Networks() {
  const [source, setSource] = part<'random' | 'picture'>('seeds', 'random', ['random', 'picture']);
  const [rng, setRng] = numberPart('rng', 0, [0, 1e9]);
  const [picture, setPicture] = part<string>('picture', '9-ankle-boot');
  const [latent, setLatent] = createSignal<Floats>();
  const [rows, setRows] = createSignal<readonly Grown[]>([]);
  const [dropped, setDropped] = createSignal<Floats>();
  const [stopped, setStopped] = createSignal(false);
  const [tries, setTries] = createSignal(0);

  const choose = (chosen: string) => {
    setDropped(undefined);
    setPicture(chosen);
  };
  useFiles({
    picture: chosen => {
      choose(chosen);
      setSource('picture');
    },
    seeds: async file => {
      setDropped((await ask('openSeeds', file, SHIPPED)).latent);
    },
  });

  const url = urlOf(picture);
  const shipped = createMemo(() => cardOf(SHIPPED));
  /** Keys of the person's own models that take the shipped network's seeds. */
  const own = createMemo(() =>
    cards()
      .filter(({ key }) => !isShipped(key))
      .filter(({ shape }) => shape.join() === shipped()?.shape.join())
      .map(({ key }) => key)
      .join(' '),
  );
  whenever(
    () => [source(), rng(), picture(), dropped(), shipped(), own(), ready(), url(), tries()] as const,
    async ([source, rng, picture, dropped, shipped, own, ready], counts, onOutdated) => {
      if (!shipped || !ready) return;
      setRows([]);
      setLatent(undefined);
      setStopped(false);
      // Random seeds come with what the shipped network grows from them.
      const random = source === 'random' && !dropped ? await ask('sampled', SHIPPED, SEEDS, rng) : undefined;
      const sought = () => seedOf(SHIPPED, picture, 'faithful', onOutdated);
      const seeds = dropped ?? random?.latent ?? (await sought())?.latent;
      if (!counts()) return;
      if (!seeds) return void setStopped(true);
      setLatent(seeds);
      const compared = async (card: ModelCard, known?: Floats) => {
        const pictures = known ?? (await ask('grow', card.key, seeds));
        const first = rows()[0]?.pictures;
        // Pictures of another size, by another padding, are shown and not compared.
        const alike = first?.shape.join() === pictures.shape.join() && seeds.shape[0]! > 1;
        const { ratio } = alike ? await ask('compare', first!, pictures) : {};
        if (counts()) setRows([...rows(), { card, pictures, ...(ratio && { ratio }) }]);
      };
      await compared(shipped, random?.pictures);
      for (const key of OTHERS) if (counts()) await compared(await shippedCard(key));
      for (const key of own.split(' ')) if (key && counts()) await compared(cardOf(key)!);
    },
  );

  return (
    <>
      <div class="row controls">
        <Choice
          label="Seeds"
          options={[
            ['random', 'Random'],
            ['picture', 'Of a picture'],
          ]}
          value={dropped() ? undefined : source()}
          onChoose={value => {
            setDropped(undefined);
            setSource(value);
          }}
        />
        <Show when={source() === 'random'}>
          <Button
            main
            onPress={() => {
              setDropped(undefined);
              setRng(rng() + 1);
            }}
          >
            Other seeds
          </Button>
          <Slider
            label="Random number seed"
            value={rng()}
            range={[0, 99]}
            onSlide={() => {}}
            onRest={value => {
              setDropped(undefined);
              setRng(value);
            }}
          />
        </Show>
        <span class="gap" />
        <OpenFile
          accept=".onnx,.json"
          label="Open a model of your own, .onnx, with its .json description if it is not Seedbed's"
        >
          Open a model…
        </OpenFile>
      </div>
      <Show when={source() === 'picture'}>
        <Picker label="Picture whose seed is taken" chosen={dropped() ? [] : [picture()]} onChoose={choose} />
      </Show>
      <Stopped
        when={stopped()}
        note="stopped before the seed was found"
        onGoOn={() => setTries(tries() + 1)}
      />
      <div class="stage strip" data-stage={rows().length > OTHERS.length ? 'found' : 'waiting'}>
        <div class="line wide">
          <div>
            <h2>Seeds</h2>
            <p class="note">
              {dropped()
                ? 'from a file'
                : source() === 'random'
                  ? `random, number ${rng()}`
                  : pictureOf(picture()).title}
            </p>
          </div>
          <Cells of={latent()} seed most={SEEDS} waiting={SEEDS} label={i => `seed ${i}`} />
        </div>
        <For each={rows()}>
          {({ card, pictures, ratio }) => (
            <div class="line wide" data-network={card.key}>
              <div>
                <h2>{card.key === SHIPPED ? 'The shipped network' : titleOf(card)}</h2>
                <p class="note">{card.weights.toLocaleString('en')} weights</p>
                <Show when={ratio}>
                  {r => (
                    <p class="note">
                      <b data-value="ratio">{figure(r().mean, 2)}</b> of the distance of unrelated pictures (
                      {figure(r().low, 2)} to {figure(r().high, 2)})
                    </p>
                  )}
                </Show>
              </div>
              <Cells of={pictures} most={SEEDS} waiting={SEEDS} label={i => `${card.name} grows ${i}`} />
            </div>
          )}
        </For>
      </div>
      <p class="note">
        Networks that share a noise space grow nearly the same picture from the same seed: a ratio of 0. For
        unrelated pictures it is 1. Drop an .onnx file of a model for seeds [1, 32, 32] to see it here; others
        can be used in the other rooms.
      </p>
    </>
  );
}

function titleOf({ key, name }: ModelCard): string {
  const titles: Record<string, string> = {
    'fashion-mnist-32-64-128': 'Another architecture',
    'fashion-mnist-small-se': 'A small one with channel attention',
  };
  return titles[key] ?? name;
}
