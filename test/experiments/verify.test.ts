import { beforeAll, describe, expect, test } from 'vitest';
import { bdia, edict, obelm, rex } from '../../src/diffusion/exact.ts';
import { samplerGrid } from '../../src/diffusion/grid.ts';
import { gaussianDenoiser, mixtureDenoiser, samplerGain } from '../../src/diffusion/oracle.ts';
import { ddim } from '../../src/diffusion/sampler-info.ts';
import { type ExactKind, SAMPLERS } from '../../src/diffusion/samplers.ts';
import { follow, type Space } from '../../src/diffusion/solvers.ts';
import { METHODS } from '../../src/embedding/methods.ts';
import { clouds, components } from '../../src/experiments/verify/clouds.ts';
import { backwardWeights, flowGain, gainOf, product, stepGains } from '../../src/experiments/verify/gains.ts';
import { clusters, descents, methods } from '../../src/experiments/verify/methods.ts';
import { linear } from '../../src/experiments/verify/pictures.ts';
import { near, walsh, within } from '../../src/experiments/verify/row.ts';
import { gains, gradients, twoMeans } from '../../src/experiments/verify/samplers.ts';
import { comparisons, intervals, noise, panel, patches } from '../../src/experiments/verify/statistics.ts';
import { CHECKS, type Verified, type VerifyOptions, verify } from '../../src/experiments/verify/verify.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import { normals } from '../../src/tensor/random.ts';
import { combine, dots } from '../../src/tensor/rowwise.ts';
import { float32 } from '../../src/tensor/tensor.ts';

const runtime = await createRuntime({ threads: 1 });
/** What is found to be off, by name. */
const offIn = async (options: VerifyOptions) =>
  (await verify(runtime, options))
    .flatMap(({ rows }) => rows)
    .filter(({ passed }) => !passed)
    .map(({ what }) => what);

/** The whole on right models, and the titles as they were told. */
const told: string[] = [];
let whole: Verified[];
beforeAll(async () => {
  whole = await verify(runtime, { onRows: title => told.push(title) });
}, 120_000);

test('everything is as expected, and each method and sampler is among it', () => {
  const rows = whole.flatMap(({ rows }) => rows);
  expect(rows.filter(({ passed }) => !passed)).toEqual([]);
  expect(told).toEqual(CHECKS.map(({ title }) => title));
  const names = rows.map(({ what }) => what.split(/[,:]/)[0]);
  for (const name of [...METHODS, ...SAMPLERS]) expect(names).toContain(name);
  for (const { low, expected, high } of rows) {
    expect(expected).toBeGreaterThanOrEqual(low);
    expect(expected).toBeLessThanOrEqual(high);
  }
});

