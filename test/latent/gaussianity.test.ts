import { describe, expect, test } from 'vitest';
import { spectrumBands } from '../../src/latent/energies.ts';
import { createPanel, type SeedVerdict } from '../../src/latent/gaussianity.ts';
import { logUpperTail, marginalStatistic } from '../../src/latent/marginal.ts';
import { principalComponents } from '../../src/latent/pca.ts';
import { autocorrelation, neighbourCorrelation, patchCorrelation } from '../../src/latent/spatial.ts';
import { summarise } from '../../src/latent/summary.ts';
import { normals } from '../../src/tensor/random.ts';
import { type Floats, float32, rows } from '../../src/tensor/tensor.ts';
import { thrownBy } from '../support.ts';

const SHAPE = [1, 16, 16];
const noise = (count: number, shape: readonly number[] = SHAPE, seed = 0) =>
  normals({ seed, purpose: 'latent' }, [count, ...shape]);
const map = (t: Floats, change: (z: number, i: number) => number) => float32(t.shape, t.data.map(change));

/** Sixty blotches: sums of five waves, so that data vary along few directions much and along none evenly. */
const DATA = (() => {
  const weights = normals({ seed: 5, purpose: 'data' }, [60, 40]).data;
  const mixing = normals({ seed: 6, purpose: 'data' }, [40, 256]).data;
  return float32(
    [60, ...SHAPE],
    Float32Array.from({ length: 60 * 256 }, (_, at) => {
      const [n, i] = [Math.floor(at / 256), at % 256];
      let sum = 0;
      for (let k = 0; k < 40; k++) sum += (weights[n * 40 + k]! * mixing[k * 256 + i]!) / (k + 1);
      return sum;
    }),
  );
})();
const { components } = principalComponents(DATA);
const panel = createPanel(SHAPE, { draws: 999, components });

/** Each seed scaled so that its squares have mean 1. */
function renormalised(t: Floats): Floats {
  const width = t.data.length / t.shape[0]!;
  const norms = Array.from({ length: t.shape[0]! }, (_, n) =>
    Math.sqrt(rows(t, n, n + 1).data.reduce((sum, z) => sum + z * z, 0) / width),
  );
  return map(t, (z, i) => z / norms[Math.floor(i / width)]!);
}

/** Each pixel plus a share of its right and of its lower neighbour, round the edges. */
function blurred(t: Floats, share: number): Floats {
  return map(t, (z, i) => {
    const [start, y, x] = [i - (i % 256), Math.floor((i % 256) / 16), i % 16];
    const right = t.data[start + y * 16 + ((x + 1) % 16)]!;
    const lower = t.data[start + ((y + 1) % 16) * 16 + x]!;
    return z + share * (right + lower);
  });
}

/** The share of seeds that each statistic, and the combined test, rejects at a level. */
function rejected(verdicts: readonly SeedVerdict[], level: number): Record<string, number> {
  const share = (p: (v: SeedVerdict) => number) =>
    verdicts.filter(v => p(v) <= level).length / verdicts.length;
  return Object.fromEntries([
    ...panel.statistics.map(name => [name, share(v => v.statistics[name]!.p)]),
    ['combined', share(v => v.p)],
  ]);
}

