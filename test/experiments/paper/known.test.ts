import { describe, expect, test } from 'vitest';
import { openDataset } from '../../../src/data/open.ts';
import { nearestOnCurve } from '../../../src/data/synthetic.ts';
import { prepare } from '../../../src/diffusion/batches.ts';
import { samplerGrid } from '../../../src/diffusion/grid.ts';
import { withSampler } from '../../../src/diffusion/info.ts';
import { gaussianDenoiser, mixtureDenoiser, samplerGain } from '../../../src/diffusion/oracle.ts';
import { createSampler } from '../../../src/diffusion/sampler.ts';
import { ddim } from '../../../src/diffusion/sampler-info.ts';
import { ratesAt, SCHEDULES } from '../../../src/diffusion/schedule.ts';
import { stepGain } from '../../../src/diffusion/solvers.ts';
import { inCloud, largestPiece } from '../../../src/experiments/paper/connected.ts';
import { withContrast } from '../../../src/experiments/paper/fig19.ts';
import type { Experiment, Lab, SeedCloud } from '../../../src/experiments/paper/lab.ts';
import { ratioOfMeans } from '../../../src/experiments/paper/means.ts';
import { compareTrainings, trainingOf } from '../../../src/experiments/paper/measure/siblings.ts';
import { straightness, trajectories } from '../../../src/experiments/paper/measure/trajectories.ts';
import { EXPERIMENTS } from '../../../src/experiments/paper/reproduction.ts';
import { convolutionFit } from '../../../src/experiments/paper/rescaled.ts';
import { memorised } from '../../../src/experiments/paper/training-size.ts';
import { combinations, simplexWeights } from '../../../src/latent/combinations.ts';
import { coordinates } from '../../../src/latent/pca.ts';
import { sensitiveDirections } from '../../../src/latent/sensitive.ts';
import { wienerPictures } from '../../../src/quality/linear.ts';
import { nearestDistances } from '../../../src/quality/neighbours.ts';
import { pixelFigures } from '../../../src/quality/samples.ts';
import { fineDetail, sharpness } from '../../../src/quality/sharpness.ts';
import { strangeness } from '../../../src/quality/strangeness.ts';
import { normals } from '../../../src/tensor/random.ts';
import { combine } from '../../../src/tensor/rowwise.ts';
import { average, meanSquares } from '../../../src/tensor/statistics.ts';
import { concatRows, type Floats, float32, rows, takeRows } from '../../../src/tensor/tensor.ts';
import { gaussianPictures, madeUpCloud, run, SHAPE, scalingEmbedder, TOY, toyLab, valuesIn } from '../lab.ts';

/** Variance of the toy data, standardised, and what its best denoiser's sampler multiplies a seed by. */
const VARIANCE = 0.5;
const GAIN = samplerGain(VARIANCE);
/** Squared errors of pixels are those of standardised values times this. */
const PIXEL = 0.2 ** 2;
const gaussian = gaussianDenoiser(VARIANCE, SHAPE);
const experiment = (name: string) => EXPERIMENTS.find(one => one.name === name)!;
const valuesOf = async (one: Experiment, lab: Lab) => valuesIn((await run(one, lab)).claims);
const draw = (purpose: string, count: number, shape = SHAPE) =>
  normals({ seed: 3, purpose }, [count, ...shape]);

/** A laboratory where all models are the best denoiser of round Gaussian data. */
const gaussianLab = (more: Partial<Parameters<typeof toyLab>[0]> = {}) =>
  toyLab({
    denoisers: { '*': gaussian },
    embedders: { '*': scalingEmbedder(gaussian, 1 / GAIN) },
    data: {
      'fashion-mnist': gaussianPictures('test', 60, VARIANCE),
      '*': gaussianPictures('train', 60, VARIANCE),
    },
    ...more,
  });

/** The same with a cloud of made-up seeds: correlation rho with each other, through a part that all share. */
async function labOfCloud(latent: (image: Floats) => Floats, model = gaussian): Promise<Lab> {
  const sizes = { clouds: { pictures: 1, seeds: 64 }, descent: { ...TOY.descent, pictures: 1 } };
  const lab = await gaussianLab({ denoisers: { '*': model }, sizes });
  const data = await lab.data('fashion-mnist', 'test');
  const image = await data.read([0]);
  const cloud: SeedCloud = await madeUpCloud(lab, model, image, latent(image));
  return { ...lab, cloud: async () => cloud };
}
/** K seeds a c + sqrt(1 - a^2) noise about a common part c of variance 1. */
const correlated = (count: number, a: number, common: Floats): Floats => {
  const noise = draw('cloud', count);
  return float32(
    noise.shape,
    noise.data.map((z, i) => a * common.data[i % common.data.length]! + Math.sqrt(1 - a * a) * z),
  );
};
const standardised = (image: Floats) => prepare(image, 0, gaussian.info.range);
/** The picture made to have variance 1, as a seed's common part. */
const unitPicture = (image: Floats) => {
  const x = standardised(image);
  const scale = Math.sqrt(meanSquares(x)[0]!);
  return float32(
    x.shape,
    x.data.map(value => value / scale),
  );
};

