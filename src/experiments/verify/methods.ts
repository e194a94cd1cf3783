import { samplerGrid } from '../../diffusion/grid.ts';
import type { Denoiser, Embedder } from '../../diffusion/info.ts';
import { createModel } from '../../diffusion/model.ts';
import { samplerGain } from '../../diffusion/oracle.ts';
import { ddim } from '../../diffusion/sampler-info.ts';
import { EXACT_SAMPLERS, REVERSING_SAMPLERS } from '../../diffusion/samplers.ts';
import { affineStep } from '../../diffusion/solvers.ts';
import { embed } from '../../embedding/embed.ts';
import type { Embedding, EmbedOptions } from '../../embedding/embedding.ts';
import { climb, solves, UNDOERS, type UndoOptions } from '../../embedding/inversion/climb.ts';
import { FIRST_DAMPING } from '../../embedding/inversion/least-squares.ts';
import { chainOf, createStepMap } from '../../embedding/inversion/maps.ts';
import { SPLIT } from '../../embedding/inversion/split.ts';
import { inversionFor, type Method } from '../../embedding/methods.ts';
import { RECIPES } from '../../embedding/recipes.ts';
import type { InversionOptions } from '../../embedding/settings.ts';
import { pictureAddresses, startNoise } from '../../embedding/starts.ts';
import { GraphBuilder } from '../../graph/builder.ts';
import { naturalness } from '../../latent/naturalness.ts';
import { choose, combine, dots } from '../../tensor/rowwise.ts';
import { type Floats, float32, sizeOf, unstack } from '../../tensor/tensor.ts';
import { predictedError } from '../race/true-seeds.ts';
import {
  backwardWeights,
  contractions,
  gainOf,
  naiveGain,
  pmiSeed,
  product,
  reversedGain,
  stepGains,
  uniInvGain,
} from './gains.ts';
import { type Bench, type Check, distance, nearly, nothing, type Row } from './row.ts';
import { grown, SHAPE, threeWaves } from './samplers.ts';

const STEPS = 10;
const VARIANCE = 0.6;
const COUNT = 8;

const filled = ({ shape, data }: Floats, value: number) => float32(shape, new Array(data.length).fill(value));
/** How far a standardised pixel lies from grey: so little that none leaves [0,1]. */
const CONTRAST = 0.05;
const faint = ({ graph, info }: Denoiser): Denoiser =>
  createModel(graph, { ...info, range: { ...info.range, std: [CONTRAST] } });
/** Pixels of standardised pictures, and back. */
const pixels = (x: Floats) => combine([CONTRAST, x], [0.5, filled(x, 1)]);
const standardised = (images: Floats) =>
  combine([1 / CONTRAST, images], [-0.5 / CONTRAST, filled(images, 1)]);
/** Steps are undone until nothing but rounding is left. */
const undone = (changes: Partial<UndoOptions> = {}): Partial<InversionOptions> => ({
  interior: { ...SPLIT.interior, tolerance: 1e-7, iterations: 400, ...changes },
});
/** Least squares until nothing but rounding is left. */
const solved = (tau: number) => ({ tau, outer: 4, inner: 4 });
const descended = (tau: number) => ({ tau, iterations: 60, memory: 10 });

/** The embedding network that inverts a linear sampler, up to a factor. */
function linearEmbedder(denoiser: Denoiser, factor: number): Embedder {
  const b = new GraphBuilder('embedder');
  const { shape, range, padding, sampler } = denoiser.info;
  const x = b.input('x', 'float32', ['N', ...shape]);
  return createModel(b.build({ latent: b.mul(x, b.scalar(factor / samplerGain(VARIANCE, STEPS))) }), {
    ...{ seedbed: 1, kind: 'embedder', name: 'linear', inputs: { image: 'x' }, output: 'latent' },
    ...{ shape, range, padding, sampler, denoiser: denoiser.hash },
  });
}

