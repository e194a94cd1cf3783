import { createMemo, createSignal, For } from 'solid-js';
import { ask } from '../engine/client.ts';
import type { Floats } from '../engine/engine.ts';
import { Cells } from '../parts/cells.tsx';
import { Button, Choice, Slider } from '../parts/controls.tsx';
import { download } from '../parts/download.ts';
import { animated, strip } from '../parts/export.ts';
import { Pane } from '../parts/pane.tsx';
import { Picker } from '../parts/picker.tsx';
import { Pixels } from '../parts/pixels.tsx';
import { Stopped } from '../parts/stopped.tsx';
import { numberPart, part } from '../state/address.ts';
import { useFiles } from '../state/files.ts';
import { whenever } from '../state/latest.ts';
import { current, ready } from '../state/models.ts';
import { attempt, say } from '../state/notices.ts';
import { pictureOf } from '../state/pictures.ts';
import { pixelsOf, seedOf, type Way } from '../state/seeds.ts';
import { joined, mixed } from '../state/tensors.ts';

/** Pictures of a leg of the way, both ends among them. */
const FRAMES = 9;
/** Pictures of a walk, at most. */
const MOST = 5;
const DEFAULT = '9-ankle-boot,2-pullover';

interface Path {
  readonly pixels: Floats;
  readonly seeds: Floats;
  readonly grown: Floats;
}

/** From picture to picture through pixels, and through seeds (the paper's fig. 19). */
export function Walk() {
  const [list, setList] = part<string>('pictures', DEFAULT);
  const [kind, setKind] = part<'slerp' | 'lerp'>('path', 'slerp', ['slerp', 'lerp']);
  const [way, setWay] = part<Way>('seeds', 'quick', ['quick', 'faithful']);
  const [at, setAt] = numberPart('at', 4, [0, 1000]);
  const [path, setPath] = createSignal<Path>();
  const [stopped, setStopped] = createSignal(false);
  const [tries, setTries] = createSignal(0);
  const chosen = createMemo(() => {
    const named = list().split(',').filter(Boolean).slice(0, MOST);
    return named.length >= 2 ? named : DEFAULT.split(',');
  });
  const urls = createMemo(() =>
    chosen()
      .map(id => pictureOf(id).url)
      .join(' '),
  );
  /** Whether all legs are walked. */
  const complete = () => path()?.grown.shape[0] === FRAMES * (chosen().length - 1);
  const last = () => (path()?.grown.shape[0] ?? FRAMES) - 1;
  const frame = () => Math.min(at(), last());

  const choose = (id: string) => {
    const others = chosen().filter(other => other !== id);
    if (others.length === MOST) return say('A walk has five pictures at most: take one out first.');
    if (others.length === chosen().length) return setList([...chosen(), id].join(','));
    if (others.length < 2) return say('A walk needs two pictures: choose another before you take one out.');
    setList(others.join(','));
  };
  useFiles({ picture: choose });

  whenever(
    () => [current(), chosen(), kind(), way(), ready(), urls(), tries()] as const,
    async ([model, ids, kind, way, ready], counts, onOutdated) => {
      if (!ready) return;
      setPath(undefined);
      setStopped(false);
      const legs: Path[] = [];
      const ends: { pixels: Floats; latent: Floats }[] = [];
      for (const id of ids) {
        const found = await seedOf(model, id, way, onOutdated);
        if (!counts()) return;
        if (!found) return void setStopped(true);
        ends.push({ pixels: await pixelsOf(model, id), latent: found.latent });
      }
      for (let i = 1; i < ends.length; i++) {
        const [from, to] = [ends[i - 1]!, ends[i]!];
        const walked = await ask('walk', model, [from.latent, to.latent], kind, FRAMES);
        if (!counts()) return;
        const blends = Array.from({ length: FRAMES }, (_, k) =>
          mixed(from.pixels, to.pixels, k / (FRAMES - 1)),
        );
        legs.push({ pixels: joined(blends), seeds: walked.latent, grown: walked.pictures });
        setPath({
          pixels: joined(legs.map(({ pixels }) => pixels)),
          seeds: joined(legs.map(({ seeds }) => seeds)),
          grown: joined(legs.map(({ grown }) => grown)),
        });
      }
    },
  );

  const rows = () =>
    [
      ['Pixels', path()?.pixels, false],
      ['Seeds', path()?.seeds, true],
      ['Grown', path()?.grown, false],
    ] as const;
  const between = () => `picture ${frame() + 1} of ${last() + 1}`;

  return (
    <>
      <Picker label="Pictures to walk between, two to five" chosen={chosen()} foreign onChoose={choose} />
      <div class="stage three" data-stage={complete() ? 'found' : 'waiting'}>
        <Pane title="Pixels" note="a double exposure">
          <Pixels of={path()?.pixels} at={frame()} label={`mixed pixels, ${between()}`} />
        </Pane>
        <Pane title="Seed" note={kind() === 'slerp' ? 'on the arc, which keeps its length' : 'on the chord'}>
          <Pixels of={path()?.seeds} at={frame()} seed label={`the seed, ${between()}`} />
        </Pane>
        <Pane title="Grown" note="the model's own way across">
          <Pixels of={path()?.grown} at={frame()} label={`grown from the seed, ${between()}`} />
        </Pane>
      </div>
      <div class="row controls">
        <Slider
          label="Along the way"
          value={frame()}
          range={[0, last()]}
          shown={`${frame() + 1} of ${last() + 1}`}
          ends={[pictureOf(chosen()[0] ?? '').title, pictureOf(chosen().at(-1) ?? '').title]}
          onSlide={setAt}
        />
        <Choice
          label="Between seeds"
          options={[
            ['slerp', 'Arc (slerp)'],
            ['lerp', 'Chord (lerp)'],
          ]}
          value={kind()}
          onChoose={setKind}
        />
        <Choice
          label="Seeds are found"
          options={[
            ['quick', 'At once'],
            ['faithful', 'Faithfully'],
          ]}
          value={way()}
          onChoose={setWay}
        />
        <span class="gap" />
        <Button
          disabled={!complete()}
          onPress={() =>
            void attempt(async () => {
              const { pixels, grown } = path()!;
              download(await strip([pixels, grown]), 'walk.png');
            })
          }
        >
          Strip .png
        </Button>
        <Button
          disabled={!complete()}
          onPress={() => void attempt(async () => download(await animated(path()!.grown), 'walk.gif'))}
        >
          Animation .gif
        </Button>
      </div>
      <Stopped
        when={stopped()}
        note="stopped before all seeds were found"
        onGoOn={() => setTries(tries() + 1)}
      />
      <div class="stage strip">
        <For each={rows()}>
          {([title, pictures, seed]) => (
            <div class="line">
              <h2>{title}</h2>
              <Cells
                of={pictures}
                seed={seed}
                waiting={FRAMES}
                label={(i, count) => `${title}, ${i} of ${count}`}
              />
            </div>
          )}
        </For>
      </div>
    </>
  );
}
