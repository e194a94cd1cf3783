import { describe, expect, test } from 'vitest';
import { samplerGrid } from '../../src/diffusion/grid.ts';
import type { Denoiser, Embedder } from '../../src/diffusion/info.ts';
import { createModel } from '../../src/diffusion/model.ts';
import { gaussianDenoiser, type Mixture, mixtureDenoiser, samplerGain } from '../../src/diffusion/oracle.ts';
import { createSampler, evaluationsOf } from '../../src/diffusion/sampler.ts';
import { ddim } from '../../src/diffusion/sampler-info.ts';
import { affineStep } from '../../src/diffusion/solvers.ts';
import { embed } from '../../src/embedding/embed.ts';
import type { EmbedOptions } from '../../src/embedding/embedding.ts';
import { climb, solves, UNDOERS } from '../../src/embedding/inversion/climb.ts';
import { chainOf, createStepMap } from '../../src/embedding/inversion/maps.ts';
import { diffuse, SPLIT } from '../../src/embedding/inversion/split.ts';
import { METHODS, type Method } from '../../src/embedding/methods.ts';
import { type DescentRecipe, RECIPES } from '../../src/embedding/recipes.ts';
import { type InversionOptions, POLISH } from '../../src/embedding/settings.ts';
import { pictureAddresses, startNoise } from '../../src/embedding/starts.ts';
import { GraphBuilder } from '../../src/graph/builder.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import type { Runtime } from '../../src/runtime/runtime.ts';
import { normals } from '../../src/tensor/random.ts';
import { combine, dots } from '../../src/tensor/rowwise.ts';
import { average } from '../../src/tensor/statistics.ts';
import { concatRows, type Floats, float32, rows, takeRows, unstack } from '../../src/tensor/tensor.ts';
import { relativeError } from '../support.ts';

const runtime = await createRuntime({ threads: 1 });
const variance = 0.6;
const model = gaussianDenoiser(variance);
const gain = samplerGain(variance);
const grid = samplerGrid(model.info, ddim(10));
const last = grid.at(-1)!;
const draw = (purpose: string, n = 3): Floats => normals({ seed: 7, purpose }, [n, 1, 4, 4]);
const filled = ({ shape, data }: Floats, value: number) => float32(shape, new Array(data.length).fill(value));
/** Pixels of standardised pictures, and back. */
const pixels = (x: Floats) => combine([0.2, x], [0.5, filled(x, 1)]);
const standardised = (images: Floats) => combine([5, images], [-2.5, filled(images, 1)]);
/** The noise that start 0 of each picture draws. */
const noiseOf = (images: Floats): Floats =>
  startNoise(
    0,
    [1, 4, 4],
    pictureAddresses(images).map(image => ({ image, start: 0 })),
  );

/** What a step multiplies Gaussian data by. */
function stepGain({ from, to }: (typeof grid)[number]): number {
  const { signalRate: s, noiseRate: n } = from;
  const x0 = (s * variance) / (s * s * variance + n * n);
  return to.signalRate * x0 + (to.noiseRate * (1 - s * x0)) / n;
}
const gains = grid.map(stepGain);
const product = (values: readonly number[]) => values.reduce((all, value) => all * value, 1);
const inner = product(gains.slice(0, -1));

/** The embedder that inverts the linear sampler, up to a factor. */
function linearEmbedder(denoiser: Denoiser, factor = 1): Embedder {
  const b = new GraphBuilder('embedder');
  const { shape, range, padding, sampler } = denoiser.info;
  const x = b.input('x', 'float32', ['N', ...shape]);
  return createModel(b.build({ latent: b.mul(x, b.scalar(factor / gain)) }), {
    ...{ seedbed: 1, kind: 'embedder', name: 'linear', inputs: { image: 'x' }, output: 'latent' },
    ...{ shape, range, padding, sampler, denoiser: denoiser.hash },
  });
}

const tight = { tolerance: 1e-7, iterations: 400 };
const inside = (changes: Partial<InversionOptions['interior']>): Partial<InversionOptions> => ({
  interior: { ...SPLIT.interior, ...tight, ...changes },
});

