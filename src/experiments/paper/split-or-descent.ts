import type { Denoiser } from '../../diffusion/info.ts';
import type { EmbedOptions } from '../../embedding/embedding.ts';
import { SPLIT } from '../../embedding/inversion/split.ts';
import { inversionFor } from '../../embedding/methods.ts';
import { RECIPES } from '../../embedding/recipes.ts';
import { isSeedbedError } from '../../errors.ts';
import { lineFigure } from '../../figures/line.ts';
import { createPanel } from '../../latent/gaussianity.ts';
import { average, meanSquaredErrors } from '../../tensor/statistics.ts';
import { type Floats, rows } from '../../tensor/tensor.ts';
import { startClock } from '../clock.ts';
import { above, below, type Claim, judged, type PlotPicture, together } from './claims.ts';
import {
  BATCH,
  experiment,
  find,
  grow,
  type Lab,
  type Named,
  perSubject,
  randomSeeds,
  readPictures,
  SUBJECTS,
  type Subject,
} from './lab.ts';
import {
  curveOf,
  figure,
  percentInterval,
  ratioOfMeans,
  type Sampled,
  sampled,
  shareOf,
  withInterval,
} from './means.ts';

/** Training pictures on which both ways are tuned. */
const TUNED_ON = 16;
/** Network evaluations a seed for each of which both are tuned. */
const BUDGETS = [40, 60, 100, 200, 400];
/** Further rounds through all that was chosen in which it is timed, and pictures of each: two batches, of which the first loads the graphs. */
const ROUNDS = 2;
const TIMED = 2 * BATCH;

const WAYS = ['split inversion', 'descent'] as const;
type Way = (typeof WAYS)[number];

/** A way to find seeds with settings of its own. */
interface Arm {
  readonly way: Way;
  readonly name: string;
  readonly options: EmbedOptions;
}

/** Split inversion: iterations of the last step's least squares, the weight of its seed, and how well the other steps are undone. */
function splitArms(): Arm[] {
  const { lastStep, interior } = inversionFor('split');
  const iterations = [
    [1, 2],
    [1, 4],
    [2, 4],
    [4, 8],
    [4, 24],
  ] as const;
  return iterations.flatMap(([outer, inner]) =>
    [0.03, 0.07].flatMap(tau =>
      [0.02, 0.05, 0.2].map(tolerance => ({
        way: 'split inversion' as const,
        name: `${outer} x ${inner}, tau ${figure(tau, 1)}, tolerance ${figure(tolerance, 1)}`,
        options: {
          method: 'split' as const,
          inversion: {
            lastStep: { ...lastStep, outer, inner, tau },
            interior: { ...interior, tolerance },
          },
        },
      })),
    ),
  );
}

/** Descent through the whole sampler from noise: Adam at several rates, L-BFGS, and Gauss-Newton. */
function descentArms(): Arm[] {
  const { lbfgs } = inversionFor('lbfgs');
  const adam = [1, 2, 4, 9, 19].flatMap(iterations =>
    [0.02, 0.05, 0.1, 0.2, 0.4, 0.8].map(learningRate => ({
      way: 'descent' as const,
      name: `Adam, ${iterations} at ${figure(learningRate, 1)}`,
      options: { method: 'descent' as const, recipe: { ...RECIPES.seedbed, iterations, learningRate } },
    })),
  );
  const quasiNewton = [1, 2, 5, 12].flatMap(iterations =>
    [0.01, 0.03, 0.1].map(tau => ({
      way: 'descent' as const,
      name: `L-BFGS, ${iterations}, tau ${figure(tau, 1)}`,
      options: { method: 'lbfgs' as const, inversion: { lbfgs: { ...lbfgs, iterations, tau } } },
    })),
  );
  const { whole } = inversionFor('gauss-newton');
  const gaussNewton = [
    [1, 2],
    [1, 4],
    [1, 8],
    [2, 4],
  ].flatMap(([outer, inner]) =>
    [0.03, 0.1].map(tau => ({
      way: 'descent' as const,
      name: `Gauss-Newton, ${outer} x ${inner}, tau ${figure(tau, 1)}`,
      options: {
        method: 'gauss-newton' as const,
        inversion: { whole: { ...whole, outer: outer!, inner: inner!, tau } },
      },
    })),
  );
  return [...adam, ...quasiNewton, ...gaussNewton];
}

