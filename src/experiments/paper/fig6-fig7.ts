import { prepare } from '../../diffusion/batches.ts';
import { toPixels } from '../../diffusion/pictures.ts';
import { ratesAt, SCHEDULES, type Schedule } from '../../diffusion/schedule.ts';
import { lineFigure } from '../../figures/line.ts';
import { normals } from '../../tensor/random.ts';
import { combine } from '../../tensor/rowwise.ts';
import { concatRows, rows, type Tensor, unstack } from '../../tensor/tensor.ts';
import { below, judged } from './claims.ts';
import { experiment, readPictures } from './lab.ts';
import {
  figure,
  percent,
  percentInterval,
  ratioOfMeans,
  type Sampled,
  sampled,
  withInterval,
} from './means.ts';

/** Points of a curve. */
const POINTS = 100;

/** The schedules by the names that the paper gives them. */
export const SCHEDULE_NAMES = Object.keys(SCHEDULES) as (keyof typeof SCHEDULES)[];
export const SCHEDULE_TITLES: Readonly<Record<keyof typeof SCHEDULES, string>> = {
  linear: 'linear',
  quadratic: 'quadratic',
  cosine: 'cosine',
  continuousCosine: 'continuous cosine',
};

/** alpha_bar at a diffusion time. */
export const alphaBar = (schedule: Schedule, time: number) => ratesAt(schedule, time).signalRate ** 2;

/** The four schedules as curves (Asperti et al. 2023, fig. 6). */
export const fig6 = experiment({
  name: 'fig6',
  title: 'the four schedules',
  needs: [],
  async measure() {
    const curves = SCHEDULE_NAMES.map(name =>
      Array.from({ length: POINTS + 1 }, (_, i): [number, number] => {
        return [i / POINTS, alphaBar(SCHEDULES[name], i / POINTS)];
      }),
    );
    return {
      numbers: { curves },
    };
  },
  report({ curves }) {
    const names = SCHEDULE_NAMES;
    const falls = curves.every(curve => curve.every(([, a], i) => i === 0 || a < curve[i - 1]![1]));
    const [starts, middles, ends] = [0, 0.5, 1].map(time =>
      names.map(name => alphaBar(SCHEDULES[name], time)),
    ) as [number[], number[], number[]];
    const list = (values: readonly number[]) =>
      names.map((name, i) => `${SCHEDULE_TITLES[name]} ${figure(values[i]!)}`).join(', ');
    const noise = Math.max(...ends) < 0.01;
    return {
      plots: [
        {
          file: 'fig6',
          caption: 'Signal variance (alpha) against diffusion time for the four schedules.',
          svg: lineFigure({
            title: 'The four schedules',
            x: { label: 'diffusion time t, 0 clean to 1 noise' },
            y: { label: 'alpha, the variance of the signal' },
            series: names.map((name, i) => ({ name: SCHEDULE_TITLES[name], points: curves[i]! })),
          }),
        },
      ],
      claims: [
        judged({
          number: Math.max(...ends),
          against: Math.min(...starts),
          paper: 'Four schedules lead alpha from the clean picture to noise.',
          ours: `at t = 1: ${list(ends)}`,
          control: `at t = 0: ${list(starts)}; at t = 1/2: ${list(middles)}`,
          asked: 'an alpha that never rises, and ends below a hundredth',
          numbersSay: falls && noise ? 'holds' : 'fails',
          because:
            falls && noise
              ? 'All four fall without a rise and leave less than a hundredth of signal variance; only the continuous cosine begins below 1, at .95 squared, so its last step to the clean picture is a jump.'
              : 'Not all of them fall to noise.',
          values: Object.fromEntries(
            names.flatMap((name, i) => [
              [`${name}.start`, starts[i]!],
              [`${name}.middle`, middles[i]!],
              [`${name}.end`, ends[i]!],
            ]),
          ),
        }),
      ],
    };
  },
});

const TIMES = [0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1];
const EVEN = 1 / (TIMES.length - 1);