describe('on Gaussian data', () => {
  const truth = draw('truth');
  const targets = combine([gain, truth]);
  const images = pixels(targets);
  const find = (method: Method, options: EmbedOptions = {}) =>
    embed(model, images, { runtime, method, batch: 2, ...options });

  /** The minimum of |F x - target|^2 / tau^2 + |x - anchor|^2 / spread^2 where F multiplies by `factor`. */
  const minimum = (factor: number, tau: number, anchor: Floats, spread: number) => {
    const total = factor ** 2 / tau ** 2 + 1 / spread ** 2;
    return combine([factor / tau ** 2 / total, targets], [1 / spread ** 2 / total, anchor]);
  };

  test.each<[Method, Partial<InversionOptions>]>([
    ['fixed-point', inside({})],
    ['fixed-point', inside({ solver: 'plain' })],
    ['fixed-point', inside({ solver: 'averaged' })],
    ['newton', inside({ solver: 'newton' })],
    ['fixed-point', inside({ solver: 'anderson+newton' })],
  ])('%s finds the true seed from the picture: %j', async (method, inversion) => {
    const { latent, results } = await find(method, { inversion });
    expect(relativeError(latent, truth)).toBeLessThan(1e-5);
    for (const { residual, certificate } of results) {
      expect(residual).toBeLessThanOrEqual(1e-7);
      expect(certificate!.residuals).toHaveLength(10);
    }
  });

  test('naive inversion multiplies by what its recursion says', async () => {
    const { latent, results } = await find('naive');
    // Each step takes the noise at the cleaner end: x = (y - beta epsilon(y)) / alpha, epsilon at the level of x.
    const reversed = product(
      grid.map(({ from, to }) => {
        const { signalRate: s, noiseRate: n } = from;
        const epsilon = n / (s * s * variance + n * n);
        return (s / to.signalRate) * (1 - to.noiseRate * epsilon) + n * epsilon;
      }),
    );
    expect(relativeError(latent, combine([reversed, targets]))).toBeLessThan(1e-5);
    expect(Math.abs(reversed * gain - 1)).toBeGreaterThan(0.05);
    for (const { converged, certificate, evaluations, residual } of results) {
      expect(converged).toBe(false);
      expect(certificate!.residuals).toEqual(new Array(10).fill(null));
      expect(residual).toBeUndefined();
      expect(evaluations).toBe(10 + 10);
    }
  });

  test.each([
    ['gauss-newton', 1e-2],
    ['gauss-newton', 0.3],
    ['lbfgs', 0.3],
    ['lbfgs', 3],
  ] as const)('%s reaches its minimum, tau %d', async (method, tau) => {
    const inversion = {
      whole: { tau, outer: 4, inner: 4 },
      lbfgs: { tau, iterations: 60, memory: 10 },
    };
    const { latent, results } = await find(method, { inversion });
    const exact = minimum(gain, tau, noiseOf(images), 1);
    expect(relativeError(latent, exact)).toBeLessThan(1e-4);
    const missed = combine([gain, exact], [-1, targets]);
    results.forEach(({ certificate }, row) => {
      const { data } = rows(missed, row, row + 1);
      const miss = data.reduce((sum, value) => sum + value ** 2, 0) / data.length;
      expect(certificate!.miss).toBeCloseTo(miss, 4);
    });
  });

  test.each([1e-2, 0.3])(
    'split reaches the minimum of its last step and undoes the others, tau %d',
    async tau => {
      const inversion = { ...inside({}), lastStep: { tau, outer: 4, inner: 4 } };
      const anchor = diffuse(standardised(images), noiseOf(images), last);
      const exact = combine([1 / inner, minimum(gains.at(-1)!, tau, anchor, last.from.noiseRate)]);
      for (const method of ['split', 'auto'] as const)
        expect(relativeError((await find(method, { inversion })).latent, exact)).toBeLessThan(2e-5);
    },
  );

  test.each([
    ['embedder+gauss-newton', 'whole'],
    ['embedder+lbfgs', 'lbfgs'],
    ['embedder+split', 'lastStep'],
  ] as const)('%s stays near the seed of the network', async (method, part) => {
    const tau = 0.2;
    const embedder = linearEmbedder(model, 0.8);
    const settings = part === 'lbfgs' ? { tau, iterations: 60, memory: 10 } : { tau, outer: 4, inner: 4 };
    const { latent, results } = await find(method, {
      embedder,
      inversion: { ...inside({}), [part]: settings },
    });
    const start = combine([0.8 / gain, targets]);
    const exact =
      method === 'embedder+split'
        ? combine([1 / inner, minimum(gains.at(-1)!, tau, combine([inner, start]), last.from.noiseRate)])
        : minimum(gain, tau, start, 1);
    expect(relativeError(latent, exact)).toBeLessThan(1e-4);
    expect(relativeError(latent, start)).toBeGreaterThan(0.02);
    for (const { mse, mseBefore } of results)
      if (method === 'embedder+split') expect(mseBefore).toBeUndefined();
      else expect(mse).toBeLessThan(mseBefore!);
  });

  test.each([1, 4, 9])(
    '%d diffused steps are a draw s x + n noise, from which the rest is undone',
    async diffused => {
      const inversion = { ...inside({}), diffused };
      const { latent, results } = await find('fixed-point', { inversion });
      const { from } = grid[10 - diffused]!;
      const drawn = combine([from.signalRate, targets], [from.noiseRate, noiseOf(images)]);
      const exact = combine([1 / product(gains.slice(0, 10 - diffused)), drawn]);
      expect(relativeError(latent, exact)).toBeLessThan(1e-5);
      expect(results[0]!.certificate!.residuals).toHaveLength(10 - diffused);
    },
  );

  test.each<[Method, EmbedOptions]>([
    ['split', {}],
    ['auto', {}],
    ['lbfgs', {}],
    ['gauss-newton', {}],
    ['fixed-point', { inversion: { diffused: 2 } }],
    ['fixed-point', { inversion: inside({ solver: 'renoise', iterations: 6 }) }],
    ['exact', { sampler: 'bdia' }],
    ['exact', { sampler: 'obelm' }],
  ])('%s finds a seed of its own from every start: %j', async (method, options) => {
    const { latent } = await find(method, { ...options, starts: 2 });
    expect(latent.shape[0]).toBe(6);
    for (const image of [0, 1, 2]) {
      const [a, b] = [0, 1].map(start => rows(latent, 2 * image + start, 2 * image + start + 1));
      expect(relativeError(a!, b!)).toBeGreaterThan(1e-4);
    }
  });

  test.each<[Method, EmbedOptions]>([
    ['naive', {}],
    ['fixed-point', {}],
    ['newton', {}],
    ['embedder', { embedder: linearEmbedder(model) }],
    ['embedder+split', { embedder: linearEmbedder(model) }],
    ['exact', { sampler: 'edict' }],
  ])('%s, which has one seed a picture, refuses several starts: %j', async (method, options) => {
    await expect(find(method, { ...options, starts: 2 })).rejects.toThrow(
      `method '${method}' finds one seed a picture`,
    );
  });

  test('renoise ends near the fixed point, says how near, and does not call that converged', async () => {
    const { latent, results } = await find('fixed-point', {
      inversion: inside({ solver: 'renoise', iterations: 9 }),
    });
    for (const { converged, residual } of results) {
      expect(converged).toBe(false);
      expect(residual).toBeGreaterThan(1e-4);
      expect(residual).toBeLessThan(0.5);
    }
    expect(relativeError(latent, truth)).toBeLessThan(1);
  });
});

