import { type Denoiser, withSampler } from '../../diffusion/info.ts';
import { ddim } from '../../diffusion/sampler-info.ts';
import { SCHEDULES, type Schedule } from '../../diffusion/schedule.ts';
import { meanSquaredErrors } from '../../tensor/statistics.ts';
import type { Floats } from '../../tensor/tensor.ts';
import { above, judged, worded } from './claims.ts';
import { alphaBar, SCHEDULE_NAMES, SCHEDULE_TITLES } from './fig6-fig7.ts';
import { experiment, grow, type Lab, randomSeeds } from './lab.ts';
import { figure, percent, ratioOfMeans, type Sampled, sampled, withInterval } from './means.ts';

/** Steps of the samplers that are compared, and of those that they are compared with. */
const STEPS = 10;
const FINE = 100;
/** Points at which a schedule is looked at. */
const POINTS = 1000;
/** Signal variances at which a picture is all but clean, or all but noise. */
const [CLEAN, NOISE] = [0.95, 0.05];
/** Halvings that find the time of a signal rate. */
const HALVINGS = 50;

interface Result {
  readonly name: keyof typeof SCHEDULES;
  /** The share of time at which a picture is all but clean, and all but noise. */
  readonly clean: number;
  readonly noise: number;
  /** The greatest fall of alpha in a unit of time. */
  readonly steepest: number;
  /** Of each seed, squared error of few steps along the schedule against many along the same. */
  readonly error: Sampled;
  /** And over that along the continuous cosine. */
  readonly ratio: Sampled;
}

/** Whether linear and quadratic schedules are too steep (Asperti et al. 2023, section 3.2). */
export const schedules = experiment({
  name: 'schedules',
  title: 'are the linear and the quadratic schedule too steep?',
  needs: ['fashion-mnist'],
  async measure(lab) {
    const model = await lab.denoiser('fashion-mnist');
    const seeds = randomSeeds(lab, model, Math.ceil(lab.sizes.sample / 2), 'schedules');
    const tried: (Omit<Result, 'error' | 'ratio'> & { errors: readonly number[] })[] = [];
    for (const name of SCHEDULE_NAMES) {
      const schedule = SCHEDULES[name];
      const along = Array.from({ length: POINTS + 1 }, (_, i) => alphaBar(schedule, i / POINTS));
      const share = (test: (alpha: number) => boolean) => along.filter(test).length / along.length;
      const few = await grow(lab, alongSchedule(model, schedule, STEPS), seeds);
      const many = await grow(lab, alongSchedule(model, schedule, FINE), seeds);
      tried.push({
        name,
        clean: share(a => a > CLEAN),
        noise: share(a => a < NOISE),
        steepest: Math.max(...along.slice(1).map((a, i) => POINTS * (along[i]! - a))),
        errors: meanSquaredErrors(few, many),
      });
    }
    const { errors: least } = tried.find(({ name }) => name === 'continuousCosine')!;
    const numbers = tried.map(
      ({ errors, ...result }): Result => ({
        ...result,
        error: sampled(errors, lab.rng),
        ratio: ratioOfMeans(errors, least, lab.rng, true),
      }),
    );
    return { numbers: { results: numbers, own: await alongOwn(lab, model, seeds, least) } };
  },
  report({ results, own }) {
    const best = results.find(({ name }) => name === 'continuousCosine')!;
    const claims = results
      .filter(({ name }) => name === 'linear' || name === 'quadratic')
      .map(it => {
        const title = SCHEDULE_TITLES[it.name];
        const { ratio } = it;
        const worse = above(ratio, 1);
        const effect = worded(worse, {
          holds: 'more',
          fails: 'less, not more',
          open: 'no more that could be told',
        });
        return judged({
          number: ratio,
          against: 1,
          // One network, which was trained along one of them.
          n: 1,
          paper: `The ${title} schedule falls too steeply, which makes generation difficult.`,
          ours: `it falls by up to ${figure(it.steepest)} a unit of time and spends ${percent(it.noise)} of it where less than ${percent(NOISE)} of the variance is signal; ${STEPS} steps along it miss ${FINE} along it by ${withInterval(it.error)}, ${withInterval(ratio)} times the control`,
          control: `continuous cosine: ${figure(best.steepest)} a unit of time, ${percent(best.noise)} of it, ${withInterval(best.error)}`,
          asked: 'more than the error of the control',
          // That it is steeper is its formula's doing, and no finding.
          numbersSay: worse,
          because: `It is ${figure(it.steepest / best.steepest, 2)} times as steep as the continuous cosine; placing ${STEPS} steps of one network by it makes ${figure(ratio.mean, 2)} times its error: ${effect}.`,
          values: {
            noise: it.noise,
            steepest: it.steepest,
            error: it.error,
            best: best.error,
            ratio,
            low: ratio.low,
            high: ratio.high,
          },
        });
      });
    return {
      claims,
      tables: [
        {
          title: 'Schedules',
          columns: ['', 'time all but clean', 'all but noise', 'steepest fall', `error of ${STEPS} steps`],
          rows: [
            ...results.map(result => [
              SCHEDULE_TITLES[result.name],
              percent(result.clean),
              percent(result.noise),
              figure(result.steepest),
              withInterval(result.error),
            ]),
            ["the network's own levels", '', '', '', withInterval(own.error)],
          ],
        },
      ],
      notes: [
        `One network, told the noise variance, samples along all four: steps evenly spaced in the time of the schedule, between the noise levels that the network was trained for. Errors of steps alone are compared, each schedule with itself; what training along a schedule does to a network, of which the paper speaks, is not: the network at hand was trained along the continuous cosine, which is why the claims stay open. Its own sampler's levels are none of the four schedules': ${STEPS} of them miss ${FINE} by ${withInterval(own.ratio)} times what even steps of the continuous cosine do, so that a schedule that is steep, and so lies near to them, may come out better than these.`,
      ],
    };
  },
});

/** The error of the model's own levels, few of them against many, and over that of even steps of the continuous cosine. */
async function alongOwn(lab: Lab, model: Denoiser, seeds: Floats, least: readonly number[]) {
  const along = (steps: number) => grow(lab, withSampler(model, { ...model.info.sampler, steps }), seeds);
  const errors = meanSquaredErrors(await along(STEPS), await along(FINE));
  return { error: sampled(errors, lab.rng), ratio: ratioOfMeans(errors, least, lab.rng, true) };
}

/** The model sampled in even steps of another schedule's time, between the levels that it was trained for. */
export function alongSchedule(model: Denoiser, schedule: Schedule, steps: number): Denoiser {
  const { schedule: own } = model.info;
  if (own.kind !== 'continuousCosine') return withSampler(model, ddim(steps));
  const [clean, noise] = [own.maxSignalRate, own.minSignalRate];
  const [first, last] = [timeOf(schedule, noise), timeOf(schedule, clean)];
  const grid = Array.from({ length: steps }, (_, k) => {
    const angle = Math.acos(Math.sqrt(alphaBar(schedule, last + (first - last) * (1 - k / steps))));
    return Math.min(1, (angle - Math.acos(clean)) / (Math.acos(noise) - Math.acos(clean)));
  });
  return withSampler(model, { ...ddim(steps), grid, start: { diffusionTime: grid[0]! } });
}

/** The time at which a schedule has a signal rate; its end where it never falls so low. */
function timeOf(schedule: Schedule, signalRate: number): number {
  let [low, high] = [0, 1];
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2;
    if (alphaBar(schedule, middle) > signalRate ** 2) low = middle;
    else high = middle;
  }
  return high;
}
