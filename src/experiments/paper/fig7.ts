import { prepare } from '../../diffusion/batches.ts';
import { ratesAt, SCHEDULES } from '../../diffusion/schedule.ts';
import { toPixels } from '../../embedding/metrics.ts';
import { normals } from '../../tensor/random.ts';
import { combine } from '../../tensor/rowwise.ts';
import { concatRows, unstack } from '../../tensor/tensor.ts';
import { correlation } from '../around.ts';
import type { SheetPicture } from '../findings.ts';
import { type Experiment, pictures } from '../lab.ts';
import { figure } from '../wording.ts';
import { alphaBar, SCHEDULE_TITLES } from './fig6.ts';

const TIMES = [0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1];

/** A picture noised along the four schedules, alpha on every one (Asperti et al. 2023, fig. 7). */
export const fig7: Experiment = {
  name: 'fig7',
  title: 'a picture noised along the four schedules',
  needs: ['fashion-mnist', 'data:fashion-mnist'],
  async run(lab) {
    const model = await lab.denoiser('fashion-mnist');
    const { padding, range } = model.info;
    const x = prepare(await pictures(await lab.data('fashion-mnist', 'test'), 0, 1), padding, range);
    const noise = normals({ seed: lab.rng, purpose: 'fig7' }, x.shape);
    const names = Object.keys(SCHEDULES) as (keyof typeof SCHEDULES)[];
    let worst = 0;
    const rows: SheetPicture['rows'] = names.map(name => {
      const noisy = TIMES.map(time => {
        const { signalRate, noiseRate } = ratesAt(SCHEDULES[name], time);
        return combine([signalRate, x], [noiseRate, noise]);
      });
      TIMES.forEach((time, i) => {
        const seen = correlation(noisy[i]!.data, x.data);
        worst = Math.max(
          worst,
          Math.abs(seen - expected(alphaBar(SCHEDULES[name], time), x.data, noise.data)),
        );
      });
      return {
        label: SCHEDULE_TITLES[name],
        pictures: unstack(toPixels(concatRows(noisy), model.info)),
        captions: TIMES.map(time => figure(alphaBar(SCHEDULES[name], time), 2)),
      };
    });
    return {
      claims: [
        {
          paper: 'Along each schedule a picture turns into noise, alpha saying how much of it is left.',
          ours: `the correlation of each noisy picture with the clean one is what its alpha says to within ${figure(worst, 2)}`,
          control: `the noise itself correlates with the picture by ${figure(correlation(noise.data, x.data), 2)}`,
          verdict: worst < 1e-3 ? 'holds' : 'fails',
          because:
            worst < 1e-3
              ? 'The pictures hold signal and noise in the parts that alpha and 1 - alpha name.'
              : 'The pictures do not hold signal and noise in the parts that alpha names.',
          values: { worst },
        },
      ],
      pictures: [
        {
          kind: 'sheet',
          file: 'fig7',
          caption: 'One picture noised at evenly spaced times from 0 (left) to 1 (right), with its alpha.',
          title: 'A picture noised along four schedules',
          rows,
        },
      ],
    };
  },
};

/** The correlation of sqrt(alpha) x + sqrt(1 - alpha) noise with x, from the moments of x and the noise. */
function expected(alpha: number, x: ArrayLike<number>, noise: ArrayLike<number>): number {
  const n = x.length;
  const mean = (f: (i: number) => number) =>
    Array.from({ length: n }, (_, i) => f(i)).reduce((a, b) => a + b) / n;
  const [mx, mn] = [mean(i => x[i]!), mean(i => noise[i]!)];
  const xx = mean(i => (x[i]! - mx) ** 2);
  const nn = mean(i => (noise[i]! - mn) ** 2);
  const xn = mean(i => (x[i]! - mx) * (noise[i]! - mn));
  const [s, e] = [Math.sqrt(alpha), Math.sqrt(1 - alpha)];
  return (s * xx + e * xn) / Math.sqrt(xx * (alpha * xx + 2 * s * e * xn + (1 - alpha) * nn));
}