describe('descent and the network', () => {
  const truth = draw('truth');
  const images = pixels(combine([gain, truth]));
  const recipe = { ...RECIPES.seedbed, iterations: 150 };

  test.each([
    ['ddim', 10],
    ['heun', 19],
    ['dpmpp2m', 10],
  ] as const)('descent goes through sampler %s too', async (sampler, pass) => {
    const { results, sampler: used } = await embed(model, images, {
      runtime,
      method: 'descent',
      sampler,
      recipe,
    });
    expect(used).toEqual({ ...ddim(10), kind: sampler });
    expect(Math.max(...results.map(({ mse }) => mse))).toBeLessThan(1e-5);
    expect(results[0]!.evaluations).toBe(150 * 2 * pass + pass);
  });

  test.each<[Method, EmbedOptions]>([
    ['descent', { tolerance: 0.05, recipe }],
    ['newton', { inversion: inside({ solver: 'newton', tolerance: 1e-3 }) }],
    ['lbfgs', { inversion: { lbfgs: { tau: 0.03, iterations: 5, memory: 10 } } }],
  ])('%s counts what a seed takes, whatever is beside it: %j', async (method, options) => {
    // Pictures far out keep the batch going, most of it, so that it is run as a whole.
    const hard = pixels(combine([30, centred(draw('hard', 6))]));
    const easy = rows(images, 0, 1);
    const of = (pictures: Floats) => embed(model, pictures, { runtime, method, ...options });
    const [alone, beside] = [await of(easy), await of(concatRows([easy, hard]))];
    const [own, other] = beside.results;
    expect(own!.evaluations).toBe(alone.results[0]!.evaluations);
    expect(own!.losses.length).toBe(alone.results[0]!.losses.length);
    expect(other!.evaluations).toBeGreaterThanOrEqual(own!.evaluations);
    expect(relativeError(rows(beside.latent, 0, 1), alone.latent)).toBeLessThan(1e-5);
  });

  test('of other samplers than ddim there is no gradient one step at a time, which is said', async () => {
    const options = { method: 'descent', sampler: 'heun', memory: 'checkpointed', recipe } as const;
    await expect(embed(model, images, { runtime, ...options })).rejects.toThrow(
      "not of 'heun'. Give --memory unrolled",
    );
  });

  test('the network finds the seed up to its error, and descent from there comes nearer', async () => {
    const embedder = linearEmbedder(model, 0.9);
    const first = await embed(model, images, { runtime, method: 'embedder', embedder });
    expect(relativeError(first.latent, combine([0.9, truth]))).toBeLessThan(1e-5);
    const second = await embed(model, images, { runtime, method: 'embedder+descent', embedder });
    expect(relativeError(second.latent, truth)).toBeLessThan(0.05);
  });
});

