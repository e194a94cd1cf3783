import { createMemo, createSignal, Show } from 'solid-js';
import { ask, during } from '../engine/client.ts';
import type { ScheduleName } from '../engine/engine.ts';
import { Chart } from '../parts/chart.tsx';
import { Button, Choice, Select, Slider } from '../parts/controls.tsx';
import { figure } from '../parts/figures.ts';
import { Plane } from '../parts/plane.tsx';
import { numberPart, part } from '../state/address.ts';
import { useFiles } from '../state/files.ts';
import { whenever } from '../state/latest.ts';
import { ready } from '../state/models.ts';
import {
  gridOf,
  jitter,
  missOf,
  nearest,
  type Point,
  pointsOf,
  pointsTensor,
  readPoints,
  writePoints,
} from '../state/points.ts';

/** What is learned: enough to show the curves within seconds. */
const RECIPE = {
  network: { kind: 'mlp', channels: [64, 64, 64, 64], embedding: 8 },
  schedule: { kind: 'continuousCosine', maxSignalRate: 0.999, minSignalRate: 0.1 },
  training: { loss: 'mse', learningRate: 0.006, decay: 'cosine', batch: 256, steps: 1500, ema: 0.99 },
} as const;
/** Points of a curve that is learned; seeds whose fall is drawn, and those that are coloured, in a row. */
const POINTS = 1024;
const ARROWS = 19;
const DENSE = 61;
/** Points of one's own, at most. */
const MOST = 300;
/** How far out seeds are drawn, in standard deviations. */
const SEEDS_REACH = 2.6;
/** The seed that is followed at first. */
const SEED: Point = [2.2, 1.5];
const NAMES: Record<ScheduleName, string> = {
  continuousCosine: 'continuous cosine (as trained)',
  cosine: 'cosine',
  linear: 'linear',
  quadratic: 'quadratic',
};

