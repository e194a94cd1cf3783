import { prepare } from '../../diffusion/batches.ts';
import { toPixels } from '../../diffusion/pictures.ts';
import { ratesAt, SCHEDULES } from '../../diffusion/schedule.ts';
import { normals } from '../../tensor/random.ts';
import { combine } from '../../tensor/rowwise.ts';
import { concatRows, type Tensor, unstack } from '../../tensor/tensor.ts';
import { figure, judged, percent } from './claims.ts';
import { alphaBar, SCHEDULE_NAMES, SCHEDULE_TITLES } from './fig6.ts';
import { experiment, readPictures } from './lab.ts';

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
    const x = prepare(await readPictures(await lab.data('fashion-mnist', 'test'), 0, 1), padding, range);
    const noise = normals({ seed: lab.rng, purpose: 'fig7' }, x.shape);
    const noisy = SCHEDULE_NAMES.map(name =>
      TIMES.map(time => {
        const { signalRate, noiseRate } = ratesAt(SCHEDULES[name], time);
        return combine([signalRate, x], [noiseRate, noise]);
      }),
    );
    const [linear, quadratic, cosine, continuous] = noisy.map(longestStep) as [
      number,
      number,
      number,
      number,
    ];
    return {
      numbers: { linear, quadratic, cosine, continuous },
      sheets: [
        {
          file: 'fig7',
          caption: 'One picture noised at evenly spaced times from 0 (left) to 1 (right), with its alpha.',
          title: 'A picture noised along four schedules',
          rows: SCHEDULE_NAMES.map((name, i) => ({
            label: SCHEDULE_TITLES[name],
            pictures: unstack(toPixels(concatRows(noisy[i]!), model.info)),
            captions: TIMES.map(time => figure(alphaBar(SCHEDULES[name], time), 2)),
          })),
        },
      ],
    };
  },
  report({ linear, quadratic, cosine, continuous }) {
    const holds = Math.max(cosine, continuous) < Math.min(linear, quadratic);
    const partly = Math.min(cosine, continuous) < Math.max(linear, quadratic);
    return {
      claims: [
        judged({
          n: 1,
          number: Math.max(cosine, continuous),
          against: Math.min(linear, quadratic),
          paper: 'The cosine and the continuous cosine schedule turn a picture into noise more uniformly.',
          ours: `the longest of ${TIMES.length - 1} steps of equal time is ${percent(cosine)} (cosine) and ${percent(continuous)} (continuous cosine) of the way`,
          control: `linear ${percent(linear)}, quadratic ${percent(quadratic)}; even steps would each be ${percent(EVEN)}`,
          numbersSay: holds ? 'holds' : partly ? 'partly' : 'fails',
          because: `The least even of the two cosines has a longest step of ${figure(Math.max(cosine, continuous) / EVEN, 2)} times an even one, the more even of the other two ${figure(Math.min(linear, quadratic) / EVEN, 2)} times.`,
          values: { linear, quadratic, cosine, continuous },
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