describe('on round Gaussian data, whose sampler multiplies by a known gain', () => {
  test('fig1: the picture as a seed is missed by (1 - gain)^2 of its variance', async () => {
    const lab = await gaussianLab();
    const images = await (await lab.data('fashion-mnist', 'test')).read(
      Array.from({ length: 12 }, (_, i) => i),
    );
    const square = meanSquares(standardised(images)).reduce((a, b) => a + b) / 12;
    const { own, variance } = await valuesOf(experiment('fig1'), lab);
    expect(variance).toBeCloseTo(square, 5);
    expect(own! / ((1 - GAIN) ** 2 * square * PIXEL)).toBeCloseTo(1, 2);
  });

  test('fig2: a weak picture is missed by (1 - rate gain)^2, and its form is kept whole', async () => {
    const lab = await gaussianLab();
    const images = await (await lab.data('fashion-mnist', 'test')).read(
      Array.from({ length: 12 }, (_, i) => i),
    );
    const square = meanSquares(standardised(images)).reduce((a, b) => a + b) / 12;
    const values = await valuesOf(experiment('fig2'), lab);
    for (const rate of [0.02, 0.08]) {
      expect(values[`error.${rate}`]! / ((1 - rate * GAIN) ** 2 * square * PIXEL)).toBeCloseTo(1, 3);
      expect(values[`form.${rate}`]).toBeCloseTo(1, 4);
    }
  });

  test('noisy-seed: draws differ by 2 (level gain)^2', async () => {
    const values = await valuesOf(experiment('noisy-seed'), await gaussianLab({ sizes: { sample: 60 } }));
    expect(values['spread.0']).toBe(0);
    for (const level of [0.5, 1])
      expect(values[`spread.${level}`]! / (2 * (level * GAIN) ** 2 * PIXEL)).toBeCloseTo(1, 1);
  });

  test('fig3, fig16, fig17: an exact embedder loses nothing, and one of half the seed keeps detail at half its strength', async () => {
    const exact = await gaussianLab();
    expect((await valuesOf(experiment('fig3'), exact)).own).toBeLessThan(1e-9);
    expect((await valuesOf(experiment('fig16'), exact)).kept).toBeCloseTo(1, 3);
    expect((await valuesOf(experiment('fig17'), exact)).kept).toBeCloseTo(1, 3);
    const half = await gaussianLab({ embedders: { '*': scalingEmbedder(gaussian, 0.5 / GAIN) } });
    const { strength, kept } = await valuesOf(experiment('fig16'), half);
    expect(strength).toBeCloseTo(0.5, 2);
    expect(kept).toBeCloseTo(0.75, 2);
  });

  test('table1: each network is missed by (1 - factor gain)^2', async () => {
    const factors = { 'embedder-conv-1': 0.2, 'embedder-conv-3x16': 0.5, 'embedder-unet': 0.9 };
    const embedders = Object.fromEntries(
      Object.entries(factors).map(([name, f]) => [name, scalingEmbedder(gaussian, f / GAIN)]),
    );
    const data = gaussianPictures('test', 400, VARIANCE);
    const lab = await gaussianLab({
      denoisers: { 'fashion-mnist': gaussian },
      embedders,
      data: { 'fashion-mnist': data },
    });
    const { claims } = await run(experiment('table1'), lab);
    const images = await data.read(Array.from({ length: 24 }, (_, i) => i));
    const square = meanSquares(standardised(images)).reduce((a, b) => a + b) / 24;
    for (const [name, f] of Object.entries(factors))
      expect(claims[0]!.values[name]! / ((1 - f) ** 2 * square * PIXEL)).toBeCloseTo(1, 2);
    expect(claims[0]!.numbersSay).toBe('holds');
  });

  test('table2: generated pictures are easier by the ratio of their variances', async () => {
    const lab = await gaussianLab({
      embedders: { '*': scalingEmbedder(gaussian, 0.5 / GAIN) },
      sizes: { table: 60, sample: 8 },
    });
    const { ratio } = await valuesOf(experiment('table2'), lab);
    expect(ratio! / (GAIN ** 2 / VARIANCE)).toBeGreaterThan(0.9);
    expect(ratio! / (GAIN ** 2 / VARIANCE)).toBeLessThan(1.1);
  });

  test('fig18: descent from a seed of half the length brings the error down', async () => {
    const lab = await gaussianLab({ embedders: { '*': scalingEmbedder(gaussian, 0.5 / GAIN) } });
    const { before, after, inverted } = await valuesOf(experiment('fig18'), lab);
    expect(after!).toBeLessThan(before!);
    expect(inverted!).toBeLessThan(after!);
  });

  test('fig19: a washed-out middle is given the contrast of its ends before it is held against pictures', async () => {
    const images = await gaussianPictures('ends', 4, VARIANCE).read([0, 1, 2, 3]);
    const middle = combine([0.5, takeRows(images, [0, 2])], [0.5, takeRows(images, [1, 3])]);
    const faded = float32(
      middle.shape,
      middle.data.map(value => 0.5 + 0.3 * (value - 0.5)),
    );
    const [own, brought] = [withContrast(middle, images), withContrast(faded, images)];
    const spread = (pictures: Floats, row: number) => pixelFigures(rows(pictures, row, row + 1)).variance;
    for (const i of [0, 1]) {
      const ends = (spread(images, 2 * i) + spread(images, 2 * i + 1)) / 2;
      expect(spread(own, i) / ends).toBeCloseTo(1, 4);
      expect(spread(brought, i) / ends).toBeCloseTo(1, 4);
    }
  });

  test('fig19: where the sampler is linear the middle is a superposition, and the verdict says so', async () => {
    const lab = await gaussianLab({
      data: {
        'fashion-mnist': gaussianPictures('test', 60, VARIANCE),
        'fashion-mnist:train': gaussianPictures('train', 60, VARIANCE),
      },
    });
    const { claims } = await run(experiment('fig19'), lab);
    expect(claims[0]!.values.leftLerp).toBeLessThan(0.03);
    expect(claims[0]!.numbersSay).toBe('fails');
  });

  test('fig5: where every picture has a seed, strokes stay as drawn at dial 0', async () => {
    expect((await valuesOf(experiment('fig5'), await gaussianLab()))['kept.0']).toBeCloseTo(1, 2);
  });

  test('schedules: the error of ten steps is that of two known gains', async () => {
    const fashion = gaussian;
    const { best } = await valuesOf(experiment('schedules'), await gaussianLab({ sizes: { sample: 64 } }));
    const [ten, hundred] = [samplerGain(VARIANCE, 10), samplerGain(VARIANCE, 100)];
    expect(withSampler(fashion, ddim(10)).info.sampler.steps).toBe(10);
    // Along a list of the same levels: what differs are the two gains only.
    expect(best! / ((ten - hundred) ** 2 * PIXEL)).toBeGreaterThan(0.9);
    expect(best! / ((ten - hundred) ** 2 * PIXEL)).toBeLessThan(1.1);
  });

  test('fig10, retrain, blocks, level-input: equal networks agree wholly, others by their gains', async () => {
    const other = gaussianDenoiser(1.5, SHAPE);
    const gains = [GAIN, samplerGain(1.5)] as const;
    const expected = (gains[0] - gains[1]) ** 2 / (gains[0] ** 2 + gains[1] ** 2);
    const data = { '*': gaussianPictures('train', 64, VARIANCE) };
    const denoisers = {
      'mnist-small': gaussian,
      'mnist-small-2': gaussian,
      'mnist-small-27500a': gaussian,
      'mnist-small-27500b': other,
      'mnist-small-1-block': other,
      'mnist-small-level-at-blocks': other,
    };
    const lab = await toyLab({ denoisers, data: { mnist: data['*'] }, sizes: { sample: 100 } });
    const unique = await valuesOf(experiment('fig10'), lab);
    // Of five pairs one is of equal networks, which share their random numbers.
    for (const [ratio, share] of [
      [unique.mean, 4 / 5],
      [unique.sharing, 2 / 3],
      [unique.apart, 1],
    ] as const)
      expect(ratio! / expected / share).toBeCloseTo(1, 1);
    const [again, halves] = (await run(experiment('retrain'), lab)).claims;
    expect(again!.values.ratio).toBe(0);
    expect(halves!.values.ratio! / expected).toBeCloseTo(1, 1);
    expect((await valuesOf(experiment('blocks'), lab)).ratio! / expected).toBeCloseTo(1, 1);
    const level = await valuesOf(experiment('level-input'), lab);
    // The denoiser of another variance can only lose; that trained again is the same.
    expect(level.gain).toBeLessThan(0);
    expect(level.chance).toBe(0);
  });

  test('networks that differ in more than one thing are no siblings', async () => {
    const finer = withSampler(gaussian, ddim(20));
    const denoisers = { 'mnist-small': gaussian, 'mnist-small-2': finer, 'mnist-small-1-block': gaussian };
    const data = { mnist: gaussianPictures('train', 64, VARIANCE) };
    const run = experiment('blocks').measure(await toyLab({ denoisers, data }));
    await expect(run).rejects.toThrow(
      /mnist-small and mnist-small-2 cannot be compared.* its sampler is .*"steps":10.*"steps":20/,
    );
  });

  test('agreement: after common first steps networks part by the gains of those that are left', async () => {
    const variances = [VARIANCE, 1.5] as const;
    const [a, b] = variances.map(variance => gaussianDenoiser(variance, SHAPE));
    const few = gaussianPictures('train', 64, VARIANCE);
    const train = {
      ...few,
      length: 60_000,
      read: (at: ArrayLike<number>) => few.read(Array.from(at, i => i % 60)),
    };
    const denoisers = { 'mnist-small-30a': a!, 'mnist-small-30b': b! };
    const lab = await toyLab({ denoisers, data: { mnist: train }, sizes: { sample: 100 } });
    const { tables } = await run(experiment('agreement'), lab);
    const grid = samplerGrid(a!.info, a!.info.sampler);
    for (const [steps, , , ratio] of tables![0]!.rows) {
      const left = variances.map(variance =>
        grid.slice(Number(steps)).reduce((gain, step) => gain * stepGain(step, variance), 1),
      );
      const expected = (left[0]! - left[1]!) ** 2 / (left[0]! ** 2 + left[1]! ** 2);
      expect(Number.parseFloat(ratio!) / expected, `after ${steps}`).toBeCloseTo(1, 1);
    }
    expect(tables![0]!.rows).toHaveLength(10);
  });

  describe('halves: networks whose halves and whose chance differ by known amounts', () => {
    /** Trainings are denoisers of these variances, the halves of the data have the variances .5 and .8. */
    const labOfHalves = async (
      a: readonly number[],
      b: readonly number[],
      sameChance: readonly number[] = [],
    ) => {
      const named = (half: string, variances: readonly number[]) =>
        variances.map((variance, i) => [
          `mnist-small-27500${half}${i === 0 ? '' : `-${i + 1}`}`,
          gaussianDenoiser(variance, SHAPE),
        ]);
      const parts = [0.5, 0.8].map(variance => gaussianPictures(`half ${variance}`, 5000, variance));
      const all = await Promise.all(parts.map(part => part.read(Array.from({ length: 5000 }, (_, i) => i))));
      const train = {
        ...parts[0]!,
        length: 55_000,
        read: async (at: ArrayLike<number>) =>
          concatRows(Array.from(at, i => rows(all[i < 27_500 ? 0 : 1]!, i % 5000, (i % 5000) + 1))),
      };
      return toyLab({
        denoisers: Object.fromEntries([...named('a', a), ...named('b', b), ...named('b-as-a', sameChance)]),
        data: { mnist: parts[0]!, 'mnist:train': train },
        sizes: { sample: 50, table: 100 },
      });
    };
    const meanOf = (
      of: (v: number, w: number) => number,
      left: readonly number[],
      right?: readonly number[],
    ) => average(left.flatMap((v, i) => (right ?? left.slice(i + 1)).map(w => of(v, w))));
    const { signalRate: s, noiseRate: n } = ratesAt(gaussian.info.schedule, 0.5);
    const factor = (v: number) => (s * v) / (s ** 2 * v + n ** 2);
    const seen = (v: number, w: number) => (factor(v) - factor(w)) ** 2;

    test('what two halves differ by, one half, the images, linear denoisers of them', async () => {
      const [a, b] = [
        [0.5, 0.6, 0.45],
        [0.9, 1, 1.2, 0.95],
      ] as const;
      const lab = await labOfHalves(a, b, [0.9, 0.5]);
      const [pictures, clean] = (await run(experiment('halves'), lab)).claims.map(({ values }) => values);
      const gain = (v: number, w: number) => (samplerGain(v) - samplerGain(w)) ** 2;
      // Of different seeds: twice the variance of a network's own pictures.
      const chance = 2 * average([...a, ...b].map(v => samplerGain(v) ** 2));
      expect((pictures!.disjoint! * chance) / meanOf(gain, a, b)).toBeCloseTo(1, 1);
      expect((pictures!.one! * chance * 2) / (meanOf(gain, a) + meanOf(gain, b))).toBeCloseTo(1, 1);
      expect((pictures!.sameChance! * chance * 2) / (gain(0.5, 0.9) + gain(0.6, 0.5))).toBeCloseTo(1, 1);
      const one = (meanOf(seen, a) + meanOf(seen, b)) / 2;
      expect(clean!.one! / clean!.disjoint!).toBeCloseTo(one / meanOf(seen, a, b), 2);
      expect(clean!.added! / clean!.disjoint!).toBeCloseTo(1 - one / meanOf(seen, a, b), 2);
      expect(clean!.linear! / clean!.disjoint!).toBeCloseTo(seen(0.5, 0.8) / meanOf(seen, a, b), 1);
      // Where several grow together each step goes by the mean of what they see.
      const together = (variances: readonly number[]) =>
        samplerGrid(gaussian.info, gaussian.info.sampler).reduce((gain, step) => {
          const gains = variances.map(variance => stepGain(step, variance));
          return gain * average(gains);
        }, 1);
      const ratio = (first: readonly number[], second: readonly number[]) => {
        const [one, other] = [together(first), together(second)];
        return (one - other) ** 2 / (one ** 2 + other ** 2);
      };
      for (const number of [1, 2, 3]) {
        const ratios = [];
        for (let from = 0; from + number <= a.length; from += number)
          ratios.push(ratio(a.slice(from, from + number), b.slice(from, from + number)));
        expect(pictures![`jointly.${number}`]! / average(ratios), `${number} together`).toBeCloseTo(1, 1);
      }
    });

    test('halves of which networks learned the same add nothing but chance', async () => {
      const draws = (purpose: string) => Array.from(draw(purpose, 11, [1]).data, value => 0.7 + 0.1 * value);
      const { claims, tables } = await run(experiment('halves'), await labOfHalves(draws('a'), draws('b')));
      expect(claims.map(({ verdict }) => verdict)).toEqual(['partly', 'holds']);
      const added = tables!.at(-1)!.rows.map(row => row[4]!);
      for (const text of added) {
        const [low, high] = /\((.*) to (.*), n = 10\)/.exec(text)!.slice(1).map(Number);
        expect(low! < 0 && high! > 0, text).toBe(true);
      }
    });

    test('trainings of other random numbers are none with the same', async () => {
      const lab = await labOfHalves([0.5, 0.6], [0.9, 1], [0.9]);
      const other = (name: string, rng: number) =>
        lab.denoiser(name).then(model => ({ ...model, info: { ...model.info, training: { rng } } }));
      const denoiser = (name: string) => other(name, name.endsWith('b-as-a') ? 1 : 0);
      await expect(experiment('halves').measure({ ...lab, denoiser })).rejects.toThrow(
        /mnist-small-27500b-as-a was trained with random numbers 1.*of random numbers 0\. Train it with --rng 0/,
      );
    });
  });

  test('trainings: the mean over all pairs, with an interval from drawing trainings where there are enough', () => {
    const lab = { rng: 0 } as Lab;
    const shared = draw('shared', 40);
    const training = (i: number) => {
      const own = draw(`own ${i}`, 40);
      return { name: '', model: gaussian, latent: shared, pictures: combine([0.9, shared], [0.3, own]) };
    };
    const all = Array.from({ length: 13 }, (_, i) => training(i));
    // 2 x .3 squared over that and 2 x .9 squared.
    const expected = 0.18 / (0.18 + 1.62);
    const few = compareTrainings(lab, all.slice(0, 3)).ratio;
    expect(few).toMatchObject({ n: 2, points: 120 });
    expect(few.mean / expected).toBeCloseTo(1, 1);
    const many = compareTrainings(lab, all).ratio;
    expect(many.n).toBe(12);
    expect([many.low < expected, many.high > expected, many.high - many.low < 0.02]).toEqual([
      true,
      true,
      true,
    ]);
    expect(compareTrainings(lab, all.slice(0, 2), all.slice(2, 5)).ratio).toMatchObject({
      n: 2,
      points: 240,
    });
    const names = [
      'mnist-small',
      'mnist-small-3',
      'mnist-small-30b-2',
      'mnist-small-27500b-as-a',
      'mnist-small-27500b-as-a-2',
      'mnist-small-3-blocks',
      'embedder-conv-1',
      'mnist-11',
    ];
    expect(names.map(trainingOf)).toEqual([
      { config: 'mnist-small', rng: 0 },
      { config: 'mnist-small', rng: 4 },
      { config: 'mnist-small-30b', rng: 3 },
      { config: 'mnist-small-27500b-as-a', rng: 0 },
      { config: 'mnist-small-27500b-as-a', rng: 2 },
      { config: 'mnist-small-3-blocks', rng: 0 },
      { config: 'embedder-conv-1', rng: 0 },
      { config: 'mnist', rng: 20 },
    ]);
  });

  test('straight: a round Gaussian leads seeds straight', async () => {
    const lab = await gaussianLab();
    const states = await trajectories(lab, gaussian, draw('straight', 20));
    expect(states).toHaveLength(11);
    for (const share of straightness(states)) expect(share).toBeCloseTo(1, 5);
  });

  test('strangeness is what the posterior mean changes', async () => {
    const lab = await gaussianLab();
    const images = await (await lab.data('fashion-mnist', 'test')).read(
      Array.from({ length: 60 }, (_, i) => i),
    );
    const { signalRate: s, noiseRate: n } = ratesAt(SCHEDULES.continuousCosine, 0.3);
    const shrink = (s * VARIANCE) / (s * s * VARIANCE + n * n);
    // x0 - x = (shrink s - 1) x + shrink n epsilon
    const expected = ((shrink * s - 1) ** 2 * VARIANCE + (shrink * n) ** 2) * PIXEL;
    const measured = await strangeness(gaussian, images, lab);
    expect(measured.reduce((a, b) => a + b) / 60 / expected).toBeCloseTo(1, 1);
  });
});