/** Gaussian data: pictures of known seeds, the noise that methods begin from, and what the steps multiply by. */
function gaussianCase(bench: Bench) {
  const model = faint(bench.gaussian(VARIANCE, SHAPE, STEPS));
  const grid = samplerGrid(model.info, model.info.sampler);
  const gains = stepGains(VARIANCE, STEPS);
  const gain = product(gains);
  const truth = bench.noise([COUNT, ...SHAPE], 'verify seeds');
  const targets = combine([gain, truth]);
  const addresses = pictureAddresses(pixels(targets));
  const begun = startNoise(
    bench.rng,
    SHAPE,
    addresses.map(image => ({ image, start: 0 })),
  );
  const last = grid.at(-1)!.from;
  const lastGain = gains.at(-1)!;
  return {
    ...{ model, grid, gain, truth, targets, last, lastGain },
    inner: product(gains.slice(0, -1)),
    find: (method: Method, options: EmbedOptions = {}): Promise<Embedding> =>
      embed(model, pixels(targets), {
        runtime: bench.runtime,
        method,
        rng: bench.rng,
        batch: COUNT,
        ...options,
      }),
    /** What methods begin from. */
    noise: begun,
    /** A draw of the state before the last `k` steps. */
    drawn: (k: number) => {
      const { signalRate, noiseRate } = grid[STEPS - k]!.from;
      return combine([signalRate, targets], [noiseRate, begun]);
    },
    /** What steps from the noise on, all but the last `k`, multiply by. */
    ahead: (k: number) => product(gains.slice(0, STEPS - k)),
    /** The x with least |factor x - target|^2 / tau^2 + |x - anchor|^2 / spread^2. */
    least(factor: number, tau: number, anchor: Floats, spread: number): Floats {
      const total = factor ** 2 / tau ** 2 + 1 / spread ** 2;
      return combine([factor / tau ** 2 / total, targets], [1 / spread ** 2 / total, anchor]);
    },
  };
}

type Known = ReturnType<typeof gaussianCase>;

/** What split inversion finds, anchored at a state before the last step. */
function splitSeed({ least, lastGain, last, inner }: Known, tau: number, anchor: Floats): Floats {
  return combine([1 / inner, least(lastGain, tau, anchor, last.noiseRate)]);
}

const eachRow = (t: Floats, f: (row: readonly number[]) => readonly number[]) =>
  float32(
    t.shape,
    unstack(t).flatMap(({ data }) => f(Array.from(data))),
  );

/** A method, how it is asked besides its settings, the seed that it should find, and to which part of it. */
type Case = [Method, how: string, EmbedOptions, seed: Floats, part: number];