interface Trained {
  readonly key: string;
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** A denoiser of points in the plane, trained on the spot, and where it pulls seeds (the paper's figs. 6 to 9). */
export function Gravity() {
  const [data, setData] = part<'circles' | 'moons' | 'drawn'>('data', 'circles', [
    'circles',
    'moons',
    'drawn',
  ]);
  const [letters, setLetters] = part<string>('points', '');
  const [steps, setSteps] = numberPart('steps', 20, [2, 60]);
  const [schedule, setSchedule] = part<ScheduleName>(
    'schedule',
    'continuousCosine',
    Object.keys(NAMES) as ScheduleName[],
  );
  const [seedText, setSeedText] = part<string>('seed', writePoints([SEED]));
  const [chosenText, setChosen] = part<string>('chosen', '');
  const [curve, setCurve] = createSignal<readonly Point[]>([]);
  const [trained, setTrained] = createSignal<Trained>();
  const [arrows, setArrows] = createSignal<readonly Point[]>([]);
  const [landed, setLanded] = createSignal<readonly Point[]>([]);
  const [dense, setDense] = createSignal<readonly Point[]>([]);
  const [losses, setLosses] = createSignal<readonly Point[]>([]);
  const [way, setWay] = createSignal<readonly Point[]>([]);
  const [rates, setRates] = createSignal<readonly { name: string; points: Point[] }[]>([]);
  /** The points that a denoiser learns or has learned. */
  const [lesson, setLesson] = createSignal<readonly Point[]>();
  const [mode, setMode] = createSignal<'look' | 'draw'>('look');
  useFiles({});

  const drawn = createMemo(() => readPoints(letters()));
  const learned = createMemo<readonly Point[]>(() => (data() === 'drawn' ? drawn() : curve()));
  const enough = () => learned().length >= 2;
  const [arrowSeeds, denseSeeds] = [gridOf(ARROWS, SEEDS_REACH), gridOf(DENSE, SEEDS_REACH)];
  const [arrowTensor, denseTensor] = [pointsTensor(arrowSeeds), pointsTensor(denseSeeds)];
  /** Standardised coordinates as the data's own. */
  const placed = ([x, y]: Point): Point => {
    const { mean = [0, 0], std = [1, 1] } = trained() ?? {};
    return [mean[0]! + std[0]! * x, mean[1]! + std[1]! * y];
  };
  const standardised = ([x, y]: Point): Point => {
    const { mean = [0, 0], std = [1, 1] } = trained() ?? {};
    return [(x - mean[0]!) / std[0]!, (y - mean[1]!) / std[1]!];
  };

  whenever(data, async (kind, counts) => {
    setLesson(undefined);
    setMode(kind === 'drawn' ? 'draw' : 'look');
    if (kind === 'drawn') return enough() ? void setLesson(drawn()) : undefined;
    const points = pointsOf(await ask('points', kind, POINTS));
    if (!counts()) return;
    setCurve(points);
    setLesson(points);
  });

  whenever(
    () => [lesson(), ready()] as const,
    async ([points, ready], counts, onOutdated) => {
      setTrained(undefined);
      setWay([]);
      setDense([]);
      setArrows([]);
      setLanded([]);
      setLosses([]);
      if (!points || !ready) return;
      // Whoever draws few points means each of them: they are learned over and over, in a small cloud about each.
      const repeated = Array.from({ length: Math.max(512, points.length) }, (_, i) => {
        const [x, y] = points[i % points.length]!;
        const [a, b] = data() === 'drawn' ? jitter(i) : [0, 0];
        return [x + a, y + b] as const;
      });
      const told = await during(
        'Training the denoiser',
        onOutdated,
        (task, report) => ask('train', task, pointsTensor(repeated), RECIPE as never, arrowTensor, report),
        ({ done, loss, landed }) => {
          if (!counts()) return;
          if (loss) setLosses([...losses(), [done, loss]]);
          if (landed) setArrows(pointsOf(landed));
        },
      );
      if (told && counts()) setTrained(told);
    },
  );

  whenever(
    () => [trained(), steps(), schedule()] as const,
    async ([model, steps, schedule], counts) => {
      if (!model) return;
      const sampling = samplingOf(steps, schedule);
      const near = await ask('grow', model.key, arrowTensor, sampling);
      if (!counts()) return;
      setArrows(pointsOf(near));
      const all = await ask('grow', model.key, denseTensor, sampling);
      if (!counts()) return;
      setDense(pointsOf(all));
      setLanded(pointsOf(near));
    },
  );
  const seed = createMemo<Point>(() => readPoints(seedText())[0] ?? SEED);
  whenever(
    () => [trained(), steps(), schedule(), seed()] as const,
    async ([model, steps, schedule, seed], counts) => {
      if (!model) return;
      const states = await ask('trajectories', model.key, pointsTensor([seed]), samplingOf(steps, schedule));
      if (counts()) setWay(states.map(state => placed(pointsOf(state)[0]!)));
    },
  );
  whenever(
    () => true,
    async () => {
      const names = Object.keys(NAMES) as ScheduleName[];
      const curves = names.map(async name => ({
        name: NAMES[name],
        points: (await ask('signalRates', name, 41)).map((rate, i) => [i / 40, rate] as const),
      }));
      setRates((await Promise.all(curves)) as never);
    },
  );

  /** The chosen point of the data, and the seeds that land nearer to it than to any other shown. */
  const chosen = createMemo(() => {
    const at = readPoints(chosenText())[0];
    return at && nearest(learned(), at);
  });
  const drawnTo = createMemo(() => {
    const target = chosen();
    if (target === undefined || dense().length === 0) return [];
    const point = learned()[target]!;
    const within = data() === 'drawn' ? 0.35 : 0.25;
    return denseSeeds.filter((_, i) => {
      const [x, y] = dense()[i]!;
      return (
        Math.hypot(x - point[0], y - point[1]) < within &&
        (data() !== 'drawn' || nearest(drawn(), [x, y]) === target)
      );
    });
  });

  return (
    <>
      <div class="row controls">
        <Choice
          label="Points"
          options={[
            ['circles', 'Circles'],
            ['moons', 'Moons'],
            ['drawn', 'Your own'],
          ]}
          value={data()}
          onChoose={setData}
        />
        <Show when={data() === 'drawn'}>
          <Choice
            label="The pointer"
            options={[
              ['draw', 'draws points'],
              ['look', 'drags the seed'],
            ]}
            value={mode()}
            onChoose={setMode}
          />
          <Button
            disabled={drawn().length === 0}
            onPress={() => {
              setLetters('');
              setLesson(undefined);
            }}
          >
            Clear
          </Button>
        </Show>
        <Button main disabled={!enough()} onPress={() => setLesson([...learned()])}>
          Train
        </Button>
        <Slider label="Steps of the sampler" value={steps()} range={[2, 60]} onSlide={setSteps} />
        <Select
          label="Schedule"
          options={Object.entries(NAMES) as [ScheduleName, string][]}
          value={schedule()}
          onChoose={setSchedule}
        />
      </div>
      <div class="columns plane-columns" data-stage={trained() && dense().length > 0 ? 'found' : 'waiting'}>
        <div class="stage">
          <Plane
            data={learned()}
            size={data() === 'drawn' ? 0.045 : 0.018}
            arrows={arrows().map((to, i) => [placed(arrowSeeds[i]!), to] as const)}
            coloured={drawnTo().map(placed)}
            chosen={chosen() === undefined ? undefined : learned()[chosen()!]}
            seed={placed(seed())}
            way={way()}
            draws={mode() === 'draw'}
            onDraw={point => setLetters(writePoints([...drawn(), point].slice(-MOST)))}
            onChoose={point => setChosen(writePoints([point]))}
            onFollow={point => setSeedText(writePoints([standardised(point)]))}
          />
          <p class="note">
            Lines lead from seeds to where they land. Drag the round seed to follow one; click a point to
            colour the seeds that land beside it.
            <Show when={drawnTo().length > 0}>
              {' '}
              <b>{figure((100 * drawnTo().length) / denseSeeds.length, 2)} %</b> of the seeds shown do.
            </Show>
          </p>
        </div>
        <div class="panel">
          <section class="stage panel">
            <h2>Loss</h2>
            <Show
              when={losses().length > 1}
              fallback={
                <p class="note">
                  {enough() ? 'Training shows it.' : 'Draw some points in the plane, then press Train.'}
                </p>
              }
            >
              <Chart
                label={`The loss, now ${figure(losses().at(-1)![1])}`}
                x="training step"
                y="squared error of the noise"
                height={180}
                series={[{ name: 'loss', points: losses() }]}
              />
            </Show>
            <p class="note">
              seeds land{' '}
              <b data-value="miss">
                {landed().length > 0 && lesson() ? figure(missOf(landed(), lesson()!)) : '…'}
              </b>{' '}
              from the nearest point, on average
            </p>
            <Show when={data() === 'drawn' && lesson() && writePoints(lesson()!) !== letters()}>
              <p class="note">
                <b>The points have changed since: train again.</b>
              </p>
            </Show>
          </section>
          <section class="stage panel">
            <h2>Schedules</h2>
            <Show when={rates().length > 0}>
              <Chart
                label="Signal rate over diffusion time, for the four schedules of the paper"
                x="diffusion time"
                y="signal rate"
                height={180}
                series={rates()}
              />
            </Show>
            <p class="note">
              Steps and schedule are changed for the sampler; the network stays as it was trained.
            </p>
          </section>
        </div>
      </div>
    </>
  );
}

function samplingOf(steps: number, schedule: ScheduleName) {
  // The network's own schedule reaches nearer to the data than the paper's continuous cosine, and less far into noise.
  return { steps, ...(schedule !== 'continuousCosine' && { schedule }) };
}