describe('on made-up clouds of known shape', () => {
  const RHO = 0.36;
  const shared = (image: Floats) => correlated(256, Math.sqrt(RHO), unitPicture(image));
  const noise = () => draw('noise', 64);

  test('distances: sqrt(2 (1 - rho)) a coordinate, sqrt(2) for noise', async () => {
    const values = await valuesOf(experiment('distances'), await labOfCloud(shared));
    expect(values.rms! / Math.sqrt(2 * (1 - RHO))).toBeCloseTo(1, 1);
    expect(values.correlation! / RHO).toBeCloseTo(1, 1);
    const none = await valuesOf(experiment('distances'), await labOfCloud(noise));
    expect(none.rms! / Math.SQRT2).toBeCloseTo(1, 1);
    expect(Math.abs(none.correlation!)).toBeLessThan(0.02);
  });

  test('fig13: means shrink to rho + (1 - rho) / K', async () => {
    const { measured, expected } = await valuesOf(experiment('fig13'), await labOfCloud(shared));
    expect(measured! / (RHO + (1 - RHO) / 16)).toBeCloseTo(1, 1);
    expect(expected! / (RHO + (1 - RHO) / 16)).toBeCloseTo(1, 1);
  });

  test('identifiable: the mean of K correlates by sqrt(rho / (rho + (1 - rho) / K)), noise by nothing', async () => {
    const { mean, single } = await valuesOf(experiment('identifiable'), await labOfCloud(shared));
    expect(mean).toBeCloseTo(Math.sqrt(RHO / (RHO + (1 - RHO) / 16)), 1);
    expect(single).toBeCloseTo(Math.sqrt(RHO), 1);
    const { claims } = await run(experiment('identifiable'), await labOfCloud(noise));
    expect(Math.abs(claims[0]!.values.mean!)).toBeLessThan(0.2);
    expect(claims[0]!.numbersSay).toBe('fails');
  });

  test('rescaled: a picture and an offset are explained whole, noise by chance', async () => {
    const exact = await labOfCloud(image => {
      const x = unitPicture(image);
      return float32(
        [64, ...SHAPE],
        Float32Array.from({ length: 64 * 64 }, (_, i) => 0.7 * x.data[i % 64]! + 0.1),
      );
    });
    const { scaled } = await valuesOf(experiment('rescaled'), exact);
    expect(scaled).toBeCloseTo(1, 4);
    const { image, latent } = await exact.cloud('fashion-mnist', 0);
    expect(convolutionFit(standardised(image), latent)).toBeCloseTo(1, 4);
    expect((await valuesOf(experiment('rescaled'), await labOfCloud(noise))).scaled).toBeLessThan(0.15);
    const [x, z] = [draw('x', 1, [1, 32, 32]), draw('z', 1, [1, 32, 32])];
    // 26 coefficients explain 26 of 1,024 coordinates of noise.
    expect(convolutionFit(x, z)).toBeGreaterThan(0.01);
    expect(convolutionFit(x, z)).toBeLessThan(0.05);
  });

  test('spectrum: noise has no shape, a thin direction is seen', async () => {
    const { claims } = await run(experiment('spectrum'), await labOfCloud(() => draw('noise', 200)));
    expect(claims.map(({ numbersSay }) => numbersSay)).not.toContain('holds');
    // The sampler of a round Gaussian favours no direction, so the cloud is as wide along its directions as along any.
    const { along, top } = valuesIn(claims);
    expect(along).toBeGreaterThan(0.7);
    expect(along).toBeLessThan(1.3);
    // Of half of the seeds along one direction: a deviation of .1.
    expect(Math.abs(top! - 1)).toBeLessThan(0.3);
    const wide = draw('noise', 200).data.map((z, i) => (i % 64 < 6 ? 5 * z : i % 64 < 12 ? 0.05 * z : z));
    const shaped = await valuesOf(
      experiment('spectrum'),
      await labOfCloud(() => float32([200, ...SHAPE], wide)),
    );
    // Six coordinates of variance 25, six of .0025, and 52 of 1: mean 3.16.
    expect(shaped.top! / (25 / 3.16)).toBeCloseTo(1, 0);
    expect(shaped.least).toBeLessThan(0.002);
  });

  test('fig14: a linear sampler changes as much along every direction', async () => {
    const { minor, major, random, outside, sensitive } = await valuesOf(
      experiment('fig14'),
      await labOfCloud(noise),
    );
    const expected = ((8 * GAIN) ** 2 / 64) * PIXEL;
    for (const value of [minor, major, random, outside, sensitive])
      expect(value! / expected).toBeCloseTo(1, 1);
  });

  test('border: inside a made-up cloud errors fall on a known parabola', async () => {
    const { seeds, half, mean } = await valuesOf(experiment('border'), await labOfCloud(shared));
    // Errors along mean + r d are quadratic in r, so three points fix the fourth: with d centred, e(1/2) is between.
    expect(half! - mean!).toBeGreaterThan(0);
    expect((half! - mean!) / (seeds! - mean!)).toBeCloseTo(0.25, 1);
  });

  test('canonical: an embedder that gives the common part is the mean, one that gives noise is not', async () => {
    const lab = await labOfCloud(shared);
    const image = await (await lab.data('fashion-mnist', 'test')).read([0]);
    const scale = Math.sqrt(RHO / meanSquares(standardised(image))[0]!);
    const own = { ...lab, embedder: async () => scalingEmbedder(gaussian, scale) };
    const near = await valuesOf(experiment('canonical'), own);
    expect(near.correlation).toBeGreaterThan(0.95);
    expect(Math.abs(near.random!)).toBeLessThan(0.1);
    const far = { ...(await labOfCloud(noise)), embedder: own.embedder };
    expect((await run(experiment('canonical'), far)).claims[0]!.numbersSay).toBe('fails');
  });

  test('fig11: different seeds of one picture, told by their correlation', async () => {
    const { correlation } = await valuesOf(experiment('fig11'), await labOfCloud(shared));
    expect(correlation! / RHO).toBeCloseTo(1, 1);
  });

  test('split-or-descent: where the sampler is linear L-BFGS or Gauss-Newton comes nearer than split inversion, and Adam does not', async () => {
    const { claims, tables } = await run(experiment('split-or-descent'), await gaussianLab());
    const random = claims[0]!.values.random!;
    for (const [way, name, , , error] of tables![0]!.rows) {
      const part = Number.parseFloat(error!) / random;
      if (way === 'split inversion') expect(part, name).toBeLessThan(1e-4);
      if (name!.startsWith('Adam')) expect(part, name).toBeGreaterThan(1e-2);
    }
    expect(claims[0]!.values['ratio.Adam, 4 at .8']).toBeLessThan(1e-3);
    const others = Object.entries(claims[0]!.values).filter(([name]) => /L-BFGS|Gauss-Newton/.test(name));
    expect(Math.max(...others.map(([, ratio]) => ratio))).toBeGreaterThan(1);
    expect(claims[0]!.numbersSay).toBe('partly');
  });
});

