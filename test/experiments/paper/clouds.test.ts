import { describe, expect, test } from 'vitest';
import { prepare } from '../../../src/diffusion/batches.ts';
import { gaussianDenoiser, mixtureDenoiser, samplerGain } from '../../../src/diffusion/oracle.ts';
import { oracle } from '../../../src/diffusion/oracle-form.ts';
import { border } from '../../../src/experiments/paper/border.ts';
import { canonical } from '../../../src/experiments/paper/canonical.ts';
import { distances } from '../../../src/experiments/paper/distances.ts';
import { fig11 } from '../../../src/experiments/paper/fig11.ts';
import { fig12, RADII, reach } from '../../../src/experiments/paper/fig12.ts';
import { fig13 } from '../../../src/experiments/paper/fig13.ts';
import { identifiable } from '../../../src/experiments/paper/identifiable.ts';
import type { Experiment, Lab } from '../../../src/experiments/paper/lab.ts';
import { rescaled } from '../../../src/experiments/paper/rescaled.ts';
import { sheet } from '../../../src/experiments/paper/sheet.ts';
import { spectrum } from '../../../src/experiments/paper/spectrum.ts';
import { groupMeans, pointsAt, withSquares } from '../../../src/latent/combinations.ts';
import { normals } from '../../../src/tensor/random.ts';
import { combine } from '../../../src/tensor/rowwise.ts';
import { average, meanSquaredErrors, meanSquares } from '../../../src/tensor/statistics.ts';
import { type Floats, float32, rows, takeRows } from '../../../src/tensor/tensor.ts';
import { gaussianPictures, madeUpCloud, run, SHAPE, scalingEmbedder, TOY, toyLab, valuesIn } from '../lab.ts';

const VARIANCE = 0.5;
const GAIN = samplerGain(VARIANCE);
/** Squared errors of pixels are those of standardised values times this. */
const PIXEL = 0.2 ** 2;
const RHO = 0.36;
const gaussian = gaussianDenoiser(VARIANCE, SHAPE);
const draw = (purpose: string, count: number, shape = SHAPE) =>
  normals({ seed: 5, purpose }, [count, ...shape]);
const standardised = (images: Floats) => prepare(images, 0, gaussian.info.range);
const claimsOf = async (one: Experiment, lab: Lab) => (await run(one, lab)).claims;

/** A laboratory of round Gaussian data, whose sampler multiplies by GAIN, with made-up seeds of picture 0. */
async function labOf(latent: (images: Floats) => Floats, descent = latent, model = gaussian): Promise<Lab> {
  const data = gaussianPictures('test', 60, VARIANCE);
  const lab = await toyLab({
    denoisers: { 'fashion-mnist': model, 'mnist-small': model },
    embedders: { 'fashion-mnist-embedder': scalingEmbedder(model, 1) },
    data: { 'fashion-mnist': data, mnist: data },
    sizes: { sample: 40, clouds: { pictures: 1, seeds: 64 }, descent: { ...TOY.descent, pictures: 1 } },
  });
  const images = await data.read(Array.from({ length: 60 }, (_, i) => i));
  const [auto, few] = [latent(images), descent(images)];
  const image = rows(images, 0, 1);
  const [own, theirs] = [
    await madeUpCloud(lab, model, image, auto),
    await madeUpCloud(lab, model, image, few),
  ];
  return { ...lab, cloud: async (_, __, method) => (method === 'descent' ? theirs : own) };
}

/** The same with made-up seeds of each of four pictures. */
async function labOfEach(latent: (image: Floats, index: number) => Floats): Promise<Lab> {
  const lab = await labOf(exact(4, 0));
  const data = await lab.data('fashion-mnist', 'test');
  return {
    ...lab,
    sizes: { ...lab.sizes, clouds: { pictures: 4, seeds: 32 } },
    async cloud(_, index) {
      const image = await data.read([index]);
      return madeUpCloud(lab, gaussian, image, latent(image, index), index);
    },
  };
}

/** Seeds of variance 1 that correlate by rho with each other, through a picture that all share. */
const sharing =
  (picture: number, rho = RHO) =>
  (images: Floats) => {
    const common = standardised(rows(images, picture, picture + 1));
    const scale = Math.sqrt(rho / meanSquares(common)[0]!);
    const noise = draw('cloud', 256);
    return float32(
      noise.shape,
      noise.data.map((z, i) => scale * common.data[i % 64]! + Math.sqrt(1 - rho) * z),
    );
  };
/** Exact seeds of the picture but for a little noise. */
const exact = (count: number, spread: number) => (images: Floats) => {
  const x = standardised(rows(images, 0, 1));
  const noise = draw('exact', count);
  return float32(
    noise.shape,
    noise.data.map((z, i) => x.data[i % 64]! / GAIN + spread * z),
  );
};