describe('the panel', () => {
  test('rejects Gaussian seeds as often as it says', () => {
    const verdicts = panel.judge(noise(400));
    // The share among 400 has a standard deviation of .0109, that of the 999 draws' own quantile is .0069: .0129 in all.
    for (const [name, share] of Object.entries(rejected(verdicts, 0.05))) {
      expect(share, name).toBeGreaterThan(0.05 - 3 * 0.0129);
      expect(share, name).toBeLessThan(0.05 + 3 * 0.0129);
    }
    const ps = verdicts.map(({ p }) => p).sort((a, b) => a - b);
    const distance = Math.max(...ps.map((p, i) => Math.abs(p - (i + 0.5) / 400)));
    expect(distance, 'combined p-values are uniform, by Kolmogorov and Smirnov').toBeLessThan(
      1.63 * Math.sqrt(1 / 400 + 1 / 999),
    );
    expect(summarise(panel, verdicts).rejected).toBeLessThan(0.03);
  });

  /** What each kind of seed is caught by, nearly always, and what says nothing of it beyond chance. */
  test.each<[string, (z: Floats) => Floats, caught: string[], silent: string[]]>([
    [
      'scaled by 1.3',
      z => map(z, v => 1.3 * v),
      ['norm', 'marginal', 'bands'],
      ['skewness', 'kurtosis', 'neighbours', 'spectrum'],
    ],
    [
      'shifted by 0.3',
      z => map(z, v => v + 0.3),
      ['mean', 'marginal'],
      ['skewness', 'kurtosis', 'neighbours', 'spectrum'],
    ],
    [
      'with heavy tails',
      z => renormalised(map(z, v => Math.sinh(1.2 * v))),
      ['kurtosis', 'marginal'],
      ['norm', 'mean', 'neighbours', 'spectrum', 'autocorrelation', 'bands'],
    ],
    [
      'skewed, with mean 0 and variance 1',
      z => map(z, v => (Math.exp(0.4 * v) - Math.exp(0.08)) / Math.sqrt(Math.exp(0.32) - Math.exp(0.16))),
      ['skewness'],
      ['mean', 'neighbours', 'spectrum', 'bands'],
    ],
    [
      'blurred',
      z => renormalised(blurred(z, 0.3)),
      ['neighbours', 'autocorrelation', 'spectrum'],
      ['norm', 'skewness', 'kurtosis'],
    ],
    [
      'sharpened',
      z => renormalised(blurred(z, -0.3)),
      ['neighbours', 'autocorrelation', 'spectrum'],
      ['norm', 'mean', 'skewness', 'kurtosis', 'marginal'],
    ],
    [
      'shrunk along the data',
      z => renormalised(shrunk(z, 0.3)),
      ['bands'],
      ['norm', 'mean', 'skewness', 'kurtosis', 'marginal', 'neighbours', 'autocorrelation', 'spectrum'],
    ],
  ])('seeds %s are caught by the statistics meant for them', (_, change, caught, silent) => {
    const shares = rejected(panel.judge(change(noise(40, SHAPE, 7))), 0.01);
    for (const name of [...caught, 'combined']) expect(shares[name], name).toBeGreaterThan(0.8);
    for (const name of silent) expect(shares[name], name).toBeLessThan(0.13); // P(6 or more of 40 at .01) = 3e-6
  });

  test('a seed that is one in every statistic but its norm is told by the norm', () => {
    const [verdict] = panel.judge(map(noise(1), () => 0));
    expect(verdict!.statistics.norm).toEqual({ value: 0, p: 0.002 });
    expect([verdict!.p, verdict!.gaussian]).toEqual([0.001, false]);
  });

  test('what it expects of the norm is the chi-square distribution', () => {
    // chi2 quantiles for 256 degrees of freedom: 213.5747 at .025 and 302.2093 at .975.
    const { mean, low, high } = panel.expected.norm!;
    expect(mean).toBeCloseTo(1, 1);
    expect(Math.abs(low - 213.57 / 256)).toBeLessThan(0.02);
    expect(Math.abs(high - 302.21 / 256)).toBeLessThan(0.02);
    for (const name of ['marginal', 'autocorrelation', 'spectrum', 'bands'])
      expect(panel.expected[name]!.mean, name).toBeCloseTo(1, 0);
  });

  test('the energies along components are those of the projections, and the last band is what they leave', () => {
    const z = noise(1);
    const [verdict] = panel.judge(z);
    const inner = Array.from({ length: components.shape[0]! }, (_, k) => {
      return rows(components, k, k + 1).data.reduce((sum, c, i) => sum + c * z.data[i]!, 0) ** 2;
    });
    const mean = (from: number, to: number) =>
      inner.slice(from, to).reduce((a, b) => a + b, 0) / (Math.min(to, inner.length) - from);
    const { energies } = verdict!.statistics.bands!;
    const total = z.data.reduce((sum, v) => sum + v * v, 0);
    const rest = (total - inner.reduce((a, b) => a + b)) / (256 - inner.length);
    const wanted = [mean(0, 1), mean(1, 3), mean(3, 7), mean(7, 15), mean(15, 31), mean(31, 63), rest];
    expect(energies).toEqual(wanted.map(value => expect.closeTo(value, 4)));
  });

  test('points and small pictures go without what needs patches; two coordinates without moments', () => {
    expect(createPanel([2], { draws: 199 }).statistics).toEqual(['norm', 'mean', 'marginal']);
    expect(createPanel([1, 4, 4], { draws: 199 }).statistics).toEqual([
      'norm',
      'mean',
      'marginal',
      'skewness',
      'kurtosis',
    ]);
    const of = createPanel([2]);
    const shares = of.judge(noise(400, [2])).filter(({ p }) => p <= 0.05).length / 400;
    expect(Math.abs(shares - 0.05)).toBeLessThan(0.045);
  });

  test('the same draws give the same verdicts, and a seed is judged alone', () => {
    const again = createPanel(SHAPE, { draws: 999, components });
    expect(again.judge(noise(3))).toEqual(panel.judge(noise(3)));
    expect(panel.judge(rows(noise(3), 1, 2))[0]).toEqual(panel.judge(noise(3))[1]);
    expect(createPanel(SHAPE, { draws: 199, rng: 1 }).expected).not.toEqual(
      createPanel(SHAPE, { draws: 199 }).expected,
    );
  });

  test.each<[() => unknown, string, string]>([
    [() => createPanel([]), 'BadShape', 'is not the shape of a seed'],
    [() => createPanel([1, 0, 8]), 'BadShape', '[1,0,8] is not the shape of a seed'],
    [() => createPanel([2], { draws: 99 }), 'BadArgument', 'draws is a whole number of at least 199'],
    [() => createPanel([2], { rng: -1 }), 'BadArgument', 'rng is a whole number'],
    [
      () => createPanel([2], { components }),
      'BadShape',
      'components of seeds [2] are [K, 2], got [40,1,16,16]',
    ],
    [
      () => panel.judge(noise(1, [1, 8, 8])),
      'BadShape',
      'the panel judges seeds [N, 1,16,16], got [1,1,8,8]',
    ],
    [() => panel.judge(map(noise(1), () => Number.NaN)), 'Diverged', 'not a finite number'],
    [() => summarise(panel, []), 'BadArgument', 'there are no verdicts'],
    [() => patchCorrelation(noise(2)), 'BadShape', '3 seeds or more'],
    [() => patchCorrelation(map(noise(9), () => Number.NaN)), 'Diverged', 'not a number'],
    [() => patchCorrelation(noise(9), 0), 'BadArgument', 'top is a whole number of at least 1'],
  ])('refuses case %#', (work, kind, message) => {
    expect(thrownBy(work)).toMatchObject({ kind, message: expect.stringContaining(message) });
  });
});

