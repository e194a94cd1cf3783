import { samplerGain } from '../../diffusion/oracle.ts';
import { ddim } from '../../diffusion/sampler-info.ts';
import { decode } from '../../embedding/sampling.ts';
import { compareGrown } from '../../latent/comparison.ts';
import { spectrumBands } from '../../latent/energies.ts';
import { createPanel } from '../../latent/gaussianity.ts';
import { combineSeeds, interpolateSeeds } from '../../latent/interpolation.ts';
import { logUpperTail } from '../../latent/marginal.ts';
import { patchCorrelation } from '../../latent/spatial.ts';
import { summarise } from '../../latent/summary.ts';
import { effectiveNoise } from '../../quality/agreement.ts';
import { combine } from '../../tensor/rowwise.ts';
import {
  average,
  bootstrapMean,
  jackknife,
  meanSquaredErrors,
  psnr,
  wilson,
} from '../../tensor/statistics.ts';
import { concatRows, type Floats, float32, rows, sizeOf, unstack } from '../../tensor/tensor.ts';
import { type Check, distance, EXACT, near, nearly, nothing, SIGMAS, walsh, within } from './row.ts';
import { SHAPE } from './samplers.ts';

const powers = (data: Float32Array, power: number) =>
  data.reduce((sum, z) => sum + z ** power, 0) / data.length;
const meanSquare = ({ data }: Floats) => powers(data, 2);

export const noise: Check = {
  title: 'random normal numbers',
  run(bench) {
    const { data } = bench.noise([64, 4096], 'verify moments');
    const n = data.length;
    const chance = (variance: number) => SIGMAS * Math.sqrt(variance / n);
    const neighbours = data.reduce((sum, z, i) => sum + z * data[(i + 1) % n]!, 0) / n;
    const beyond = data.reduce((count, z) => count + (Math.abs(z) > 3 ? 1 : 0), 0) / n;
    const tail = 2 * Math.exp(logUpperTail(3));
    return [
      near('mean', 0, powers(data, 1), chance(1)),
      near('mean square', 1, powers(data, 2), chance(2)),
      near('mean cube', 0, powers(data, 3), chance(15)),
      near('mean fourth power', 3, powers(data, 4), chance(96)),
      near('mean product of neighbours', 0, neighbours, chance(1)),
      near('share beyond 3', tail, beyond, chance(tail)),
    ];
  },
};

/** The digamma function of n / 2: the mean of log(X / 2), X chi-square with n degrees of freedom. */
function digammaOfHalf(n: number): number {
  let sum = -0.5772156649015329 - (n % 2 === 1 ? 2 * Math.LN2 : 0);
  for (let k = n - 2; k > 0; k -= 2) sum += 2 / k;
  return sum;
}

/** What the panel's statistics are on average for Gaussian seeds of [1, 8, 8], `bands` along seven components. */
function panelMeans(): Record<string, number> {
  const d = sizeOf(SHAPE);
  const rings = spectrumBands([1, 8, 8]).sizes;
  // Energies over their mean: X_b / n_b over X / n. The mean of n_b (e_b - 1 - ln e_b) is -n_b times that of ln e_b.
  const all = rings.reduce((sum, n) => sum + n, 0);
  const ring = (n: number) => n * (digammaOfHalf(all) - digammaOfHalf(n) + Math.log(n / all));
  const band = (n: number) => n * (Math.log(n / 2) - digammaOfHalf(n));
  return {
    norm: 1,
    mean: 0,
    skewness: 0,
    kurtosis: -6 / (d + 1),
    marginal: 1,
    // 56 pairs, of whose 56 left and 56 right pixels 48 are the same: so much have the two means in common.
    neighbours: -48 / (56 * 55),
    autocorrelation: 1,
    spectrum: average(rings.map(ring)),
    bands: average([1, 2, 4, d - 7].map(band)),
  };
}

