import { cloudStatistics } from '../../latent/cloud.ts';
import { marchenkoPastur } from '../../latent/marchenko-pastur.ts';
import { principalComponents } from '../../latent/pca.ts';
import { symmetricEigen } from '../../tensor/eigen.ts';
import { combine, dots } from '../../tensor/rowwise.ts';
import { average } from '../../tensor/statistics.ts';
import { concatRows, type Floats, float32, rows, sizeOf, unstack } from '../../tensor/tensor.ts';
import { type Check, EXACT, near, nearly, nothing, type Row, SIGMAS, walsh } from './row.ts';
import { SHAPE } from './samplers.ts';

export const clouds: Check = {
  title: 'clouds of known correlation',
  run(bench) {
    const [count, correlation] = [16, 0.3];
    const functions = walsh(count + 1, SHAPE);
    const parts = unstack(functions);
    const cloud = concatRows(
      parts
        .slice(1)
        .map(own =>
          combine(
            [Math.sqrt(correlation), rows(functions, 0, 1)],
            [Math.sqrt(1 - correlation), float32([1, ...SHAPE], own.data)],
          ),
        ),
    );
    const found = cloudStatistics(cloud);
    const apart = Math.sqrt(2 * (1 - correlation) * sizeOf(SHAPE));
    const [many, dims] = [32, 4096];
    const random = bench.noise([many, dims], 'verify cloud');
    const common = bench.noise([1, dims], 'verify common part');
    const mixed = concatRows(
      Array.from({ length: many }, (_, i) =>
        combine([Math.sqrt(correlation), common], [Math.sqrt(1 - correlation), rows(random, i, i + 1)]),
      ),
    );
    const [none, some] = [cloudStatistics(random), cloudStatistics(mixed)];
    return [
      near('correlation', correlation, found.correlation, EXACT),
      near('variance', 1, found.variance, EXACT),
      near('variance about the mean', 1 - correlation, found.varianceWithin, EXACT),
      nearly('distance of two seeds, mean', apart, found.distance.mean, EXACT),
      nearly('distance of two seeds, least', apart, found.distance.least, EXACT),
      nearly('distance of two seeds, greatest', apart, found.distance.greatest, EXACT),
      near('difference of a coordinate', Math.sqrt(2 * (1 - correlation)), found.distance.rms, EXACT),
      ...found.means.map(({ of, variance }) =>
        near(`variance of the mean of ${of}`, correlation + (1 - correlation) / of, variance, EXACT),
      ),
      near(
        'correlation of noise: no structure',
        0,
        none.correlation,
        SIGMAS * Math.sqrt(2 / (many * (many - 1) * dims)),
      ),
      nearly(
        'distance of two seeds of noise',
        Math.sqrt(2 * dims),
        none.distance.mean,
        SIGMAS / Math.sqrt(many * dims),
      ),
      near(
        'correlation of noise with a common part',
        correlation,
        some.correlation,
        SIGMAS * correlation * Math.sqrt(2 / dims),
      ),
    ];
  },
};

/** Points at both ends of each function, so that their variances along them are the ones wanted. */
function spread(variances: readonly number[], shape: readonly number[], copies: number): Floats {
  const axes = unstack(walsh(variances.length, shape));
  const count = 2 * variances.length * copies;
  const ends = axes.flatMap(({ data }, k) => {
    const length = Math.sqrt((variances[k]! * (count - 1)) / (2 * copies * data.length));
    return [length, -length].map(end => combine([end, float32([1, ...shape], data)]));
  });
  return concatRows(Array.from({ length: copies }, () => ends).flat());
}

export const components: Check = {
  title: 'principal components and eigenvalues',
  run(bench) {
    const variances = [8, 5, 2, 1, 0.5, 0.01];
    const found: Row[] = [];
    for (const [name, copies] of [
      ['fewer points than dimensions', 1],
      ['more points', 8],
    ] as const) {
      const { variances: got, components: axes } = principalComponents(spread(variances, SHAPE, copies));
      const aligned = dots(axes, walsh(variances.length, SHAPE)).map(product => Math.abs(product) / 8);
      variances.forEach((variance, k) => {
        found.push(nearly(`${name}: variance ${k + 1}`, variance, got[k] ?? Number.NaN, 1e-5));
      });
      found.push(nearly(`${name}: least cosine of component and axis`, 1, Math.min(...aligned), 1e-5));
    }
    return [...found, ...eigenvalues(), ...edges(bench.noise([401, 64], 'verify spectrum'))];
  },
};

/** The second difference of a string of beads, whose modes are sines. */
function eigenvalues(): Row[] {
  const size = 40;
  const matrix = Float64Array.from({ length: size * size }, (_, i) => {
    const apart = Math.abs(Math.floor(i / size) - (i % size));
    return apart === 0 ? 2 : apart === 1 ? -1 : 0;
  });
  const { values, vectors } = symmetricEigen(matrix, size);
  const angle = (k: number) => ((size - k) * Math.PI) / (size + 1);
  const cosine = (k: number) => {
    let sum = 0;
    for (let j = 0; j < size; j++) sum += vectors[k * size + j]! * Math.sin((j + 1) * angle(k));
    return Math.abs(sum) * Math.sqrt(2 / (size + 1));
  };
  const off = Array.from(values, (value, k) => Math.abs(value - (2 - 2 * Math.cos(angle(k)))));
  return [
    nothing('eigenvalues of a string of 40 beads, greatest error', Math.max(...off), 1e-13),
    near('its eigenvectors and sines, least cosine', 1, Math.min(...off.map((_, k) => cosine(k))), 1e-12),
  ];
}

/** Mean and standard deviation of the Tracy-Widom law for real matrices (Johnstone 2001, table 1). */
const TRACY_WIDOM = { mean: -1.2065, deviation: 1.268 };

/** Variances along the components of noise, which by chance alone reach to the edges of Marchenko and Pastur's law. */
function edges(points: Floats): Row[] {
  const [count = 0, dims = 0] = points.shape;
  const { low, high, expected } = marchenkoPastur(count, dims, 1);
  const { variances } = principalComponents(points);
  const [n, p] = [Math.sqrt(count - 1), Math.sqrt(dims)];
  const widths = {
    high: ((n + p) * (1 / n + 1 / p) ** (1 / 3)) / n ** 2,
    low: ((n - p) * (1 / p - 1 / n) ** (1 / 3)) / n ** 2,
  };
  const { mean, deviation } = TRACY_WIDOM;
  const outside = variances.filter(value => value < low || value > high).length / variances.length;
  const off = Array.from(variances, (value, k) => Math.abs(value - expected[k]!));
  return [
    near('Marchenko-Pastur: mean of the law', 1, average(Array.from(expected)), 1e-3),
    near(
      'greatest variance of noise, 400 points in 64',
      high + mean * widths.high,
      variances[0]!,
      SIGMAS * deviation * widths.high,
    ),
    near('least', low - mean * widths.low, variances.at(-1)!, SIGMAS * deviation * widths.low),
    nothing('variances beyond the edges: no structure', outside, 3 / dims),
    nothing('variances beside the quantiles of the law, mean distance', average(off), 0.05),
  ];
}