/** Split inversion's frontier against that of descent, both tuned on training pictures, at equal evaluations and in equal time. */
export const splitOrDescent = experiment({
  name: 'split-or-descent',
  title: 'split inversion or descent: who is nearer to the picture at equal cost?',
  needs: ['fashion-mnist', 'data:fashion-mnist'],
  timed: true,
  measure: lab =>
    perSubject(lab, async subject => ({ numbers: { subject, ...(await compare(lab, subject)) } })),
  report: subjects => ({
    claims: subjects.flatMap(one => [
      nearer(one, 'at equal evaluations', one.atEvaluations),
      nearer(one, 'in equal time', one.inTime),
    ]),
    tables: subjects.map(({ title, standings }) => ({
      title: `What each reaches as it was tuned for each budget, ${title}`,
      columns: [
        '',
        'settings',
        'evaluations',
        'time',
        'squared error',
        'variance of the seeds',
        'told from noise',
      ],
      rows: standings.map(({ way, name, evaluations, seconds, error, variance, rejected }) => [
        way,
        name,
        figure(evaluations),
        figure(seconds / standings[0]!.seconds),
        withInterval(error),
        withInterval(variance),
        percentInterval(rejected),
      ]),
    })),
    plots: subjects.flatMap(one => [
      frontier(one, 'evaluations', 'network evaluations per seed', ({ evaluations }) => evaluations),
      frontier(one, 'time', 'time per seed, relative', ({ seconds }) => seconds / one.standings[0]!.seconds),
    ]),
    notes: [
      `For each budget of ${BUDGETS.join(', ')} evaluations the settings nearest to ${TUNED_ON} training pictures within it were chosen: of split inversion among ${splitArms().length}, of descent (Adam at rates that fall by a cosine, L-BFGS, Gauss-Newton) among ${descentArms().length}. Split inversion's outer iterations may be up to ${SPLIT.lastStep.extra} more where its last step has not converged. The table is of other pictures, of the test set. Times are of one machine, each by the least time of an evaluation in ${ROUNDS + 1} rounds through all rows, that of the first row is 1; in equal time split inversion may take no longer than the descent that it is held against.`,
    ],
  }),
});

/** What settings reached on test pictures. */
interface Standing {
  readonly way: Way;
  readonly name: string;
  readonly evaluations: number;
  readonly seconds: number;
  readonly error: Sampled;
  readonly variance: Sampled;
  readonly rejected: Sampled;
}

/** Split inversion's mean error over that of a descent that costs no less. */
interface Duel {
  readonly split: string;
  readonly descent: string;
  readonly ratio: Sampled;
}

type Compared = Named & { readonly subject: Subject } & Awaited<ReturnType<typeof compare>>;

async function compare(lab: Lab, subject: Subject) {
  const model = await lab.denoiser(SUBJECTS[subject].model);
  const test = await lab.data(subject, 'test');
  const images = await readPictures(test, 0, Math.min(lab.sizes.sample, test.length));
  const found: Chosen[] = [];
  for (const { arm, error } of await tuned(lab, subject, model))
    found.push({ ...(await reach(lab, model, images, arm)), inTuning: error });
  const reached = await timed(lab, model, images, found);
  const random = await grow(lab, model, randomSeeds(lab, model, images.shape[0]!));
  return {
    standings: reached.map(one => standing(lab, model, one)),
    atEvaluations: duels(lab, reached, ({ evaluations }) => evaluations),
    inTime: duels(lab, reached, ({ seconds }) => seconds),
    random: sampled(meanSquaredErrors(random, images), lab.rng),
  };
}