/** Seeds whose part along the first 30 components is scaled. */
function shrunk(t: Floats, factor: number): Floats {
  const result = Float32Array.from(t.data);
  for (let n = 0; n < t.shape[0]!; n++) {
    for (let k = 0; k < 30; k++) {
      const v = rows(components, k, k + 1).data;
      const inner = v.reduce((sum, c, i) => sum + c * t.data[n * 256 + i]!, 0);
      for (let i = 0; i < 256; i++) result[n * 256 + i]! += (factor - 1) * inner * v[i]!;
    }
  }
  return float32(t.shape, result);
}

describe('the statistics', () => {
  test.each([
    [0, Math.log(0.5)],
    [1, Math.log(0.15865525393145707)],
    [2.999, Math.log(0.0013543399)],
    [3, Math.log(0.0013498980316300933)],
    [6, Math.log(9.865876450376981e-10)],
    [40, -804.6084420137538],
  ])('ln(1 - P(%d))', (x, want) => {
    expect(logUpperTail(x)).toBeCloseTo(want, x === 2.999 ? 5 : 11);
  });

  test('Anderson and Darling: two numbers by hand, and 2.492 as the limit of one in twenty', () => {
    // z = -1, 1: -2 - 1/2 [(1 + 1) ln P(-1) + (3 + 3) ln P(1)] = .8767.
    expect(marginalStatistic(Float32Array.of(1, -1))).toBeCloseTo(
      -2 - Math.log(0.1586552539) - 3 * Math.log(0.8413447461),
      8,
    );
    const z = noise(1000, [300], 3);
    const values = Array.from({ length: 1000 }, (_, i) => marginalStatistic(rows(z, i, i + 1).data));
    const above = values.filter(value => value > 2.492).length / 1000;
    expect(Math.abs(above - 0.05)).toBeLessThan(3 * 0.0069);
  });

  test('the spectrum sees a wave in its octave alone, whatever its phase, and white noise evenly', () => {
    const bands = spectrumBands([1, 12, 32]);
    for (const phase of [0, 0.7, 2]) {
      const wave = Float32Array.from({ length: 12 * 32 }, (_, i) =>
        Math.sin((2 * Math.PI * 5 * (i % 32)) / 32 + phase),
      );
      const energies = bands.energies(wave);
      expect(energies.map(energy => energy > 1e-9)).toEqual([false, false, true, false, false]);
      expect(energies[2]! * bands.sizes[2]!).toBeCloseTo(12 * 32 - 1, 4);
    }
    expect(bands.sizes.reduce((a, b) => a + b)).toBe(12 * 32 - 1);
    expect(bands.energies(new Float32Array(12 * 32))).toEqual([0, 0, 0, 0, 0]);
    expect(bands.energies(new Float32Array(12 * 32).fill(0.1))).toEqual([0, 0, 0, 0, 0]);
  });

  test('neighbours of a ramp are alike, of a chequerboard opposite', () => {
    const of = neighbourCorrelation([2, 9, 16]);
    const picture = (value: (y: number, x: number) => number) =>
      Float32Array.from({ length: 2 * 9 * 16 }, (_, i) => value(Math.floor(i / 16) % 9, i % 16));
    expect(of(picture((y, x) => 3 * y + x))).toBeCloseTo(1, 6);
    expect(of(picture((y, x) => (y + x) % 2))).toBeCloseTo(-1, 6);
    for (const constant of [4, 0.1, -0.4]) expect(of(picture(() => constant))).toBe(0);
  });

  test('autocorrelation by hand: a constant is its own neighbour at every scale', () => {
    // 32 x 32 of ones: mean products 1, then 4 and 16 with half sums 2 and 4; n = 1024, 256, 64 numbers.
    const ones = new Float32Array(32 * 32).fill(1);
    expect(autocorrelation([1, 32, 32])(ones)).toBeCloseTo((1024 + 256 * 16 + 64 * 256) / 3, 6);
  });

  test('patch correlation across seeds: that of noise falls with their number, that of shared parts stays', () => {
    const [few, many] = [patchCorrelation(noise(50)), patchCorrelation(noise(800))];
    expect(many).toBeLessThan(few / 3);
    // The 20 greatest of 2016 pairs are their upper hundredth, and 2.89 the mean of a normal number's magnitude there.
    expect(Math.abs(many * Math.sqrt(799) - 2.89)).toBeLessThan(0.1);
    const shared = patchCorrelation(blurred(noise(800), 1)); // neighbours share one term of three
    expect(shared).toBeGreaterThan(1 / 3);
    expect(shared).toBeLessThan(0.45);
    expect(
      patchCorrelation(float32([3, 1, 1, 2], [1, 1, 2, 1, 3, 1])),
      'a coordinate that never changes',
    ).toBe(0);
  });
});