/** A picture noised along the four schedules, alpha on every one (Asperti et al. 2023, fig. 7). */
export const fig7 = experiment({
  name: 'fig7',
  title: 'a picture noised along the four schedules',
  needs: ['fashion-mnist', 'data:fashion-mnist'],
  async measure(lab) {
    const model = await lab.denoiser('fashion-mnist');
    const { padding, range } = model.info;
    const data = await lab.data('fashion-mnist', 'test');
    const images = await readPictures(data, 0, Math.min(lab.sizes.clouds.pictures, data.length));
    const x = prepare(images, padding, range);
    const noise = normals({ seed: lab.rng, purpose: 'fig7' }, x.shape);
    const noisy = SCHEDULE_NAMES.map(name =>
      TIMES.map(time => {
        const { signalRate, noiseRate } = ratesAt(SCHEDULES[name], time);
        return combine([signalRate, x], [noiseRate, noise]);
      }),
    );
    const longest = noisy.map(states =>
      unstack(x).map((_, i) => longestStep(states.map(at => rows(at, i, i + 1)))),
    );
    const [linear, quadratic, cosine, continuous] = longest.map(steps => sampled(steps, lab.rng)) as [
      Sampled,
      Sampled,
      Sampled,
      Sampled,
    ];
    // Of each picture the longest step of the less even cosine over that of the more even of the other two.
    const ratio = ratioOfMeans(
      longest[2]!.map((value, i) => Math.max(value, longest[3]![i]!)),
      longest[0]!.map((value, i) => Math.min(value, longest[1]![i]!)),
      lab.rng,
      true,
    );
    return {
      numbers: { linear, quadratic, cosine, continuous, ratio },
      sheets: [
        {
          file: 'fig7',
          caption: 'One picture noised at evenly spaced times from 0 (left) to 1 (right), with its alpha.',
          title: 'A picture noised along four schedules',
          rows: SCHEDULE_NAMES.map((name, i) => ({
            label: SCHEDULE_TITLES[name],
            pictures: unstack(toPixels(concatRows(noisy[i]!.map(at => rows(at, 0, 1))), model.info)),
            captions: TIMES.map(time => figure(alphaBar(SCHEDULES[name], time), 2)),
          })),
        },
      ],
    };
  },
  report({ linear, quadratic, cosine, continuous, ratio }) {
    const more = below(ratio, 1);
    const least = (all: readonly Sampled[]) => Math.min(...all.map(({ mean }) => mean));
    return {
      claims: [
        judged({
          models: [],
          number: cosine.mean > continuous.mean ? cosine : continuous,
          against: linear.mean < quadratic.mean ? linear : quadratic,
          rests: [ratio],
          paper: 'The cosine and the continuous cosine schedule turn a picture into noise more uniformly.',
          ours: `the longest of ${TIMES.length - 1} steps of equal time is ${percentInterval(cosine)} (cosine) and ${percentInterval(continuous)} (continuous cosine) of the way`,
          control: `linear ${percentInterval(linear)}, quadratic ${percentInterval(quadratic)}; even steps would each be ${percent(EVEN)}`,
          asked:
            'a longest step that is shorter, in the less even of the two, than in the more even of the others',
          numbersSay: more,
          because: `The less even of the two cosines has a longest step of ${withInterval(ratio, 2)} times that of the more even of the other two, which is ${figure(least([linear, quadratic]) / EVEN, 2)} times an even one.`,
          values: { linear, quadratic, cosine, continuous, ratio },
        }),
      ],
    };
  },
});

/** The longest step between successive pictures, as a share of all of them. */
function longestStep(states: readonly Tensor<'float32'>[]): number {
  const steps = states.slice(1).map(({ data }, k) => {
    const before = states[k]!.data;
    return Math.sqrt(data.reduce((sum, value, i) => sum + (value - before[i]!) ** 2, 0));
  });
  return Math.max(...steps) / steps.reduce((sum, step) => sum + step);
}