/** Of both ways, what comes nearest to training pictures within each budget, with its error there. */
async function tuned(lab: Lab, subject: Subject, model: Denoiser): Promise<{ arm: Arm; error: number }[]> {
  const train = await lab.data(subject, 'train');
  const images = await readPictures(train, 0, Math.min(TUNED_ON, train.length));
  const chosen = new Map<Arm, number>();
  for (const arms of [splitArms(), descentArms()]) {
    const tried: Chosen[] = [];
    for (const arm of arms) {
      // Settings that diverge are none to choose.
      const found = await reach(lab, model, images, arm).catch(error => {
        if (!isSeedbedError(error, 'Diverged')) throw error;
      });
      if (found) tried.push({ ...found, inTuning: average(found.errors) });
    }
    for (const budget of BUDGETS) {
      const best = nearest(tried.filter(({ evaluations }) => evaluations <= budget));
      if (best) chosen.set(best.arm, best.inTuning);
    }
  }
  return Array.from(chosen, ([arm, error]) => ({ arm, error }));
}

/** What settings came to, picture by picture, at what cost a seed. */
interface Reached {
  readonly arm: Arm;
  readonly latent: Floats;
  readonly errors: readonly number[];
  readonly variances: readonly number[];
  readonly evaluations: number;
  /** Seconds an evaluation, without the first batch, in which graphs are loaded, where there is another. */
  readonly pace: number;
}

/** With the mean error of the same settings on the pictures that they were tuned on. */
interface Chosen extends Reached {
  readonly inTuning: number;
}

/** With the seconds that a seed takes. */
interface Timed extends Chosen {
  readonly seconds: number;
}

async function reach(lab: Lab, model: Denoiser, images: Floats, arm: Arm): Promise<Reached> {
  const clock = startClock();
  const { latent, results } = await find(lab, model, images, {
    ...arm.options,
    onResults: found => clock.count(found.length),
  });
  const later = results.length > BATCH ? results.slice(BATCH) : results;
  const evaluationsOf = (some: typeof results) => average(some.map(({ evaluations }) => evaluations));
  return {
    ...{ arm, latent },
    errors: results.map(({ mse }) => mse),
    variances: results.map(({ latentVariance }) => latentVariance),
    evaluations: evaluationsOf(results),
    pace: clock.perSeed()! / evaluationsOf(later),
  };
}

/** With the seconds of each, at the least that an evaluation took in several rounds through all: whatever else the machine does makes nothing faster. */
async function timed(lab: Lab, model: Denoiser, images: Floats, all: readonly Chosen[]): Promise<Timed[]> {
  const least = all.map(({ pace }) => pace);
  const some = rows(images, 0, Math.min(TIMED, images.shape[0]!));
  for (let round = 0; round < ROUNDS; round++)
    for (const [i, { arm }] of all.entries())
      least[i] = Math.min(least[i]!, (await reach(lab, model, some, arm)).pace);
  return all.map((one, i) => ({ ...one, seconds: least[i]! * one.evaluations }));
}

/** What was nearest where it was tuned: chosen by the errors that are compared, the best of several would look better than it is. */
const nearest = (all: readonly Chosen[]): Chosen | undefined =>
  all.reduce<Chosen | undefined>(
    (best, one) => (best && best.inTuning <= one.inTuning ? best : one),
    undefined,
  );

function standing(lab: Lab, model: Denoiser, reached: Timed): Standing {
  const { arm, latent, errors, variances, evaluations, seconds } = reached;
  const verdicts = createPanel(model.info.shape).judge(latent);
  const { way, name } = arm;
  return {
    ...{ way, name, evaluations, seconds },
    error: sampled(errors, lab.rng),
    variance: sampled(variances, lab.rng),
    rejected: shareOf(verdicts.map(({ gaussian }) => (gaussian ? 0 : 1))),
  };
}