describe('on two far means, where a picture has half the space of seeds', () => {
  const mean = Array.from(draw('mean', 1).data);
  const two = mixtureDenoiser({ means: [mean, mean.map(value => -value)], variance: 0.001 }, SHAPE);
  /** Seeds on the side of the first mean. */
  const side = (count: number) => {
    const z = draw('side', count);
    return float32(
      z.shape,
      z.data.map((value, i) => {
        const row = rows(z, Math.floor(i / 64), Math.floor(i / 64) + 1).data;
        const product = row.reduce((sum, part, k) => sum + part * mean[k]!, 0);
        return product < 0 ? -value : value;
      }),
    );
  };
  const labOfTwo = async () => {
    const sizes = { clouds: { pictures: 1, seeds: 64 } };
    const lab = await gaussianLab({ denoisers: { '*': two }, sizes });
    const image = float32(
      [1, ...SHAPE],
      mean.map(value => Math.min(1, Math.max(0, 0.5 + 0.2 * value))),
    );
    const cloud = await madeUpCloud(lab, two, image, side(64));
    return { ...lab, cloud: async () => cloud };
  };

  test('fig12: a half-space is convex, and random seeds fall to both sides', async () => {
    const { claims } = await run(experiment('fig12'), await labOfTwo());
    const { inside, sparse, matched } = valuesIn(claims);
    const between = ((2 * 0.2) ** 2 * mean.reduce((sum, value) => sum + value * value, 0)) / 64;
    expect(inside).toBeLessThan(1e-3);
    expect(sparse).toBeLessThan(1e-3);
    expect(matched! / (between / 2)).toBeGreaterThan(0.7);
    expect(matched! / (between / 2)).toBeLessThan(1.3);
    expect(claims[0]!.numbersSay).toBe('holds');
  });

  test('connected: straight paths stay in the half-space, those between random seeds often not', async () => {
    const lab = await labOfTwo();
    const { lerp, control } = await inCloud(lab, await lab.cloud());
    expect(lerp.ofOne).toBe(1);
    expect(control.ofOne).toBeLessThan(0.8);
  });

  test('the most sensitive direction of the sampler leads from mean to mean', async () => {
    const lab = await gaussianLab();
    const seed = float32([1, ...SHAPE], new Float32Array(64));
    const near = mixtureDenoiser({ means: [mean, mean.map(value => -value)], variance: 0.2 }, SHAPE);
    const { directions, gains } = await sensitiveDirections(lab.runtime, near, seed, {
      count: 3,
      rounds: 6,
      rng: 0,
    });
    const norm = Math.hypot(...mean);
    const cosine = mean.reduce((sum, value, i) => sum + (value / norm) * directions.data[i]!, 0);
    expect(Math.abs(cosine)).toBeGreaterThan(0.999);
    expect(gains[0]!).toBeGreaterThan(10 * gains[1]!);
  });
});

