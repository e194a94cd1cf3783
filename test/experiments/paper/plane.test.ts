import { describe, expect, test } from 'vitest';
import { openDataset } from '../../../src/data/open.ts';
import { nearestOnCurve } from '../../../src/data/synthetic.ts';
import { samplerGrid } from '../../../src/diffusion/grid.ts';
import { gaussianDenoiser, mixtureDenoiser, samplerGain } from '../../../src/diffusion/oracle.ts';
import { SCHEDULES } from '../../../src/diffusion/schedule.ts';
import { affineStep } from '../../../src/diffusion/solvers.ts';
import { connected, inCloud } from '../../../src/experiments/paper/connected.ts';
import { fig7 } from '../../../src/experiments/paper/fig6-fig7.ts';
import { type Lab, perCloud, type Subject } from '../../../src/experiments/paper/lab.ts';
import { bestDenoiser, gravitationalMap, pointsOf } from '../../../src/experiments/paper/measure/plane.ts';
import {
  energyShare,
  linearTrajectories,
  straightness,
  trajectories,
  unscaled,
} from '../../../src/experiments/paper/measure/trajectories.ts';
import { alongSchedule, schedules } from '../../../src/experiments/paper/schedules.ts';
import { anglesToCurve } from '../../../src/experiments/paper/straight.ts';
import { normals } from '../../../src/tensor/random.ts';
import { float32, rows } from '../../../src/tensor/tensor.ts';
import { gaussianPictures, madeUpCloud, run, SHAPE, toyLab, valuesIn } from '../lab.ts';

const VARIANCE = 0.5;
const gaussian = gaussianDenoiser(VARIANCE, SHAPE);
const draw = (purpose: string, count: number, shape = SHAPE) =>
  normals({ seed: 3, purpose }, [count, ...shape]);
const gaussianLab = (more: Partial<Parameters<typeof toyLab>[0]> = {}) =>
  toyLab({
    denoisers: { '*': gaussian },
    data: { 'fashion-mnist': gaussianPictures('test', 60, VARIANCE) },
    ...more,
  });
/** What the sampler multiplies a seed of round Gaussian data by. */
const gainOf = (model: typeof gaussian, variance = VARIANCE) =>
  samplerGrid(model.info, model.info.sampler)
    .map(affineStep)
    .reduce((gain, { alpha, beta, level: { signalRate: s, noiseRate: n } }) => {
      return gain * (alpha + (beta * n) / (s * s * variance + n * n));
    }, 1);

describe('schedules', () => {
  test('every schedule is sampled in as many steps as asked, within the levels of the model', () => {
    for (const schedule of Object.values(SCHEDULES))
      for (const steps of [10, 100]) {
        const grid = samplerGrid(gaussian.info, alongSchedule(gaussian, schedule, steps).info.sampler);
        expect(grid).toHaveLength(steps);
        for (const { from } of grid) {
          expect(from.signalRate).toBeLessThan(0.95);
          expect(from.signalRate).toBeGreaterThanOrEqual(0.02 - 1e-9);
        }
      }
    expect(gainOf(alongSchedule(gaussian, SCHEDULES.continuousCosine, 10))).toBeCloseTo(samplerGain(0.5), 9);
  });

  test.each([0.05, 0.5, 3])(
    'variance %d: the ratio of errors is that of known gains, and the verdict its',
    async variance => {
      const model = gaussianDenoiser(variance, SHAPE);
      const { claims } = await run(schedules, await gaussianLab({ denoisers: { '*': model } }));
      const off = (name: keyof typeof SCHEDULES) => {
        const [few, many] = [10, 100].map(steps =>
          gainOf(alongSchedule(model, SCHEDULES[name], steps), variance),
        );
        return (few! - many!) ** 2;
      };
      for (const [i, name] of (['linear', 'quadratic'] as const).entries()) {
        const { numbersSay: verdict, values } = claims[i]!;
        const known = off(name) / off('continuousCosine');
        // Only pixels clipped to [0, 1] keep this from being exact.
        for (const value of [values.ratio, values.low, values.high]) expect(value! / known).toBeCloseTo(1, 1);
        expect(verdict).toBe(known > 1 ? 'holds' : 'fails');
      }
    },
  );
});