/** The same with a mean of 0 in each row: pictures of them are as bright as others. */
function centred(z: Floats): Floats {
  const means = unstack(z).map(({ data }) => average(data));
  const size = z.data.length / means.length;
  return float32(
    z.shape,
    z.data.map((value, i) => value - means[Math.floor(i / size)]!),
  );
}

test('the last move of descent counts as any other: it converges where it comes near enough', async () => {
  const images = rows(pixels(combine([gain, draw('truth')])), 0, 1);
  const moved = (tolerance?: number) =>
    embed(model, images, {
      ...{ runtime, method: 'descent', recipe: { ...RECIPES.seedbed, iterations: 3 }, tolerance },
    });
  const { mse } = (await moved()).results[0]!;
  // In standardised pixels, whose deviation is 1 / 5.
  const [near, far] = [25.1, 24.9].map(factor => moved(factor * mse));
  expect((await near!).results[0]!.converged).toBe(true);
  expect((await far!).results[0]!.converged).toBe(false);
});

describe('what embed is given is looked at', () => {
  const image = pixels(draw('image', 1));
  const nan = float32(
    image.shape,
    image.data.map((value, i) => (i === 7 ? Number.NaN : value)),
  );
  const bytes = float32(
    image.shape,
    image.data.map(value => 255 * value),
  );
  test.each<[Floats, object, string]>([
    [nan, {}, 'the pictures hold NaN, which is no number'],
    [bytes, {}, 'embeds pixels from 0 to 1, got a picture with a mean of'],
    [
      image,
      { method: 'split', tolerance: 1e-3 },
      "method 'split' has no use for 'tolerance'. Leave it out, or",
    ],
    [image, { methd: 'naive' }, "there is no option 'methd'. There are: runtime, method,"],
    [image, { method: 'descent', memory: 'swap' as 'unrolled' }, 'memory is not as it has to be'],
    [image, { recipe: { ...RECIPES.seedbed, pace: 1 } as DescentRecipe }, 'Unrecognized key: "pace"'],
    [image, { inversion: { tau: 0.2 } }, 'Unrecognized key: "tau"'],
    [image, { inversion: { ...SPLIT, lastStep: { ...SPLIT.lastStep, tau: -1 } } }, 'at lastStep.tau'],
    [image, { inversion: { ...SPLIT, lastStep: { ...SPLIT.lastStep, tau: Number.NaN } } }, 'lastStep.tau'],
    [image, { inversion: { ...SPLIT, lastStep: { ...SPLIT.lastStep, outer: 0 } } }, 'lastStep.outer'],
    [image, { inversion: { ...SPLIT, interior: { ...SPLIT.interior, solver: 'foo' } } }, 'interior.solver'],
    [image, { method: 'descent', recipe: { ...RECIPES.seedbed, loss: 'foo' } }, 'at loss'],
    [image, { method: 'descent', tolerance: Number.NaN }, 'tolerance is not as it has to be'],
  ])('case %#', async (pictures, options, message) => {
    await expect(embed(model, pictures, { runtime, ...options })).rejects.toMatchObject({
      kind: 'BadArgument',
      message: expect.stringContaining(message),
    });
  });
});