function cases(known: Known): Case[] {
  const { model, truth, targets, gain, least, noise, drawn, inner, ahead } = known;
  const embedder = linearEmbedder(model, 0.8);
  const near = combine([0.8, truth]);
  const tau = 0.2;
  const split = { ...undone(), lastStep: solved(tau) };
  const [turned, towards] = [naturalness(0.7, model), naturalness(0.2, model)];
  const dialled = towards.inversion.lastStep!.tau;
  return [
    ['embedder', '', { embedder }, near, 1e-5],
    ['naive', '', {}, combine([naiveGain(VARIANCE, STEPS), targets]), 1e-5],
    ['uni-inv', '', {}, combine([uniInvGain(VARIANCE, STEPS), targets]), 1e-5],
    ['pmi', '', {}, eachRow(targets, row => pmiSeed(VARIANCE, STEPS, row)), 1e-5],
    ...REVERSING_SAMPLERS.map((sampler): Case => {
      const seed = combine([reversedGain(sampler, VARIANCE, STEPS), targets]);
      return ['reversed', sampler, { sampler }, seed, 1e-5];
    }),
    ...(['plain', 'averaged', 'anderson', 'anderson+newton'] as const).map((solver): Case => {
      return ['fixed-point', solver, { inversion: undone({ solver }) }, truth, 1e-5];
    }),
    ['newton', '', { inversion: undone({ solver: 'newton' }) }, truth, 1e-5],
    ['lbfgs', '', { inversion: { lbfgs: descended(tau) } }, least(gain, tau, noise, 1), 1e-4],
    ['gauss-newton', '', { inversion: { whole: solved(tau) } }, least(gain, tau, noise, 1), 1e-4],
    ['split', '', { inversion: split }, splitSeed(known, tau, drawn(1)), 2e-5],
    ['auto', '', { inversion: split }, splitSeed(known, tau, drawn(1)), 2e-5],
    [
      'embedder+lbfgs',
      '',
      { embedder, inversion: { lbfgs: descended(tau) } },
      least(gain, tau, near, 1),
      1e-4,
    ],
    [
      'embedder+gauss-newton',
      '',
      { embedder, inversion: { whole: solved(tau) } },
      least(gain, tau, near, 1),
      1e-4,
    ],
    [
      'embedder+split',
      '',
      { embedder, inversion: split },
      splitSeed(known, tau, combine([inner, near])),
      1e-4,
    ],
    [
      towards.method,
      'naturalness .2',
      { inversion: { ...undone(), lastStep: solved(dialled) } },
      splitSeed(known, dialled, drawn(1)),
      2e-5,
    ],
    [
      turned.method,
      'naturalness .7, five steps drawn',
      { inversion: { ...undone(), ...turned.inversion } },
      combine([1 / ahead(5), drawn(5)]),
      1e-5,
    ],
  ];
}

export const methods: Check = {
  title: 'methods on Gaussian data: distance from the seed that each should find',
  async run(bench) {
    const known = gaussianCase(bench);
    const { find, truth, gain, targets, grid, last, lastGain, least, drawn } = known;
    const found: Row[] = [];
    for (const [method, how, options, seed, part] of cases(known)) {
      const what = how ? `${method}, ${how}` : method;
      found.push(nothing(what, distance((await find(method, options)).latent, seed), part));
    }
    const { latent } = await find('naive');
    const share = dots(latent, truth)[0]! / dots(truth, truth)[0]!;
    found.push(nearly('naive, seed found over true seed', naiveGain(VARIANCE, STEPS) * gain, share, 1e-5));
    for (const kind of EXACT_SAMPLERS) {
      const tau = 0.1;
      const options = { sampler: kind, inversion: { lastStep: solved(tau) } };
      const { latent, pictures } = await find('exact', options);
      const before = kind === 'edict' ? targets : least(lastGain, tau, drawn(1), last.noiseRate);
      const [x, y] = backwardWeights(kind, VARIANCE, STEPS);
      found.push(
        nothing(`exact, ${kind}`, distance(latent, combine([x, before], [y, targets])), 1e-4),
        nothing(`exact, ${kind}: the picture grown again`, distance(standardised(pictures), targets), 1e-5),
      );
    }
    const { results } = await find('fixed-point', { inversion: undone() });
    const expected = contractions(VARIANCE, STEPS).toReversed();
    const factors = results[0]!.certificate!.factors;
    found.push(
      nothing(
        'certificate: factors of the plain iteration',
        Math.max(...expected.map((factor, i) => Math.abs(factor - (factors[i] ?? Number.NaN)))),
        1e-4,
      ),
    );
    // Naive inversion misses most of the pictures; one damped step through all of the sampler repairs those, and only those.
    const tau = 0.03;
    const hasty = { ...inversionFor('auto'), ...undone({ solver: 'naive' }), lastStep: solved(tau) };
    const [left, repaired] = [
      await find('split', { inversion: hasty }),
      await find('auto', { inversion: hasty }),
    ];
    const missed = left.results.map(({ certificate }) => certificate!.flags.length > 0);
    const held = 1 + FIRST_DAMPING * (1 / tau ** 2 + 1);
    found.push(
      nothing(
        'auto, where split misses the pictures',
        distance(repaired.latent, choose(missed, least(gain, tau, left.latent, held ** -0.5), left.latent)),
        1e-4,
      ),
    );
    for (const tau of [0.01, 0.1, 0.3, 1]) {
      const { latent } = await find('split', { inversion: { ...undone(), lastStep: solved(tau) } });
      const off = combine([1, latent], [-1, truth]);
      const rms = Math.sqrt(off.data.reduce((sum, value) => sum + value * value, 0) / off.data.length);
      const chance = 5 / Math.sqrt(2 * off.data.length);
      found.push(
        nearly(
          `split, tau ${tau}: error of the seed, root mean square`,
          predictedError(grid, VARIANCE, tau),
          rms,
          chance,
        ),
      );
    }
    return found;
  },
};