test('fig7: of a picture as large as its noise, the continuous cosine makes steps of one length', async () => {
  const { values } = (await run(fig7, await gaussianLab({ data: { 'fashion-mnist': large() } }))).claims[0]!;
  // A step is the chord of the angle that it turns; with unequal parts it is so nearly.
  expect(values.continuous! * 8).toBeGreaterThanOrEqual(1);
  expect(values.continuous! * 8).toBeLessThan(1.1);
  expect(values.linear!).toBeGreaterThan(values.cosine!);
});

/** Pictures whose standardised pixels have variance 1 and are not clipped often. */
const large = () => gaussianPictures('large', 4, 1);

describe('trajectories', () => {
  const axes = {
    mean: float32(SHAPE, new Float32Array(64)),
    variances: new Float64Array(64).fill(VARIANCE),
    components: float32(
      [64, ...SHAPE],
      Float32Array.from({ length: 64 * 64 }, (_, i) => (i % 65 === 0 ? 1 : 0)),
    ),
  };

  test('linearTrajectories are those of the best denoiser of Gaussian data', async () => {
    const lab = await gaussianLab();
    const seeds = draw('linear', 5);
    const [own, linear] = [
      await trajectories(lab, gaussian, seeds),
      linearTrajectories(gaussian, axes, seeds),
    ];
    for (const [k, { data }] of own.entries())
      for (const [i, value] of data.entries()) expect(linear[k]!.data[i]).toBeCloseTo(value, 4);
  });

  test('data that vary in one direction alone bend them; components that were left out are as variance 0', () => {
    const thin = { ...axes, variances: Float64Array.from({ length: 64 }, (_, k) => (k === 0 ? 64 : 0)) };
    const kept = {
      ...axes,
      variances: Float64Array.of(64),
      components: rows(axes.components, 0, 1),
    };
    const seeds = draw('thin', 5);
    // From 8 across and 1 along to 0 and nearly 8: near a quarter of a circle, whose chord is .9 of it.
    for (let row = 0; row < 5; row++) seeds.data[64 * row] = 1;
    const [a, b] = [thin, kept].map(moments => linearTrajectories(gaussian, moments, seeds));
    for (const share of straightness(a!)) {
      expect(share).toBeGreaterThan(0.85);
      expect(share).toBeLessThan(0.95);
    }
    for (const [i, value] of a!.at(-1)!.data.entries()) expect(b!.at(-1)!.data[i]).toBeCloseTo(value, 4);
  });

  test('unscaled divides by the signal rate, and leaves the picture', () => {
    const states = linearTrajectories(gaussian, axes, draw('unscaled', 2));
    const free = unscaled(states, gaussian);
    expect(free[0]!.data[3]! / states[0]!.data[3]!).toBeCloseTo(50, 3);
    expect(free.at(-1)!.data).toEqual(states.at(-1)!.data);
  });

  test('energyShare of noise is the share of components, of a component one', () => {
    const shares = energyShare(draw('energy', 200), rows(axes.components, 0, 16));
    expect(shares.reduce((a, b) => a + b) / 200).toBeCloseTo(1 / 4, 1);
    expect(energyShare(rows(axes.components, 3, 4), rows(axes.components, 0, 16))[0]).toBe(1);
    expect(energyShare(rows(axes.components, 20, 21), rows(axes.components, 0, 16))[0]).toBe(0);
  });

  test('anglesToCurve knows steps across and along a circle; and to where the next seed lands', () => {
    const angles = Array.from({ length: 500 }, (_, i) => (2 * Math.PI * i * 0.618034) % (2 * Math.PI));
    const ring = (radius: number, turn = 0) =>
      float32(
        [500, 2],
        angles.flatMap(a => [radius * Math.cos(a + turn), radius * Math.sin(a + turn)]),
      );
    const across = anglesToCurve('circles', [ring(3), ring(2.5), ring(1.8)]);
    for (const cosine of [...across.last, ...across.chord]) expect(cosine).toBeCloseTo(0, 5);
    const along = anglesToCurve('circles', [ring(3), ring(1.8, -1e-3), ring(1.8)]);
    for (const cosine of along.last) expect(cosine).toBeCloseTo(1, 5);
    // By the golden angle the next landing point lies 222.5 degrees further.
    const next = Math.abs(Math.sin(2 * Math.PI * 0.618034));
    for (const cosine of across.lastChance.slice(0, -1)) expect(cosine).toBeCloseTo(next, 4);
  });
});