describe('method and sampler that do not fit are refused in words', () => {
  const image = pixels(draw('image', 1));
  test.each<[Method, EmbedOptions, string]>([
    [
      'split',
      { sampler: 'edict' },
      "sampler 'edict' keeps two states, which method 'exact' inverts; method 'split' cannot",
    ],
    ['descent', { sampler: 'bdia' }, "method 'descent' cannot"],
    [
      'exact',
      {},
      "method 'exact' inverts samplers 'edict', 'bdia', 'obelm' and 'rex'; 'ddim' has no exact inverse",
    ],
    [
      'lbfgs',
      { sampler: 'heun' },
      "method 'lbfgs' undoes the steps of sampler 'ddim'; for 'heun' use method 'descent'",
    ],
    [
      'fixed-point',
      { inversion: { diffused: 10 } },
      'of 10 steps at most 9 can be replaced by noise, not 10',
    ],
    ['fixed-point', { inversion: { diffused: -1 } }, 'diffused is a whole number of at least 0, got -1'],
    ['fixed-point', { inversion: { diffused: 1.5 } }, 'diffused is a whole number of at least 0, got 1.5'],
    [
      'fixed-point',
      { inversion: inside({ iterations: 1 }) },
      'iterations is a whole number of at least 2, got 1',
    ],
    ['split', { inversion: inside({ iterations: 1 }) }, 'iterations is a whole number of at least 2, got 1'],
    ['split', { inversion: inside({ solver: 'renoise' }) }, "method 'split' cannot use it"],
    ['auto', { inversion: inside({ solver: 'renoise' }) }, "method 'auto' cannot use it"],
    ['guess' as Method, {}, "there is no method 'guess'. There are: embedder, descent"],
  ])('%s: %j', async (method, options, message) => {
    await expect(embed(model, image, { runtime, method, ...options })).rejects.toThrow(message);
  });

  test('renoise on pictures whose sides are no multiples of 4', async () => {
    const odd = gaussianDenoiser(1, [1, 6, 6]);
    const images = float32([1, 1, 6, 6], new Array(36).fill(0.5));
    const inversion = inside({ solver: 'renoise' });
    await expect(embed(odd, images, { runtime, method: 'fixed-point', inversion })).rejects.toThrow(
      "'renoise' works on pictures whose sides are multiples of 4, not on [1,6,6]",
    );
  });
});

/** A wave of pixels. */
const wave = (phase: number, height: number) =>
  Array.from({ length: 16 }, (_, i) => height * Math.sin(i + phase));

describe('on three clusters of pictures, where the sampler is not linear', () => {
  const mixture: Mixture = { means: [wave(0, 0.8), wave(2, 0.8), wave(4.5, 0.8)], variance: 0.1 };
  const clustered = mixtureDenoiser(mixture);
  const seeds = draw('seeds', 4);
  const steps = grid.slice(0, -1).map(affineStep);

  test.each(UNDOERS.filter(solves))('the true seed is found from x_(1/T) by %s', async solver => {
    for (const denoiser of [model, clustered]) {
      const map = createStepMap(runtime, denoiser, 4);
      const from = await chainOf(map, steps).value(seeds);
      const { latent, reports } = await climb(map, steps, from, { ...SPLIT.interior, ...tight, solver });
      expect(relativeError(latent, seeds)).toBeLessThan(1e-5);
      expect(reports.map(({ level }) => level.time)).toEqual(
        [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1].map(time => expect.closeTo(time, 9)),
      );
      await map.dispose();
    }
  });

  test.each<[Method, Partial<InversionOptions>]>([
    ['fixed-point', inside({})],
    ['newton', inside({ solver: 'newton' })],
    ['split', { ...inside({}), lastStep: { tau: 1e-3, outer: 8, inner: 16 } }],
    ['auto', { ...inside({}), lastStep: { tau: 1e-3, outer: 8, inner: 16 } }],
    ['gauss-newton', { whole: { tau: 1e-3, outer: 12, inner: 16 } }],
    ['lbfgs', { lbfgs: { tau: 1e-2, iterations: 150, memory: 10 } }],
  ])('pictures of known seeds are reconstructed by %s', async (method, inversion) => {
    const sampler = await createSampler(runtime, clustered, ddim(10), 4);
    const images = pixels(await sampler.sample(seeds));
    await sampler.dispose();
    const { results, latent } = await embed(clustered, images, { runtime, method, inversion });
    expect(Math.max(...results.map(({ mse }) => mse))).toBeLessThan(1e-6);
    if (method === 'fixed-point' || method === 'newton')
      expect(relativeError(latent, seeds)).toBeLessThan(1e-3);
  });
});