export const panel: Check = {
  title: 'the panel: its statistics on Gaussian seeds, and which seeds it rejects',
  run(bench) {
    const draws = 999;
    const components = combine([1 / 8, walsh(7, SHAPE)]);
    const judge = createPanel(SHAPE, { rng: bench.rng, draws, components });
    const seeds = bench.noise([1000, ...SHAPE], 'verify panel');
    const verdicts = judge.judge(seeds);
    const summary = summarise(judge, verdicts);
    const expected = panelMeans();
    const means = judge.statistics.map(name => {
      const values = verdicts.map(({ statistics }) => statistics[name]!.value);
      const mean = average(values);
      const deviation = Math.sqrt(average(values.map(value => (value - mean) ** 2)));
      const wanted = expected[name] ?? Number.NaN;
      const chance = (SIGMAS * deviation) / Math.sqrt(values.length);
      return near(`${name}, mean over 1,000 seeds`, wanted, summary.statistics[name]!.mean, chance);
    });
    const rejected = (t: Floats) => summarise(judge, judge.judge(t)).rejected;
    const some = rows(seeds, 0, 200);
    const wave = (weight: number) =>
      float32(
        some.shape,
        some.data.map((z, i) => z + weight * Math.cos((Math.PI * i) / 4)),
      );
    const chance = SIGMAS * Math.sqrt(0.01 * 0.99 * (1 / 1000 + 1 / draws));
    return [
      ...means,
      within('share of Gaussian seeds rejected', 0.01, summary.rejected, 0, 0.01 + chance),
      within('of those scaled by 2', 1, rejected(combine([2, some])), 0.99, 1),
      within('of those scaled by 1/3', 1, rejected(combine([1 / 3, some])), 0.99, 1),
      within('of those with a wave added', 1, rejected(wave(2)), 0.99, 1),
    ];
  },
};

export const shrinking: Check = {
  title:
    'the noise that a linear denoiser of few pictures sees: that of white data, whose equation is quadratic',
  run: () =>
    [
      { variance: 0.3, dims: 64, count: 200, noise: 0.1 },
      { variance: 1, dims: 1024, count: 30, noise: 0.01 },
      { variance: 2, dims: 500, count: 500, noise: 1 },
    ].map(({ variance, dims, count, noise }) => {
      const b = variance * (1 - dims / count) - noise;
      const expected = (-b + Math.sqrt(b ** 2 + 4 * noise * variance)) / 2;
      const got = effectiveNoise(new Float64Array(dims).fill(variance), count, noise);
      return nearly(
        `${dims} variances of ${variance}, ${count} pictures, noise ${noise}`,
        expected,
        got,
        EXACT,
      );
    }),
};

export const patches: Check = {
  title: 'patch correlation',
  run(bench) {
    const [count, top, pairs] = [400, 20, (64 * 63) / 2];
    // The mean magnitude of a normal number in its outermost share of 20 in 2016, over the root of the degrees of freedom.
    const share = top / pairs;
    let [low, high] = [0, 6];
    for (let i = 0; i < 60; i++) {
      const middle = (low + high) / 2;
      if (2 * Math.exp(logUpperTail(middle)) > share) low = middle;
      else high = middle;
    }
    const density = Math.exp((-low * low) / 2) / Math.sqrt(2 * Math.PI);
    const expected = (2 * density) / share / Math.sqrt(count - 1);
    const seeds = bench.noise([count, 1, 32, 32], 'verify patches');
    const alike = float32(
      [8, ...SHAPE],
      Float32Array.from({ length: 8 * 64 }, (_, i) => seeds.data[Math.floor(i / 64)]!),
    );
    return [
      nearly('of noise, 400 seeds: no structure', expected, patchCorrelation(seeds), 0.06),
      near('of seeds of one colour each', 1, patchCorrelation(alike), EXACT),
    ];
  },
};

export const comparisons: Check = {
  title: 'two models on the same seeds, and errors of pictures',
  async run(bench) {
    const seeds = walsh(32, SHAPE);
    const [small, large] = [0.5, 2];
    const grow = (variance: number) =>
      decode(bench.gaussian(variance, SHAPE), seeds, { runtime: bench.runtime, sampler: ddim(10) });
    const [a, b] = [await grow(small), await grow(large)];
    const [one, other] = [samplerGain(small), samplerGain(large)];
    const found = compareGrown(a, b);
    const [left, right] = ['one', 'other'].map(name => bench.noise([128, 256], `verify ${name} pictures`));
    const unrelated = compareGrown(left!, right!);
    const grey = float32(
      a.shape,
      a.data.map(value => value + 0.1),
    );
    return [
      nothing('a model beside itself', compareGrown(a, a).ratio.mean, 0),
      nearly('variances 0.5 and 2, one seed', 0.04 * (one - other) ** 2, found.same, 1e-4),
      nearly('variances 0.5 and 2, different seeds', 0.04 * (one ** 2 + other ** 2), found.different, 1e-4),
      nearly('ratio', (one - other) ** 2 / (one ** 2 + other ** 2), found.ratio.mean, 1e-4),
      near('unrelated pictures: no structure', 1, unrelated.ratio.mean, SIGMAS * Math.sqrt(2 / (128 * 256))),
      nearly('squared error of pictures .1 lighter', 0.01, average(meanSquaredErrors(grey, a)), 1e-5),
      near('its PSNR', 20, psnr(0.01), 1e-12),
    ];
  },
};