test('the best denoiser of some points lets every seed land at them, by its own points alone', async () => {
  const lab = await toyLab({ data: { circles: await openDataset('circles:train') } });
  const info = gaussianDenoiser(1, [2], 20).info;
  // Points are standardised as they come.
  const model = {
    ...gaussianDenoiser(1, [2], 20),
    info: { ...info, range: { ...info.range, mean: [0, 0], std: [1, 1] } },
  };
  const best = await bestDenoiser(lab, 'circles', model, [0, 300]);
  const { landed, seeds } = await gravitationalMap(lab, best, 11, 2.5);
  expect(seeds.shape).toEqual([121, 2]);
  const far = pointsOf(landed).map(([x, y]) => nearestOnCurve('circles', x, y).distance);
  expect(far.filter(distance => distance < 0.3).length / far.length).toBeGreaterThan(0.9);
  const one = await bestDenoiser(lab, 'circles', model, [7, 8]);
  const [[x, y]] = pointsOf(await (await lab.data('circles', 'train')).read([7])) as [[number, number]];
  for (const [u, v] of pointsOf((await gravitationalMap(lab, one, 3, 2.5)).landed))
    expect(Math.hypot(u - x, v - y)).toBeLessThan(0.3);
});

describe('connected, where a picture has half the space of seeds', () => {
  const mean = Array.from(draw('mean', 1).data);
  const two = mixtureDenoiser({ means: [mean, mean.map(value => -value)], variance: 0.001 }, SHAPE);
  const towards = (z: ArrayLike<number>) => mean.reduce((sum, value, k) => sum + z[k]! * value, 0);
  const labOf = async (side: boolean): Promise<Lab> => {
    const lab = await gaussianLab({ denoisers: { '*': two } });
    const z = draw('side', 48);
    const latent = float32(
      z.shape,
      z.data.map((value, i) => {
        const row = rows(z, Math.floor(i / 64), Math.floor(i / 64) + 1).data;
        return side && towards(row) < 0 ? -value : value;
      }),
    );
    const image = float32(
      [1, ...SHAPE],
      mean.map(value => Math.min(1, Math.max(0, 0.5 + 0.2 * value))),
    );
    const cloud = (_: Subject, index: number) =>
      madeUpCloud(lab, two, image, rows(latent, 8 * index, 8 * index + 8), index);
    return { ...lab, cloud };
  };

  /** Of six clouds of four pairs each. */
  const claimsOf = async (lab: Lab) => {
    const cloud = await perCloud(lab, 'mnist', one => inCloud(lab, one), 6);
    const named = { title: '', model: '', subject: 'mnist' as const };
    return connected.report({ planes: [], clouds: [{ ...cloud, ...named }] }).claims;
  };

  test('all straight paths stay, 3/4 of the ways to other seeds half way, 1/2 of random seeds', async () => {
    const claims = await claimsOf(await labOf(true));
    const values = valuesIn(claims);
    expect(values.lerp).toBe(1);
    expect(values.slerp).toBe(1);
    // Shares of 24: deviations .09 and .10.
    expect(Math.abs(values.towards! - 3 / 4)).toBeLessThan(0.27);
    expect(Math.abs(values.matched! - 1 / 2)).toBeLessThan(0.3);
    expect(claims.map(({ numbersSay }) => numbersSay)).not.toContain('fails');
  });

  test('seeds that were never of one picture are not found connected', async () => {
    expect((await claimsOf(await labOf(false))).map(({ numbersSay }) => numbersSay)).toEqual([
      'fails',
      'fails',
    ]);
  });
});