describe('where clusters lie so far apart that plain iteration diverges', () => {
  const far: Mixture = { means: [wave(1, 8), wave(1, -8)], variance: 0.1 };
  const base = mixtureDenoiser(far);
  const apart = createModel(base.graph, {
    ...base.info,
    range: { from: [0, 1], mean: [0.5], std: [0.04] },
  });
  // Seeds on the plane between the clusters and off it, where both are likely for long.
  const across = float32([8, 1, 4, 4], new Array(8).fill(wave(1, 1)).flat());
  const drawn = draw('between', 8);
  const seeds = combine(
    [1, drawn],
    [dots(drawn, across).map((part, row) => (0.15 * row - part) / 8), across],
  );
  const steps = grid.slice(0, -1).map(affineStep);

  test.each(['plain', 'anderson', 'newton', 'anderson+newton'] as const)('%s', async solver => {
    const map = createStepMap(runtime, apart, 8);
    const from = await chainOf(map, steps).value(seeds);
    const { latent, reports } = await climb(map, steps, from, { ...SPLIT.interior, ...tight, solver });
    const [residual, factor] = (['residuals', 'factors'] as const).map(kind =>
      Math.max(...reports.flatMap(report => Array.from(report[kind]))),
    );
    if (solver !== 'newton') expect(factor).toBeGreaterThan(1.5);
    if (solver === 'plain') expect(residual).toBeGreaterThan(1e-3);
    else expect(relativeError(latent, seeds)).toBeLessThan(1e-5);
    await map.dispose();
  });

  test.each(['anderson', 'newton', 'anderson+newton'] as const)(
    '%s does not call a step undone where the network gives no number',
    async solver => {
      const map = createStepMap(runtime, apart, 8);
      const silent = { ...map, value: async (x: Floats) => filled(x, Number.NaN) };
      const { reports } = await climb(silent, steps.slice(0, 1), seeds, {
        ...{ ...SPLIT.interior, ...tight, solver },
      });
      for (const { residuals } of reports)
        for (const residual of residuals) expect(Number.isFinite(residual)).toBe(false);
      await map.dispose();
    },
  );

  test('the certificate says so, and auto repairs what is flagged, and only that', async () => {
    const sampler = await createSampler(runtime, apart, ddim(10), 8);
    const grown = await sampler.sample(seeds);
    await sampler.dispose();
    const images = combine([0.04, grown], [0.5, filled(grown, 1)]);
    const inversion = {
      lastStep: { tau: 0.05, outer: 4, inner: 8 },
      interior: { ...SPLIT.interior, solver: 'plain', iterations: 60 },
    } as const;
    const [once, again] = await Promise.all(
      (['split', 'auto'] as const).map(method =>
        embed(apart, images, { runtime, method, inversion, batch: 8 }),
      ),
    );
    const stuck = once!.results.map(({ certificate }) =>
      certificate!.flags.some(flag => /undone/.test(flag)),
    );
    expect(new Set(stuck)).toEqual(new Set([true, false]));
    const retry =
      Math.max(...again!.results.map(({ evaluations }) => evaluations)) - once!.results[0]!.evaluations;
    expect(retry).toBeGreaterThanOrEqual(POLISH.outer * POLISH.inner * 4 * 10);
    stuck.forEach((flagged, row) => {
      const [before, after] = [once!.results[row]!, again!.results[row]!];
      if (flagged) {
        expect(before.converged).toBe(false);
        expect(before.certificate!.flags.join()).toMatch(
          /the step to time 0\.\d0 is undone to a residual of .* not 0\.0005/,
        );
        expect(after.mse).toBeLessThanOrEqual(before.mse);
        expect(after.certificate!.residuals).toEqual([]);
        expect(after.evaluations).toBe(before.evaluations + retry);
      } else {
        expect(rows(again!.latent, row, row + 1)).toEqual(rows(once!.latent, row, row + 1));
        expect(after).toEqual(before);
      }
    });
    const settled = takeRows(
      once!.latent,
      stuck.flatMap((flagged, row) => (flagged ? [] : [row])),
    );
    expect(settled.data.every(Number.isFinite)).toBe(true);
  });
});

