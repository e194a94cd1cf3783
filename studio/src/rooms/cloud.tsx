import { createMemo, createSignal, For, Show } from 'solid-js';
import { ask, during } from '../engine/client.ts';
import type { CloudAnalysis, Floats } from '../engine/engine.ts';
import { Chart } from '../parts/chart.tsx';
import { Button, Slider } from '../parts/controls.tsx';
import { download } from '../parts/download.ts';
import { figure } from '../parts/figures.ts';
import { Pane } from '../parts/pane.tsx';
import { Picker } from '../parts/picker.tsx';
import { Pixels } from '../parts/pixels.tsx';
import shippedCloud from '../shipped/ankle-boot-cloud.safetensors?url';
import { numberPart, part } from '../state/address.ts';
import { useFiles } from '../state/files.ts';
import { whenever } from '../state/latest.ts';
import { card, current, ready, SHIPPED } from '../state/models.ts';
import { attempt, say } from '../state/notices.ts';
import { pictureOf, urlOf } from '../state/pictures.ts';
import { pixelsOf } from '../state/seeds.ts';
import { combined, distance, items, joined, moved, without } from '../state/tensors.ts';

/** The picture whose cloud ships with the studio. */
const SHIPPED_PICTURE = '9-ankle-boot';
/** Seeds that are sought at one go, and shown of a cloud. */
const MORE = 2;
const SHOWN = 8;
/** The longest step along a component, Euclidean; a seed is 32 long. */
const REACH = 16;