/** Each descent against the nearest split inversion that costs no more, picture by picture. */
function duels(lab: Lab, reached: readonly Timed[], cost: (one: Timed) => number): Duel[] {
  const of = (way: Way) => reached.filter(({ arm }) => arm.way === way);
  return of('descent').flatMap(descent => {
    const split = nearest(of('split inversion').filter(one => cost(one) <= cost(descent)));
    if (!split) return [];
    const ratio = ratioOfMeans(split.errors, descent.errors, lab.rng, true);
    return [{ split: split.arm.name, descent: descent.arm.name, ratio }];
  });
}

function nearer({ title, model, standings, random }: Compared, how: string, all: readonly Duel[]): Claim {
  const [won, lost] = [below, above].map(than => all.filter(({ ratio }) => than(ratio, 1) === 'holds')) as [
    Duel[],
    Duel[],
  ];
  const hardest = all.find(({ ratio }) => ratio.mean === Math.max(...all.map(duel => duel.ratio.mean)));
  const [splits, descents] = WAYS.map(one => standings.filter(({ way }) => way === one)) as [
    Standing[],
    Standing[],
  ];
  const dearest = descents.at(-1)!;
  const least = Math.min(...splits.map(({ evaluations }) => evaluations));
  const most = Math.max(...descents.map(({ evaluations }) => evaluations));
  const told = all.map(
    ({ split, descent, ratio }) => `${withInterval(ratio)} (${split}) of that of ${descent}`,
  );
  return judged({
    models: [model],
    number: hardest?.ratio ?? Number.POSITIVE_INFINITY,
    against: 1,
    rests: [dearest.error],
    paper: `Beyond the paper: ${how} split inversion comes nearer to the picture than descent, both tuned, from its own least cost to ${BUDGETS.at(-1)} evaluations (${title}).`,
    ours: hardest
      ? `the squared error of split inversion is ${told.join('; ')}`
      : 'no split inversion costs as little as any of the descents',
    control: `equal ways have 1; split inversion takes ${figure(least)} evaluations at least, descents up to ${figure(most)} were tried; the dearest leaves ${withInterval(dearest.error)} after ${figure(dearest.evaluations)} evaluations, random seeds ${withInterval(random)}`,
    asked: 'less error than every descent that costs no less; in part, than some, and more than others',
    numbersSay:
      won.length > 0 && lost.length > 0
        ? 'partly'
        : together(...all.map(duel => below(duel.ratio, 1)), ...(all.length > 0 ? [] : ['open' as const])),
    because: `${all.length} of ${descents.length} descents cost no less than some split inversion, which is nearer than ${won.length} of them and farther than ${lost.length}${hardest ? `; where descent does best, split inversion leaves ${figure(hardest.ratio.mean, 2)} of its error` : ''}.`,
    values: {
      ...Object.fromEntries(all.map(({ descent, ratio }) => [`ratio.${descent}`, ratio])),
      ...{ dearest: dearest.error, random },
    },
  });
}

/** Squared error against a cost, of both ways. */
function frontier(
  { title, subject, standings }: Compared,
  by: string,
  label: string,
  cost: (standing: Standing) => number,
): PlotPicture {
  return {
    file: `split-or-descent-${subject}-${by}`,
    caption: `Squared error of ${standings[0]!.error.n} test pictures against ${label}, as both ways were tuned on training pictures (${title}; 95 % intervals).`,
    svg: lineFigure({
      title: `Split inversion and descent, ${title}`,
      x: { label, log: true },
      y: { label: 'squared error', log: true },
      series: WAYS.map(way => {
        const own = standings.filter(one => one.way === way).sort((a, b) => cost(a) - cost(b));
        return curveOf(
          way,
          own.map(cost),
          own.map(({ error }) => error),
        );
      }),
    }),
  };
}