describe('a certificate', () => {
  const image = pixels(combine([gain, draw('image', 1)]));
  const one = async (method: Method, options: EmbedOptions, on = model, picture = image) =>
    (await embed(on, picture, { runtime, method, ...options })).results[0]!;
  const hasty = { interior: { ...SPLIT.interior, iterations: 2 } };

  test('holds the residual of every step undone and the factor of the plain iteration', async () => {
    const { certificate, converged } = await one('fixed-point', { inversion: inside({}) });
    expect(certificate!.flags).toEqual([]);
    expect(converged).toBe(true);
    // In the order in which they were undone, that of the last step first: g' = n'/n-weighted share of epsilon'.
    grid.toReversed().forEach((step, i) => {
      const { alpha, beta, level } = affineStep(step);
      const epsilon = level.noiseRate / (level.signalRate ** 2 * variance + level.noiseRate ** 2);
      expect(certificate!.factors[i]).toBeCloseTo(Math.abs((beta / alpha) * epsilon), 3);
      expect(certificate!.residuals[i]).toBeLessThanOrEqual(1e-7);
    });
  });

  test('is flagged, and the seed not called converged, where a step was not undone', async () => {
    const { certificate, converged, residual } = await one('fixed-point', { inversion: hasty });
    const flag = /^the step to time (0\.\d\d) is undone to a residual of (0\.\d+), not (0\.\d+)$/;
    const [, time, left, wanted] = flag.exec(certificate!.flags[0]!)!;
    const at = grid.findIndex(({ from }) => from.time.toFixed(2) === time);
    expect(certificate!.residuals[9 - at]!.toPrecision(2)).toBe(left);
    expect(Number(left)).toBeGreaterThan(Number(wanted));
    expect(converged).toBe(false);
    expect(residual).toBeGreaterThan(1e-3);
    // Two evaluations show how steep a step is.
    expect(certificate!.factors).not.toContain(null);
  });

  test('has no factor where a step was undone at once', async () => {
    // A grey picture of the data's mean is its own seed: while the other row goes on, it has no second iterate.
    const grey = float32([2, 1, 4, 4], [...new Array(16).fill(0.5), ...image.data]);
    const { results } = await embed(model, grey, { runtime, method: 'fixed-point', inversion: inside({}) });
    expect(results[0]!.certificate!.factors).toEqual(new Array(10).fill(null));
    expect(results[1]!.certificate!.factors).not.toContain(null);
  });

  test('is flagged where the last step misses the picture by more than tau', async () => {
    const white = float32([1, 1, 4, 4], new Array(16).fill(1));
    const found = await one(
      'split',
      { inversion: { lastStep: { tau: 0.3, outer: 4, inner: 4 } } },
      model,
      white,
    );
    expect(found.certificate!.flags[0]).toMatch(
      /^the last step misses the picture by 0\.\d+, more than tau 0\.3$/,
    );
    expect(Math.sqrt(found.certificate!.miss!)).toBeGreaterThan(0.3);
    expect(found.converged).toBe(false);
  });

  test('notes where the seed is no likely noise, which is no failure', async () => {
    const faint = gaussianDenoiser(0.01);
    const found = await one('fixed-point', { inversion: inside({}) }, faint);
    expect(found.latentVariance).toBeGreaterThan(2);
    expect(found.certificate!.notes).toEqual([
      `the seed's variance is ${found.latentVariance.toPrecision(3)}, where noise has 1`,
    ]);
    expect(found.certificate!.flags).toEqual([]);
    expect(found.converged).toBe(true);
  });

  test.each(['naive', 'uni-inv', 'pmi', 'renoise'] as const)(
    'does not call a seed converged that was found by %s inside',
    async solver => {
      const method = solver === 'renoise' ? 'fixed-point' : 'split';
      expect((await one(method, { inversion: inside({ solver, iterations: 5 }) })).converged).toBe(false);
    },
  );

  test.each(['edict', 'bdia', 'obelm', 'rex'] as const)(
    'of %s is flagged where rounding has grown over its inverse',
    async sampler => {
      const found = await one('exact', { sampler, samplerSteps: 400 });
      const { certificate, mse } = found;
      expect(certificate!.flags.length > 0).toBe(mse > 1e-3);
      expect(found.converged).toBe(mse <= 1e-3);
      // Of EDICT it has: by .93^-800.
      if (sampler === 'edict')
        expect(certificate!.flags.join()).toMatch(/the sampler misses the picture|range of numbers/);
    },
  );

  test('is flagged where the network gives no numbers, whatever the solver', async () => {
    const b = new GraphBuilder('broken');
    const x = b.input('x', 'float32', ['N', 1, 4, 4]);
    b.input('noise_variance', 'float32', ['N']);
    const broken = createModel(b.build({ epsilon: b.sqrt(b.sub(b.neg(b.mul(x, x)), b.scalar(1))) }), {
      ...model.info,
      name: 'broken',
    });
    for (const solver of UNDOERS.filter(name => solves(name) || name === 'renoise')) {
      const found = await one('fixed-point', { inversion: inside({ solver, iterations: 4 }) }, broken).catch(
        (error: Error) => error,
      );
      if (found instanceof Error) throw found;
      expect(found.certificate!.flags[0], solver).toMatch(/is undone to no number, not/);
      expect(found.converged, solver).toBe(false);
    }
  });
});