export const descents: Check = {
  title: 'descent on Gaussian data: distance from the seed',
  async run(bench) {
    const { model, find, truth, targets } = gaussianCase(bench);
    const recipe = { ...RECIPES.seedbed, iterations: 300 };
    const found: Row[] = [];
    const { latent } = await find('descent', { recipe });
    found.push(nothing('descent', distance(latent, truth), 1e-3));
    const embedder = linearEmbedder(model, 0.8);
    const refined = await find('embedder+descent', { recipe, embedder });
    found.push(nothing('embedder+descent', distance(refined.latent, truth), 1e-3));
    for (const kind of ['heun', 'dpmpp2m'] as const) {
      const { latent } = await find('descent', { recipe, sampler: kind });
      const seed = combine([1 / gainOf(kind, VARIANCE, STEPS), targets]);
      found.push(nothing(`descent, ${kind}`, distance(latent, seed), 1e-3));
    }
    return found;
  },
};

export const clusters: Check = {
  title: 'methods on three clusters, where the sampler is not linear',
  async run(bench) {
    const { runtime } = bench;
    const model = faint(bench.mixture(threeWaves(sizeOf(SHAPE)), SHAPE));
    const seeds = bench.noise([COUNT, ...SHAPE], 'verify clusters');
    const found: Row[] = [];
    const steps = samplerGrid(model.info, model.info.sampler).slice(0, -1).map(affineStep);
    const map = createStepMap(runtime, model, COUNT);
    const before = await chainOf(map, steps).value(seeds);
    for (const solver of UNDOERS.filter(solves)) {
      const { latent } = await climb(map, steps, before, undone({ solver }).interior!);
      found.push(
        nothing(`steps undone, ${solver}: distance from the true seed`, distance(latent, seeds), 2e-5),
      );
    }
    await map.dispose();
    const images = pixels(await grown(runtime, model, ddim(STEPS), seeds));
    const split = { ...undone(), lastStep: { tau: 1e-3, outer: 8, inner: 16 } };
    const ways: [Method, EmbedOptions][] = [
      ['split', { inversion: split }],
      ['auto', { inversion: split }],
      ['gauss-newton', { inversion: { whole: { tau: 1e-2, outer: 20, inner: 16 } } }],
      ['lbfgs', { inversion: { lbfgs: { tau: 1e-2, iterations: 150, memory: 10 } } }],
      ...EXACT_SAMPLERS.map((sampler): [Method, EmbedOptions] => ['exact', { sampler }]),
    ];
    for (const [method, options] of ways) {
      const { results } = await embed(model, images, {
        runtime,
        method,
        rng: bench.rng,
        batch: COUNT,
        ...options,
      });
      const name = options.sampler ? `${method}, ${options.sampler}` : method;
      found.push(
        nothing(`${name}: squared error of the picture`, Math.max(...results.map(({ mse }) => mse)), 1e-5),
      );
    }
    const inversion = undone({ solver: 'renoise', iterations: 9 });
    const { results } = await embed(model, images, { runtime, method: 'fixed-point', inversion });
    const residual = Math.max(...results.map(result => result.residual ?? Number.NaN));
    found.push(nothing('fixed-point, renoise, which only comes near: residual', residual, 0.1));
    return found;
  },
};
