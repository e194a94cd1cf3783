import { type Denoiser, ddim, withSampler } from '../../diffusion/info.ts';
import { SCHEDULES, type Schedule } from '../../diffusion/schedule.ts';
import { bootstrapMean, type Interval, meanSquaredErrors } from '../../embedding/metrics.ts';
import { type Experiment, grow, randomSeeds } from '../lab.ts';
import { figure, percent, withInterval } from '../wording.ts';
import { alphaBar, SCHEDULE_TITLES } from './fig6.ts';

/** Steps of the samplers that are compared, and of the one that they are compared with. */
const STEPS = 10;
const FINE = 100;
/** Points at which a schedule is looked at. */
const POINTS = 1000;
/** Signal variances at which a picture is all but clean, or all but noise. */
const [CLEAN, NOISE] = [0.95, 0.05];

interface Result {
  readonly name: keyof typeof SCHEDULES;
  /** The share of time at which a picture is all but clean or all but noise, and all but noise alone. */
  readonly wasted: number;
  readonly noise: number;
  /** The greatest fall of alpha in a unit of time. */
  readonly steepest: number;
  readonly error: Interval;
}

/** Whether linear and quadratic schedules are too steep (Asperti et al. 2023, section 3.2). */
export const schedules: Experiment = {
  name: 'schedules',
  title: 'are the linear and the quadratic schedule too steep?',
  needs: ['fashion-mnist'],
  async run(lab) {
    const model = await lab.denoiser('fashion-mnist');
    const names = Object.keys(SCHEDULES) as (keyof typeof SCHEDULES)[];
    const seeds = randomSeeds(lab, model, lab.sizes.sample, 'schedules');
    const fine = await grow(lab, withSampler(model, ddim(FINE)), seeds);
    const results: Result[] = [];
    for (const name of names) {
      const along = Array.from({ length: POINTS + 1 }, (_, i) => alphaBar(SCHEDULES[name], i / POINTS));
      const grown = await grow(lab, alongSchedule(model, SCHEDULES[name]), seeds);
      results.push({
        name,
        wasted: along.filter(a => a > CLEAN || a < NOISE).length / along.length,
        noise: along.filter(a => a < NOISE).length / along.length,
        steepest: Math.max(...along.slice(1).map((a, i) => POINTS * (along[i]! - a))),
        error: bootstrapMean(meanSquaredErrors(grown, fine), lab.rng),
      });
    }
    const of = (name: string) => results.find(result => result.name === name)!;
    const best = of('continuousCosine');
    const claims = (['linear', 'quadratic'] as const).map(name => {
      const it = of(name);
      const steeper = it.steepest > best.steepest && it.noise > best.noise;
      const worse = it.error.low > best.error.high;
      return {
        paper: `The ${name} schedule is too steep.`,
        ours: `${percent(it.noise)} of its time is spent where less than ${percent(NOISE)} of the variance is signal, and it falls by up to ${figure(it.steepest)} a unit of time; ${STEPS} steps along it miss the path of ${FINE} by ${withInterval(it.error)}`,
        control: `continuous cosine: ${percent(best.noise)} of its time, ${figure(best.steepest)} a unit of time, ${withInterval(best.error)}`,
        verdict:
          steeper && worse ? ('holds' as const) : steeper || worse ? ('partly' as const) : ('fails' as const),
        because: `It is ${figure(it.steepest / best.steepest, 2)} times as steep as the continuous cosine, and sampling along it with one network and ${STEPS} steps makes ${figure(it.error.mean / best.error.mean, 2)} times its error${worse ? '' : ': no worse'}.`,
        values: { noise: it.noise, steepest: it.steepest, error: it.error.mean, best: best.error.mean },
      };
    });
    return {
      claims,
      pictures: [],
      tables: [
        {
          title: 'Schedules',
          columns: [
            '',
            'time all but clean or all but noise',
            'all but noise',
            'steepest fall',
            `error of ${STEPS} steps`,
          ],
          rows: results.map(r => [
            SCHEDULE_TITLES[r.name],
            percent(r.wasted),
            percent(r.noise),
            figure(r.steepest),
            withInterval(r.error),
          ]),
        },
      ],
      notes: [
        `One network, told the noise variance, samples along all four: at the levels that a schedule visits in ${STEPS} even steps of time, as far as the network was trained for them. Its own training schedule is the continuous cosine, which the comparison may favour; networks trained along the others were not tried.`,
      ],
    };
  },
};

/** The model sampled at the levels that another schedule visits in even steps, those it was not trained for left out. */
function alongSchedule(model: Denoiser, schedule: Schedule): Denoiser {
  const { schedule: own } = model.info;
  if (own.kind !== 'continuousCosine') return model;
  const [from, to] = [Math.acos(own.maxSignalRate), Math.acos(own.minSignalRate)];
  const times = Array.from({ length: STEPS }, (_, k) => {
    const angle = Math.acos(Math.sqrt(alphaBar(schedule, 1 - k / STEPS)));
    return Math.min(1, (angle - from) / (to - from));
  });
  const grid = times.filter((time, k) => time > 1e-3 && (k === 0 || time < times[k - 1]! - 1e-9));
  return withSampler(model, { ...ddim(grid.length), grid, start: { diffusionTime: grid[0]! } });
}