describe('auto', () => {
  const images = pixels(combine([gain, draw('images')]));
  test('repairs what split inversion flagged, and counts both', async () => {
    // Of pictures of such contrast naive inversion is far off.
    const images = pixels(combine([4 * gain, draw('images')]));
    const hasty = { interior: { ...SPLIT.interior, solver: 'naive' } } as const;
    const [once, again] = await Promise.all(
      (['split', 'auto'] as const).map(method =>
        embed(model, images, { runtime, method, inversion: hasty, batch: 2 }),
      ),
    );
    again!.results.forEach((result, row) => {
      expect(once!.results[row]!.certificate!.flags).not.toEqual([]);
      expect(result.certificate!.flags).toEqual([]);
      expect(result.converged).toBe(true);
      expect(result.certificate!.miss).toBeLessThan(SPLIT.lastStep.tau ** 2);
      expect(result.mse).toBeLessThan(once!.results[row]!.mse);
      expect(result.evaluations).toBeGreaterThan(
        once!.results[row]!.evaluations + POLISH.outer * POLISH.inner * 4 * 10 - 1,
      );
    });
  });

  test('does as split where nothing is flagged', async () => {
    const [split, auto] = await Promise.all(
      (['split', 'auto'] as const).map(method => embed(model, images, { runtime, method })),
    );
    expect(auto!.latent).toEqual(split!.latent);
    expect(auto!.results).toEqual(split!.results);
  });
});

describe('evaluations', () => {
  /** A runtime that adds up the passes of the graphs that it runs. */
  function counting(): Runtime & { passes: number } {
    const passesOf = (name: string) => {
      if (name === 'descent step') return 2 * 10;
      if (name === 'whitening') return 0;
      return /(pull back|tangent)$/.test(name) ? 2 : /push$/.test(name) ? 3 : 1;
    };
    const counter = {
      ...runtime,
      passes: 0,
      async load(...[graph]: Parameters<Runtime['load']>) {
        const session = await runtime.load(graph);
        return {
          ...session,
          run: (feeds: Parameters<typeof session.run>[0]) => {
            counter.passes += passesOf(graph.name);
            return session.run(feeds);
          },
          dispose: () => session.dispose(),
        };
      },
    };
    return counter;
  }

  const image = pixels(combine([gain, draw('image', 1)]));
  const recipe = { ...RECIPES.refine, iterations: 3 };
  const cases: [Method, EmbedOptions][] = METHODS.flatMap(method =>
    (method === 'exact'
      ? (['edict', 'bdia', 'obelm', 'rex'] as const)
      : method === 'reversed'
        ? (['rfsolver', 'fireflow'] as const)
        : [undefined]
    ).map((sampler): [Method, EmbedOptions] => [method, { sampler }]),
  );
  cases.push(
    ['auto', { inversion: { interior: { ...SPLIT.interior, iterations: 2 } } }],
    ['fixed-point', { inversion: inside({ solver: 'renoise', iterations: 5 }) }],
    ['split', { inversion: inside({ solver: 'anderson+newton', iterations: 2 }) }],
  );

  test.each(cases)('of %s are those that the network makes: %j', async (method, options) => {
    const counter = counting();
    const { results } = await embed(model, image, {
      runtime: counter,
      method,
      recipe,
      embedder: method.includes('embedder') ? linearEmbedder(model, 0.9) : undefined,
      ...options,
    });
    expect(results[0]!.evaluations).toBe(counter.passes);
    expect(counter.passes).toBeGreaterThan(evaluationsOf(ddim(10)));
  });

  test('of a map are those of the rows that were wanted', async () => {
    const map = createStepMap(runtime, model, 3);
    const [x, step] = [draw('x'), affineStep(last)];
    const some = [false, true, false];
    const [all, few] = [await map.pullBack(x, x, step), await map.pullBack(x, x, step, some)];
    expect(Array.from(map.evaluations)).toEqual([2, 4, 2]);
    expect(relativeError(rows(few.pulled, 1, 2), rows(all.pulled, 1, 2))).toBeLessThan(1e-5);
    expect(rows(few.value, 0, 1).data.every(value => value === 0)).toBe(true);
    await map.dispose();
  });
});