/** In one step, each row of 8 coordinates to their mean square: the seeds of a picture are products of 8 spheres. */
const spheres = oracle('spheres', SHAPE, { steps: 1, predicts: 'x0' }, (b, x) => {
  const rows = b.reshape(x, [0, 8, 8]);
  const squares = b.mul(b.mean(b.mul(rows, rows), [2]), b.full([1, 8, 8], 1));
  return { x0: b.reshape(squares, [0, 64]), epsilon: x };
});
/** Seeds about a common direction on spheres about nought, each of whose rows has mean square 1. */
const onSpheres = (count: number) => () => {
  const common = draw('axis', 1).data;
  const near = draw('near', count).data.map((z, i) => common[i % 64]! + 0.5 * z);
  const wide = withSquares(float32([8 * count, 8], near), new Array(8 * count).fill(1));
  return float32([count, ...SHAPE], wide.data);
};

describe('clouds of seeds of known shape', () => {
  test('distances: from the mean seed a coordinate is sqrt(1 - rho) off, and the nearest two are not within 0.9', async () => {
    const claims = await claimsOf(distances, await labOf(sharing(0, 0.19)));
    const values = valuesIn(claims);
    expect(values.fromMean).toBeCloseTo(0.9, 1);
    expect(values.rms! / values.fromMean!).toBeCloseTo(Math.SQRT2, 2);
    expect(values.least).toBeGreaterThan(0.9);
    // sqrt(1 - .19) is .9, the paper's number; the distance of two seeds is 1.27.
    expect(claims[1]!.because).toContain('from the mean seed');
  });

  test('distances: seeds on one spot are not far apart, and the texts say so', async () => {
    const [{ numbersSay: verdict, because } = expect.fail()] = await claimsOf(
      distances,
      await labOf(exact(32, 0.01)),
    );
    expect(verdict).toBe('fails');
    expect(because).toContain('near each other');
  });

  test('fig11: two methods are compared in variance, distance and error', async () => {
    const lab = await labOf(exact(32, 0.05), exact(8, 0.1));
    const [found, shape] = (await claimsOf(fig11, lab)).slice(-2);
    const { values } = shape!;
    // Eight seeds of 64 coordinates: the distance within 10 %, its square within 20 %, three deviations of chance.
    expect(Math.abs(values.descentApart! / values.autoApart! / 2 - 1)).toBeLessThan(0.1);
    expect(Math.abs(values.descentError! / values.autoError! / 4 - 1)).toBeLessThan(0.2);
    expect(found!.numbersSay).toBe('holds');
    const [lost] = (await claimsOf(fig11, await labOf(exact(32, 0.05), () => draw('lost', 8)))).slice(-2);
    expect(lost!.numbersSay).toBe('fails');
  });

  test('fig13: on a linear sampler the error and the last doubling are known', async () => {
    const lab = await labOf(sharing(0));
    const values = valuesIn(await claimsOf(fig13, lab));
    const x = standardised((await lab.cloud('fashion-mnist', 0)).image);
    const common = Math.sqrt(RHO / meanSquares(x)[0]!);
    const miss = (1 - GAIN * common) ** 2 * meanSquares(x)[0]!;
    expect(values.averaged! / (PIXEL * (miss + (GAIN ** 2 * (1 - RHO)) / 16))).toBeCloseTo(1, 1);
    expect(values.single! / (PIXEL * (miss + GAIN ** 2 * (1 - RHO)))).toBeCloseTo(1, 1);
    // The mean of 16 is the mean of two independent means of 8: they differ from it by (1 - rho) / 16.
    // Means of 16 x 64 squares: three deviations of chance.
    const chance = 3 * Math.sqrt(2 / 1024);
    expect(Math.abs(values.change! / ((PIXEL * GAIN ** 2 * (1 - RHO)) / 16) - 1)).toBeLessThan(chance);
    expect(Math.abs(values.randomChange! / ((PIXEL * GAIN ** 2) / 16) - 1)).toBeLessThan(chance);
  });

  test('identifiable: a mean that points to another picture is found out', async () => {
    const [own = expect.fail()] = await claimsOf(identifiable, await labOf(sharing(0)));
    expect(own.values.named).toBe(1);
    expect(own.numbersSay).not.toBe('fails');
    const [other = expect.fail()] = await claimsOf(identifiable, await labOf(sharing(7)));
    expect(other.values.named).toBe(0);
    expect(other.numbersSay).not.toBe('holds');
  });

  test('rescaled: a convolution of the own picture explains all, one of another what chance gives', async () => {
    const [, own = expect.fail()] = await claimsOf(rescaled, await labOfEach(exact(32, 0.01)));
    expect(own.values.convolved).toBeGreaterThan(0.99);
    // 26 coefficients explain 25 of 63 degrees of freedom by chance; .06 is the deviation over four pictures, at most.
    expect(Math.abs(own.values.foreign! - 25 / 63)).toBeLessThan(0.18);
    const [, none = expect.fail()] = await claimsOf(
      rescaled,
      await labOfEach((_, i) => draw(`none ${i}`, 64)),
    );
    expect(none.values.convolved!).toBeLessThan(0.2);
    expect(none.values.ofItsOwn!).toBeLessThan(0.7);
  });

  test('rescaled: pictures that take a convolution each are not explained by one for all', async () => {
    const turned = (image: Floats, index: number) =>
      combine([index % 2 === 0 ? 1 : -1, exact(32, 0.01)(image)]);
    const [, each = expect.fail()] = await claimsOf(rescaled, await labOfEach(turned));
    expect(each.values.ofItsOwn).toBeGreaterThan(0.99);
    expect(each.values.convolved).toBeLessThan(0);
    expect(each.numbersSay).toBe('fails');
  });

  test('canonical: an embedder that gives all pictures the seed of one is found out', async () => {
    const [, own = expect.fail()] = await claimsOf(canonical, await labOf(sharing(0)));
    expect(own.values.first).toBe(1);
    expect(own.numbersSay).not.toBe('fails');
    const [, other = expect.fail()] = await claimsOf(canonical, await labOf(sharing(7)));
    expect(other.values.first).toBe(0);
    expect(other.numbersSay).not.toBe('holds');
  });

  test('spectrum: a wide direction is seen by seeds that it was not found by', async () => {
    const wide = draw('shape', 400).data.map((z, i) => (i % 64 < 6 ? 5 * z : z));
    const [, found = expect.fail()] = await claimsOf(
      spectrum,
      await labOf(() => float32([400, ...SHAPE], wide)),
    );
    // Six coordinates of variance 25 and 58 of 1: mean 3.25. Of 200 seeds along one direction: a deviation of a tenth.
    expect(Math.abs(found.values.top! / (25 / 3.25) - 1)).toBeLessThan(0.3);
    expect(Math.abs(found.values.noiseTop! - 1)).toBeLessThan(0.3);
    expect(found.numbersSay).toBe('holds');
  });

  test('spectrum: fewer seeds of noise than dimensions leave its width open', async () => {
    const [, wide = expect.fail()] = await claimsOf(spectrum, await labOf(() => draw('few', 32)));
    expect(Math.abs(wide.values.top! - 1)).toBeLessThan(1);
    expect(wide.numbersSay).toBe('open');
  });

  test('sheet: with a linear sampler all of the spread is left, to seeds and to random steps', async () => {
    const claims = await claimsOf(sheet, await labOf(sharing(0)));
    expect(claims).toHaveLength(9);
    for (const { values, numbersSay } of claims.filter((_, i) => i % 3 === 0)) {
      expect(values.part).toBeCloseTo(1, 4);
      expect(values.chance).toBeCloseTo(1, 4);
      expect(numbersSay).toBe('fails');
    }
  });

  test('sheet: with a linear sampler exact seeds are as thick as their error lets them be', async () => {
    const [, thick = expect.fail(), part = expect.fail()] = await claimsOf(
      sheet,
      await labOf(exact(64, 0.1)),
    );
    // Each coordinate is off by .1, and the picture by .1 GAIN: 1 / (1 + 1 / .1^2).
    expect(thick.values.posterior).toBeCloseTo(0.01 / 1.01, 3);
    expect(thick.values.thicker).toBeCloseTo(1, 0);
    // Eight directions of 64, all of one gain.
    expect(part.values.budget).toBeCloseTo(8 / 64, 1);
    expect([thick.numbersSay, part.numbersSay]).toEqual(['fails', 'fails']);
  });

  test('sheet: seeds on spheres, which a sampler maps to their radii, bend and are thick', async () => {
    const lab = await labOf(onSpheres(64), onSpheres(4), spheres);
    // All their rows have mean square 1, which is .7 in pixels.
    const grown = float32([1, ...SHAPE], new Float32Array(64).fill(0.7));
    for (const { values, numbersSay } of await claimsOf(sheet, {
      ...lab,
      cloud: async (...of) => ({ ...(await lab.cloud(...of)), image: grown }),
    })) {
      expect(numbersSay).toBe('holds');
      if (values.part === undefined) continue;
      expect(values.part).toBeLessThan(1e-6);
      expect(values.chance).toBeGreaterThan(0.9);
    }
  });

  test('border: on a linear sampler points drawn anew are as good as the seeds, and the middle is best', async () => {
    const lab = await labOf(sharing(0));
    const values = valuesIn(await claimsOf(border, lab));
    // Both over 16 points of 64 coordinates: three deviations of chance of their ratio.
    expect(Math.abs(values.fresh! / values.seeds! - 1)).toBeLessThan(3 * Math.sqrt(4 / 1024));
    // Exact seeds in a shell about the exact one: the middle is better, the border worse, as the square of the distance.
    const [shell = expect.fail()] = await claimsOf(border, await labOf(exact(64, 0.1)));
    expect(shell.numbersSay).toBe('fails');
    // Errors at 16 seeds of 64 coordinates: three deviations of chance.
    const chance = 3 * Math.sqrt(2 / 1024);
    expect(Math.abs(shell.values.seeds! / (PIXEL * (0.1 * GAIN) ** 2) - 1)).toBeLessThan(chance);
    // The mean of 64 seeds is itself off by a 64th of their variance.
    const half = (1 / 64 + (0.25 * 63) / 64) * (0.1 * GAIN) ** 2;
    expect(Math.abs(shell.values.half! / (PIXEL * half) - 1)).toBeLessThan(chance);
  });
});