export const interpolation: Check = {
  title: 'between seeds',
  run() {
    const [a, b] = unstack(walsh(2, SHAPE)) as [Floats, Floats];
    const at = (t: number, path: 'slerp' | 'lerp') => interpolateSeeds(a, b, t, path);
    const angle = (0.3 * Math.PI) / 2;
    const arc = combine([Math.cos(angle), a], [Math.sin(angle), b]);
    const seeds = walsh(16, SHAPE);
    const weights = Array.from({ length: 16 }, (_, i) => i - 4);
    const part = combine([Math.sqrt(0.4), rows(walsh(17, SHAPE), 16, 17)]);
    const alike = concatRows(
      Array.from({ length: 16 }, (_, i) => combine([1, part], [Math.sqrt(0.6), rows(seeds, i, i + 1)])),
    );
    return [
      near('slerp, mean square at .3', 1, meanSquare(at(0.3, 'slerp')), EXACT),
      nothing('slerp, distance from the arc at .3', distance(at(0.3, 'slerp'), arc), EXACT),
      near('lerp, mean square at .5', 0.5, meanSquare(at(0.5, 'lerp')), EXACT),
      near('sixteen seeds combined, mean square', 1, meanSquare(combineSeeds(weights, seeds)), EXACT),
      near(
        'sixteen of correlation .4 combined, mean square',
        1,
        meanSquare(combineSeeds(weights, alike, 0.4)),
        EXACT,
      ),
    ];
  },
};

export const intervals: Check = {
  title: 'intervals: the bootstrap of means, the jackknife, that of shares',
  run(bench) {
    const [samples, size] = [200, 31];
    const values = unstack(bench.noise([samples, size], 'verify bootstrap'));
    const held = values.map(({ data }, i) => bootstrapMean(Array.from(data), bench.rng + i));
    const expected = 0.95;
    const covered = held.filter(({ low, high }) => low <= 0 && high >= 0).length / samples;
    const width = average(held.map(({ low, high }) => high - low));
    // Student's interval, 2 t s / sqrt(n), t of 30 degrees; the mean of chi with n - 1 degrees of freedom is about sqrt(n - 3/2).
    const expectedWidth = (2 * 2.042272 * Math.sqrt((size - 1.5) / (size - 1))) / Math.sqrt(size);
    const mean = (some: readonly number[]) => jackknife(average(some), [leavingOut(some)]);
    const [some, others] = [walshValues(1), walshValues(2).map(value => 2 * value)];
    const difference = average(some) - average(others);
    const apart = jackknife(difference, [
      leavingOut(some).map(one => one - average(others)),
      leavingOut(others).map(one => average(some) - one),
    ]);
    const spread = Math.sqrt((64 / 63) * ((1 + 4) / 64));
    return [
      near(
        'share of 200 that hold the mean, 31 values',
        expected,
        covered,
        SIGMAS * Math.sqrt((expected * (1 - expected)) / samples),
      ),
      nearly('their mean width', expectedWidth, width, 0.06),
      // Of means the jackknife's is Student's.
      nearly('jackknife of the mean of 0 and 2, upper end', 1 + 12.706205, mean([0, 2]).high, EXACT),
      nearly('of 0, 1 and 2', 1 + 4.302653 / Math.sqrt(3), mean([0, 1, 2]).high, EXACT),
      nearly(
        'of the difference of two means, half its width',
        1.998341 * spread,
        apart.high - difference,
        1e-3,
      ),
      ...[0.3, 0].map(share => {
        const { low, high } = wilson(share, 20);
        const end = share === 0 ? high : low;
        // Wilson's ends are those true shares from which what was seen lies the quantile of the normal distribution away.
        const away = Math.abs(share - end) / Math.sqrt((end * (1 - end)) / 20);
        return nearly(`Wilson's end of ${share} of 20, standard deviations away`, 1.959964, away, EXACT);
      }),
    ];
  },
};

/** A Walsh function's 64 values: mean 0, mean square 1. */
const walshValues = (k: number) => Array.from(rows(walsh(k, SHAPE), k - 1, k).data);

/** The mean without each of the values. */
const leavingOut = (values: readonly number[]) =>
  values.map(value => (average(values) * values.length - value) / (values.length - 1));