describe('pieces', () => {
  test('nearestOnCurve knows circles and half circles', () => {
    const scale = 1 / Math.sqrt(1.25 / 4 + 0.0025);
    const at = nearestOnCurve('circles', 0, scale * 1.1);
    expect(at.distance).toBeCloseTo(0.1 * scale, 6);
    expect(Math.abs(at.tangent[0])).toBeCloseTo(1, 6);
    expect(nearestOnCurve('circles', scale * 0.5, 0).distance).toBeCloseTo(0, 6);
    const moon = 1 / Math.sqrt((0.75 + 9 / 16 - 1 / Math.PI) / 2 + 0.0025);
    expect(nearestOnCurve('moons', -0.5 * moon, 0.75 * moon).distance).toBeCloseTo(0, 6);
    expect(nearestOnCurve('moons', 0.5 * moon, -0.75 * moon).distance).toBeCloseTo(0, 6);
    // The upper moon ends at (1/2, -1/4); its circle goes on below, the moon does not, and the lower one is farther.
    expect(nearestOnCurve('moons', -1.5 * moon, -0.35 * moon).distance).toBeCloseTo(0.1 * moon, 6);
  });

  test('data scattered about a curve lie near it', async () => {
    for (const name of ['circles', 'moons'] as const) {
      const { data } = await (await openDataset(`${name}:test`)).read(
        Array.from({ length: 200 }, (_, i) => i),
      );
      const far = Array.from(
        { length: 200 },
        (_, i) => nearestOnCurve(name, data[2 * i]!, data[2 * i + 1]!).distance,
      );
      expect(Math.max(...far)).toBeLessThan(0.4);
    }
  });

  test('largestPiece floods a grid', () => {
    const grid = (text: string) => Array.from(text.replace(/\s/g, ''), c => c === '#');
    expect(largestPiece(grid('##. ##. ...'))).toBe(1);
    expect(largestPiece(grid('#.# ... #.#'))).toBe(0.25);
    expect(largestPiece(grid('##. ..# ..#'))).toBe(0.5);
    expect(largestPiece(grid('... ... ...'))).toBe(1);
  });

  test('simplexWeights add up to one, over as many seeds as asked', () => {
    for (const weights of simplexWeights(0, 10, 12, 3)) {
      expect(weights.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
      expect(weights.filter(weight => weight > 0)).toHaveLength(3);
    }
    const seeds = float32([2, 2], [1, 0, 0, 1]);
    expect(combinations([[0.25, 0.75]], seeds).data).toEqual(Float32Array.of(0.25, 0.75));
  });

  test('wienerPictures is the best denoiser’s sampler on Gaussian data', async () => {
    const lab = await gaussianLab();
    const identity = Float32Array.from({ length: 64 * 64 }, (_, i) => (i % 65 === 0 ? 1 : 0));
    const moments = {
      mean: float32(SHAPE, new Float32Array(64)),
      variances: new Float64Array(64).fill(VARIANCE),
      components: float32([64, ...SHAPE], identity),
    };
    const seeds = draw('wiener', 5);
    const grown = wienerPictures(gaussian, moments, seeds);
    const exact = (await trajectories(lab, gaussian, seeds)).at(-1)!;
    for (const [i, value] of grown.data.entries()) expect(value).toBeCloseTo(exact.data[i]!, 5);
    expect(coordinates(seeds, moments, 3, 5).data[1]).toBeCloseTo(seeds.data[4]!, 6);
    for (const kind of ['heun', 'heunsigma', 'dpmpp2m', 'edict', 'bdia'] as const) {
      const model = withSampler(gaussian, { ...gaussian.info.sampler, kind });
      const sampler = await createSampler(lab.runtime, model, model.info.sampler, 5);
      const pictures = await sampler.sample(seeds).finally(() => sampler.dispose());
      const linear = wienerPictures(model, moments, seeds);
      for (const [i, value] of linear.data.entries()) expect(value).toBeCloseTo(pictures.data[i]!, 4);
    }
  });

  test('wienerPictures goes with a stride, whose steps lead past the levels that are asked, to where the network goes', async () => {
    const lab = await gaussianLab();
    const schedule = SCHEDULES.linear;
    const mean = float32(SHAPE, new Float32Array(64).fill(1.5));
    const model = mixtureDenoiser({ means: [Array.from(mean.data)], variance: VARIANCE }, SHAPE, {
      schedule,
    });
    const strided = withSampler(model, { ...ddim(10), stride: 100 });
    const moments = {
      mean,
      variances: new Float64Array(63).fill(VARIANCE),
      // The last coordinate lies outside: only the mean moves it.
      components: float32(
        [63, ...SHAPE],
        Float32Array.from({ length: 63 * 64 }, (_, i) => (i % 65 === 0 ? 1 : 0)),
      ),
    };
    const seeds = draw('strided', 3);
    const exact = (await trajectories(lab, strided, seeds)).at(-1)!;
    const grown = wienerPictures(strided, moments, seeds);
    for (const [i, value] of grown.data.entries())
      if (i % 64 < 63) expect(value).toBeCloseTo(exact.data[i]!, 4);
    const still = withSampler(
      mixtureDenoiser({ means: [[1.5]], variance: 1e-9 }, [1, 1, 1], { schedule }),
      strided.info.sampler,
    );
    const [only] = (await trajectories(lab, still, float32([1, 1, 1, 1], [0]))).at(-1)!.data;
    expect(grown.data[63]).toBeCloseTo(only!, 3);
  });

  test('a picture learned by heart is nearer to its own half', () => {
    const [own, other] = [draw('own', 20), draw('other', 20)];
    expect(memorised(own, own, other)).toEqual(new Array(20).fill(1));
    expect(memorised(draw('new', 20), own, other).filter(Boolean)).toHaveLength(0);
    expect(nearestDistances(rows(own, 3, 4), own)[0]).toBeCloseTo(0, 5);
  });

  test('ratioOfMeans holds the ratio in its interval; paired values of one ratio leave no doubt', () => {
    const below = Array.from(draw('ratio', 2).data, value => 1 + value ** 2);
    const above = below.map(value => 0.4 * value);
    const paired = ratioOfMeans(above, below, 0, true);
    expect(paired.low).toBeCloseTo(0.4, 9);
    expect(paired.high).toBeCloseTo(0.4, 9);
    const free = ratioOfMeans(above, below, 0);
    expect(free.low).toBeLessThan(0.4);
    expect(free.high).toBeGreaterThan(0.4);
  });

  test('sharpness is one for a picture itself and falls with blur; fine detail is weaker for blur, and less is kept for blur and for what is not the picture’s', () => {
    const image = draw('sharp', 1, [1, 16, 16]);
    expect(sharpness(image, image)).toBe(1);
    expect(fineDetail(image, image)).toEqual([{ strength: 1, kept: 1 }]);
    const strange = draw('strange', 1, [1, 16, 16]);
    const mixed = float32(
      image.shape,
      image.data.map((value, i) => 0.5 * value + strange.data[i]!),
    );
    expect(sharpness(mixed, image)).toBeGreaterThan(1);
    // Other detail correlates with the picture's by chance: three deviations over 14 x 14 pixels.
    expect(Math.abs(fineDetail(mixed, image)[0]!.strength - 0.5)).toBeLessThan(0.25);
    // Half of it is missing, and as much as all of it is strange: 1 - .25 - 1, to three deviations.
    expect(Math.abs(fineDetail(mixed, image)[0]!.kept + 0.25)).toBeLessThan(0.4);
    const flat = float32([1, 1, 16, 16], new Float32Array(256));
    expect(fineDetail(image, flat)).toEqual([{ strength: 1, kept: 1 }]);
    expect(fineDetail(flat, image)).toEqual([{ strength: 0, kept: 0 }]);
    const twice = float32(
      image.shape,
      image.data.map(value => 1.5 * value),
    );
    expect(fineDetail(twice, image)[0]!.strength).toBeCloseTo(1.5, 6);
    expect(fineDetail(twice, image)[0]!.kept).toBeCloseTo(0.75, 6);
    const blurred = float32(
      image.shape,
      image.data.map((value, i) => (value + image.data[(i + 1) % 256]!) / 2),
    );
    expect(sharpness(blurred, image)).toBeLessThan(0.6);
  });

  test('fig6, fig8: schedules and forces at their known points', async () => {
    const lab = await gaussianLab();
    const six = await valuesOf(experiment('fig6'), lab);
    expect(six['continuousCosine.start']).toBeCloseTo(0.95 ** 2, 9);
    expect(six['continuousCosine.end']).toBeCloseTo(0.02 ** 2, 9);
    expect(six['cosine.middle']).toBeCloseTo(
      (Math.cos(((0.508 / 1.008) * Math.PI) / 2) / Math.cos(((0.008 / 1.008) * Math.PI) / 2)) ** 2,
      4,
    );
    expect(six['linear.end']).toBeCloseTo(Math.exp(-10.05), 4);
    const eight = await valuesOf(experiment('fig8'), lab);
    expect(eight.peak).toBeCloseTo(1, 2);
    expect(eight.tail3).toBeCloseTo(27 * Math.exp(-4), 6);
  });
});