describe('how far a cloud reaches', () => {
  test('reach halves in upon where errors pass the limit, inwards and outwards', async () => {
    // Errors 9 (r - 1)^2 + 1 of one line and twice that of another.
    const error = (r: number, k: number) => (k + 1) * (9 * (r - 1) ** 2 + 1);
    const lines = [0, 1].map(k => RADII.map(r => error(r, k)));
    const errorsAt = async (radii: readonly number[]) => radii.map(error);
    const [wide = 0, narrow = 0] = await reach(lines, errorsAt, 4, 1);
    expect(Math.abs(wide - (1 + Math.sqrt(1 / 3)))).toBeLessThan(0.02);
    expect(Math.abs(narrow - 4 / 3)).toBeLessThan(0.02);
    const [inwards = 0] = await reach(lines, errorsAt, 4, -1);
    expect(Math.abs(inwards - (1 - Math.sqrt(1 / 3)))).toBeLessThan(0.02);
    expect(await reach(lines, errorsAt, 1000, 1)).toEqual([3, 3]);
    expect(await reach(lines, errorsAt, 1000, -1)).toEqual([0, 0]);
    expect(await reach(lines, errorsAt, 0.5, 1)).toEqual([1, 1]);
  });

  test('fig12: a linear sampler leaves the picture at twice the distance, where the error is fourfold', async () => {
    const claims = await claimsOf(fig12, await labOf(exact(64, 0.1)));
    const values = valuesIn(claims);
    expect(values.radius! / 2).toBeCloseTo(1, 1);
    expect(values.inner).toBe(0);
    // Combinations of two, weights w and 1 - w, have 2 / 3 of the variance; of 25 of them .03 is the deviation.
    expect(Math.abs(values.sparse! / values.own! - 2 / 3)).toBeLessThan(0.09);
    for (const { numbersSay } of claims) expect(numbersSay).toBe('holds');
  });

  test('fig12: combinations that fall to two pictures are not called alike', async () => {
    const unit = Array.from(draw('unit', 1).data);
    const two = mixtureDenoiser({ means: [unit, unit.map(value => -value)], variance: 0.001 }, SHAPE);
    const base = await labOf(() => draw('both', 40));
    const lab = { ...base, denoiser: async () => two };
    const image = float32(
      [1, ...SHAPE],
      unit.map(value => Math.min(1, Math.max(0, 0.5 + 0.2 * value))),
    );
    // Half the seeds grow each mean, so combinations fall to either side.
    const cloud = await madeUpCloud(lab, two, image, draw('both', 40));
    const claims = await claimsOf(fig12, { ...lab, cloud: async () => cloud });
    expect(claims[0]!.numbersSay).toBe('fails');
  });
});

test('pointsAt, withSquares and groupMeans are what they say', () => {
  const seeds = draw('pieces', 10);
  const mean = groupMeans(seeds, 10);
  const half = pointsAt(mean, seeds, 0.5);
  const to = (a: Floats) => average(meanSquaredErrors(a, takeRows(mean, new Uint8Array(10))));
  expect(to(half) / to(seeds)).toBeCloseTo(0.25, 5);
  expect(groupMeans(seeds, 3).shape).toEqual([3, ...SHAPE]);
  const squares = Array.from({ length: 10 }, (_, i) => i + 1);
  for (const [i, value] of meanSquares(withSquares(seeds, squares)).entries())
    expect(value).toBeCloseTo(i + 1, 4);
});