/** Many seeds of one picture: their mean, their combinations, their principal components (the paper's figs. 11 to 14). */
export function Cloud() {
  const [picture, setPicture] = part<string>('picture', SHIPPED_PICTURE);
  const [of, setOf] = numberPart('average', 16, [1, 4096]);
  const [draw, setDraw] = numberPart('combination', 1, [1, 1e6]);
  const [component, setComponent] = numberPart('component', 1, [1, 4096]);
  const [step, setStep] = numberPart('step', 8, [-REACH, REACH]);
  const [image, setImage] = createSignal<Floats>();
  const [seeds, setSeeds] = createSignal<Floats>();
  const [shipped, setShipped] = createSignal(0);
  const [analysis, setAnalysis] = createSignal<CloudAnalysis>();
  const [average, setAverage] = createSignal<Floats>();
  const [combination, setCombination] = createSignal<Floats>();
  const [walked, setWalked] = createSignal<Floats>();

  const [seeking, setSeeking] = createSignal(false);
  /** Starts of which seeds were found, so that each is found once; and how to be told that the picture has changed. */
  let starts = 0;
  let endOfSubject: (end: () => void) => void = () => {};

  const url = urlOf(picture);
  const count = () => seeds()?.shape[0] ?? 0;
  useFiles({
    picture: setPicture,
    seeds: async file => {
      const { latent, from, pictures } = await ask('openSeeds', file, current());
      const { title } = pictureOf(picture());
      if (pictures.some(name => name !== title))
        return say(
          `${file.name} holds seeds of ${from}, not of ${title}: choose that picture first, then drop the file again.`,
          'trouble',
        );
      const before = count();
      join(latent);
      const known = latent.shape[0]! - (count() - before);
      say(
        `${count() - before} seeds of ${file.name} joined the cloud${known > 0 ? `; ${known} were in it already` : ''}${pictures.length === 0 ? '; the file does not say of which picture they are' : ''}.`,
      );
    },
  });

  whenever(
    () => [current(), picture(), ready(), url()] as const,
    async ([model, id, ready], counts, onOutdated) => {
      if (!ready) return;
      setImage(undefined);
      setSeeds(undefined);
      for (const [, clear] of growing) clear(undefined);
      setAnalysis(undefined);
      const pixels = await pixelsOf(model, id);
      if (!counts()) return;
      setImage(pixels);
      const known = model === SHIPPED && id === SHIPPED_PICTURE;
      const begun = known ? await ask('fetchSeeds', new URL(shippedCloud, location.href).href) : undefined;
      if (!counts()) return;
      setShipped(begun?.shape[0] ?? 0);
      starts = begun?.shape[0] ?? 0;
      endOfSubject = onOutdated;
      if (begun) setSeeds(begun);
      else await seek(8);
    },
  );

  /** Seeds join the cloud, but those that are in it. */
  function join(latent: Floats): void {
    const fresh = seeds() ? without(latent, seeds()!) : latent;
    if (fresh) setSeeds(seeds() ? joined([seeds()!, fresh]) : fresh);
  }

  /** Finds more seeds; each few join the cloud as soon as they are found, as long as it is of the same picture. */
  async function seek(number: number) {
    const [model, images] = [current(), image()!];
    setSeeking(true);
    await during(
      `Finding seeds of ${pictureOf(picture()).title}`,
      endOfSubject,
      async (task, report, ended) => {
        for (let found = 0; found < number && !ended(); found += MORE) {
          const request = { model, images, method: 'auto', starts: MORE, firstStart: starts } as const;
          const { latent } = await ask('seek', task, request, report);
          if (ended()) return;
          starts += MORE;
          join(latent);
        }
      },
    ).finally(() => setSeeking(false));
  }

  whenever(seeds, async (all, counts) => {
    if (!all || all.shape[0]! < 2) return;
    const measured = await ask('analyse', all);
    if (counts()) setAnalysis(measured);
  });
  const number = () => Math.min(of(), count());
  const meanSeed = createMemo(() => {
    const all = seeds();
    const of = number();
    return all && of > 0 ? combined(all, Array(of).fill(1 / of)) : undefined;
  });
  const weights = createMemo(() => simplex(count(), draw()));
  const combinedSeed = createMemo(() => (count() > 1 ? combined(seeds()!, weights()) : undefined));
  const axis = () => Math.min(component(), analysis()?.variances.length ?? 1);
  const walkedSeed = createMemo(() => {
    const a = analysis();
    return a && moved(a.mean, items(a.components, axis() - 1), step());
  });
  const growing = [
    [meanSeed, setAverage],
    [combinedSeed, setCombination],
    [walkedSeed, setWalked],
  ] as const;
  for (const [seed, set] of growing) {
    whenever(seed, async (latent, counts) => {
      if (!latent || latent.shape.slice(1).join() !== card()?.shape.join()) return;
      const grown = await ask('grow', current(), latent);
      if (counts()) set(grown);
    });
  }
  const error = (grown: Floats | undefined) =>
    grown && image() && grown.data.length === image()!.data.length ? figure(distance(grown, image()!)) : '…';

  const scatter = createMemo(() => {
    const a = analysis();
    const all = seeds();
    if (!a || !all || a.variances.length < 2) return [];
    const along = (at: number, k: number) => {
      const size = all.data.length / all.shape[0]!;
      let sum = 0;
      for (let i = 0; i < size; i++)
        sum += (all.data[at * size + i]! - a.mean.data[i]!) * a.components.data[k * size + i]!;
      return sum;
    };
    const points = Array.from(
      { length: a.statistics.count },
      (_, at) => [along(at, 0), along(at, 1)] as const,
    );
    const old = { name: 'shipped seeds', points: points.slice(0, shipped()), dots: true };
    const joinedLater = { name: 'found here', points: points.slice(shipped()), dots: true };
    return [old, joinedLater].filter(({ points }) => points.length > 0);
  });
  const spectrum = createMemo(() => {
    const a = analysis();
    if (!a) return [];
    const numbered = (values: readonly number[]) => values.map((value, i) => [i + 1, value] as const);
    return [
      { name: 'the cloud', points: numbered(a.variances) },
      { name: 'isotropic noise', points: numbered(a.noise) },
    ];
  });

  return (
    <>
      <Picker label="Picture whose seeds are sought" chosen={[picture()]} onChoose={setPicture} />
      <div class="stage" data-stage={analysis() && walked() ? 'found' : 'waiting'}>
        <div class="row">
          <h2>
            <span data-value="count">{count()}</span> seeds of one picture
          </h2>
          <span class="gap" />
          <Button main disabled={!image() || seeking()} onPress={() => void attempt(() => seek(8))}>
            Find eight more
          </Button>
          <Button
            disabled={!seeds()}
            onPress={() =>
              void attempt(async () => {
                const about = {
                  latent: seeds()!,
                  method: { name: 'auto' },
                  pictures: [pictureOf(picture()).title],
                };
                download(await ask('seedFile', current(), about, 'safetensors'), 'cloud.safetensors');
              })
            }
          >
            Cloud .safetensors
          </Button>
        </div>
        <div class="grid">
          <Pixels of={image()} label="the picture" />
          <For each={[...Array(Math.min(SHOWN, count())).keys()]}>
            {i => (
              <Pixels of={seeds()} at={count() - 1 - i} seed label={`seed ${count() - i} of ${count()}`} />
            )}
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
      <div class="columns">
        <section class="stage panel">
          <h2>Averages and combinations</h2>
          <div class="stage-inner three">
            <Pane title="Mean seed" note={`of ${number()}`}>
              <Pixels of={meanSeed()} seed label={`the mean of ${number()} seeds`} />
            </Pane>
            <Pane
              title="Grown"
              note={
                <>
                  error <b data-value="mean-error">{error(average())}</b>
                </>
              }
            >
              <Pixels of={average()} label="what the mean seed grows" />
            </Pane>
            <Pane title="Combination" note={<>error {error(combination())}</>}>
              <Pixels of={combination()} label="what a random combination of the seeds grows" />
            </Pane>
          </div>
          <Slider
            label="Average of"
            value={number()}
            range={[1, Math.max(1, count())]}
            shown={`${number()} seeds`}
            onSlide={setOf}
          />
          <div class="row">
            <Button disabled={count() < 2} onPress={() => setDraw(draw() + 1)}>
              Another combination
            </Button>
            <span class="note">random weights that add up to one</span>
          </div>
        </section>
        <section class="stage panel">
          <h2>Along the cloud's axes</h2>
          <div class="stage-inner three">
            <Pane title="Axis" note={`component ${axis()} of ${analysis()?.variances.length ?? '…'}`}>
              <Pixels
                of={analysis() && scaled(items(analysis()!.components, axis() - 1))}
                seed
                label={`principal component ${axis()}`}
              />
            </Pane>
            <Pane title="Seed" note={`${step()} from the mean`}>
              <Pixels of={walkedSeed()} seed label="the seed after the step" />
            </Pane>
            <Pane title="Grown" note={<>error {error(walked())}</>}>
              <Pixels of={walked()} label="what the seed after the step grows" />
            </Pane>
          </div>
          <Slider
            label="Component"
            value={axis()}
            range={[1, Math.max(1, analysis()?.variances.length ?? 1)]}
            ends={['varies most', 'varies least']}
            onSlide={setComponent}
          />
          <Slider label="Step" value={step()} range={[-REACH, REACH]} onSlide={setStep} />
        </section>
      </div>
      <Show when={analysis()}>
        <div class="columns">
          <section class="stage panel">
            <h2>Variances along the axes</h2>
            <Chart
              label={`Variances along ${analysis()!.variances.length} components, from ${figure(analysis()!.variances[0]!)} down, beside those that noise would show, from ${figure(analysis()!.noise[0]!)} down`}
              x="principal component"
              y="variance"
              series={spectrum()}
            />
          </section>
          <section class="stage panel">
            <h2>The seeds on the first two axes</h2>
            <Chart
              label="Where the seeds lie along the first two components"
              x="first component"
              y="second component"
              series={scatter()}
            />
          </section>
        </div>
      </Show>
    </>
  );
}

/** Weights that add up to one, the same for the same number: evenly over the simplex. */
function simplex(count: number, draw: number): number[] {
  let state = draw * 2654435761;
  const next = () => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 0x9e3779b9) | 0;
    return ((state >>> 0) + 0.5) / 2 ** 32;
  };
  const parts = Array.from({ length: count }, () => -Math.log(next()));
  const sum = parts.reduce((total, part) => total + part, 0);
  return parts.map(part => part / sum);
}

/** A unit vector as long as noise, so that it shows. */
function scaled(vector: Floats): Floats {
  const factor = Math.sqrt(vector.data.length);
  return { ...vector, data: vector.data.map(value => value * factor) };
}