describe('what is wrong is found', () => {
  test('a network that predicts for data of a variance one part in a hundred too large', async () => {
    const gaussian: typeof gaussianDenoiser = (variance, ...rest) =>
      gaussianDenoiser(1.01 * variance, ...rest);
    const checks = [gains, gradients, methods, descents, comparisons];
    const right = whole
      .filter(({ title }) => checks.some(check => check.title === title))
      .flatMap(({ rows }) => rows.map(({ what }) => what));
    const off = await offIn({ checks, wrong: { gaussian } });
    // What passes does not hold a network against its data's variance, or grants chance as much.
    expect(right.filter(what => !off.includes(what))).toEqual(
      right.filter(what =>
        /three clusters|picture grown again|embedder$|^split, tau (0\.[13]|1):|beside itself|unrelated|lighter|PSNR/.test(
          what,
        ),
      ),
    );
  });

  test('another mixture, and one that is not halved at zero', async () => {
    const wider: typeof mixtureDenoiser = (mixture, ...rest) =>
      mixtureDenoiser({ ...mixture, variance: 1.01 * mixture.variance }, ...rest);
    const off = await offIn({ checks: [gradients, twoMeans], wrong: { mixture: wider } });
    expect(off).toEqual(
      expect.arrayContaining([
        'across the means, distance from Gaussian data',
        ...['ddim', 'heun', 'dpmpp2m'].map(kind => `${kind}, three clusters: pictures`),
      ]),
    );
    const shifted: typeof mixtureDenoiser = ({ means, variance }, ...rest) =>
      mixtureDenoiser({ means: [means[0]!, means[1]!.map(m => 0.9 * m)], variance }, ...rest);
    expect(await offIn({ checks: [twoMeans], wrong: { mixture: shifted } })).toContain(
      'seeds that grow the mean of their half-space',
    );
  });

  test('noise that is too loud, or that has a common part', async () => {
    const draw = (shape: readonly number[], purpose: string) => normals({ seed: 0, purpose }, shape);
    const loud = (shape: readonly number[], purpose: string) => combine([1.1, draw(shape, purpose)]);
    expect(
      await offIn({ checks: [noise, panel, linear, intervals, components], wrong: { noise: loud } }),
    ).toEqual(
      expect.arrayContaining([
        ...['mean square', 'mean fourth power', 'share beyond 3', 'their mean width'],
        ...['norm', 'marginal', 'bands'].map(name => `${name}, mean over 1,000 seeds`),
        'variances beside the quantiles of the law, mean distance',
        ...[0.95, 0.5, 0.1].map(rate => `noise rate ${rate}`),
      ]),
    );
    const common = (shape: readonly number[], purpose: string) => {
      const { data } = draw(shape, purpose);
      const share = draw([1, data.length / shape[0]!], 'common').data;
      return float32(
        shape,
        data.map((z, i) => Math.sqrt(0.5) * (z + share[i % share.length]!)),
      );
    };
    expect(await offIn({ checks: [clouds], wrong: { noise: common } })).toContain(
      'correlation of noise: no structure',
    );
    const smooth = (shape: readonly number[], purpose: string) => {
      const { data } = draw(shape, purpose);
      return float32(
        shape,
        data.map((z, i) => Math.sqrt(0.5) * (z + data[(i + 1) % data.length]!)),
      );
    };
    expect(await offIn({ checks: [noise, patches, panel], wrong: { noise: smooth } })).toEqual(
      expect.arrayContaining([
        'mean product of neighbours',
        'of noise, 400 seeds: no structure',
        'neighbours, mean over 1,000 seeds',
        'share of Gaussian seeds rejected',
      ]),
    );
  });

  test('what is not a number', () => {
    expect(near('', 0, Number.NaN, 1).passed).toBe(false);
    expect(within('', 0, Number.POSITIVE_INFINITY, 0, 1).passed).toBe(false);
    expect(near('', 1, 1.5, 0.5).passed).toBe(true);
  });
});

test('stops before the next check when it is told to', async () => {
  const stop = new AbortController();
  const work = verify(runtime, {
    checks: [noise, clusters],
    signal: stop.signal,
    onRows: () => stop.abort(),
  });
  await expect(work).rejects.toMatchObject({ kind: 'Interrupted', message: 'stopped after 1 of 2 checks' });
});

describe('the closed forms agree with each other', () => {
  test.each([0.01, 0.6, 25])('variance %d', variance => {
    expect(gainOf('ddim', variance, 10) / samplerGain(variance, 10)).toBeCloseTo(1, 12);
    expect(product(stepGains(variance, 10))).toBe(gainOf('ddim', variance, 10));
    // All but EDICT, which mixes its states, tend to the exact flow.
    for (const kind of ['ddim', 'heun', 'dpmpp2m', 'rex'] as const)
      expect(gainOf(kind, variance, 20_000) / flowGain(variance, 20_000), kind).toBeCloseTo(1, 2);
  });

  test.each(Object.entries({ edict, bdia, obelm, rex }))(
    '%s run backwards, in double precision',
    (kind, solver) => {
      const space: Space<number> = { combine: (...terms) => terms.reduce((sum, [w, x]) => sum + w * x, 0) };
      const grid = samplerGrid(gaussianDenoiser(0.5).info, ddim(10));
      const [x, y] = [0.3, -0.8];
      const found = follow(solver.backward(space, grid, { x, y }), ({ x, level }) => {
        return (level.noiseRate * x) / (0.5 * level.signalRate ** 2 + level.noiseRate ** 2);
      });
      const [a, b] = backwardWeights(kind as ExactKind, 0.5, 10);
      expect((a * x + b * y) / found.x).toBeCloseTo(1, 9);
    },
  );

  test("Walsh's functions are at right angles, to each other and to the constant", () => {
    const functions = walsh(31, [1, 4, 8]);
    const each = Array.from({ length: 31 }, (_, k) =>
      float32([1, 32], functions.data.slice(32 * k, 32 * k + 32)),
    );
    each.forEach((a, i) => {
      expect(dots(a, float32([1, 32], new Array(32).fill(1)))[0]).toBe(0);
      for (const [j, b] of each.entries()) expect(dots(a, b)[0]).toBe(i === j ? 32 : 0);
    });
  });
});
