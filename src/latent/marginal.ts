/** What a statistic says of one seed, its coordinates in a row. */
export type SeedStatistic = (seed: Float32Array) => number;

/** |z|^2 / d: chi-square with d degrees of freedom over d for Gaussian noise, and so 1 give or take sqrt(2 / d). */
export function normStatistic(seed: Float32Array): number {
  let sum = 0;
  for (const z of seed) sum += z * z;
  return sum / seed.length;
}

/** The coordinates' mean: 0 give or take 1 / sqrt(d). */
export function meanStatistic(seed: Float32Array): number {
  let sum = 0;
  for (const z of seed) sum += z;
  return sum / seed.length;
}

/** The coordinates' third standardised moment, m3 / m2^(3/2): 0 for a symmetric distribution, and for equal coordinates. */
export function skewnessStatistic(seed: Float32Array): number {
  const variance = centralMoment(seed, 2);
  return variance === 0 ? 0 : centralMoment(seed, 3) / variance ** 1.5;
}

/** The coordinates' excess kurtosis, m4 / m2^2 - 3: 0 for a Gaussian, above for heavier tails; 0 for equal coordinates. */
export function kurtosisStatistic(seed: Float32Array): number {
  const variance = centralMoment(seed, 2);
  return variance === 0 ? 0 : centralMoment(seed, 4) / variance ** 2 - 3;
}

function centralMoment(seed: Float32Array, power: number): number {
  const mean = meanStatistic(seed);
  let sum = 0;
  for (const z of seed) sum += (z - mean) ** power;
  return sum / seed.length;
}

/**
 * Anderson and Darling's distance of the coordinates from N(0,1) (1954, "A test of goodness of fit"), for sorted z_i
 * A^2 = -d - 1/d sum_i [(2i - 1) ln P(z_i) + (2d + 1 - 2i) ln(1 - P(z_i))], P being the normal distribution function.
 * @returns 1 on average for Gaussian noise, above 2.49 for one seed in twenty.
 */
export function marginalStatistic(seed: Float32Array): number {
  const d = seed.length;
  let sum = 0;
  Float64Array.from(seed)
    .sort()
    .forEach((z, i) => {
      const far = logUpperTail(Math.abs(z));
      const near = Math.log1p(-Math.exp(far));
      sum += (2 * i + 1) * (z < 0 ? far : near) + (2 * d - 1 - 2 * i) * (z < 0 ? near : far);
    });
  return -d - sum / d;
}

/**
 * ln(1 - P(x)) for x of at least 0. Below 3 by P(x) = 1/2 + p(x) (x + x^3/3 + x^5/(3 5) + ...) with the density p
 * (Marsaglia 2004, "Evaluating the normal distribution"), above by Laplace's 1 - P(x) = p(x) / (x + 1/(x + 2/(x + ...))).
 */
export function logUpperTail(x: number): number {
  const logDensity = -(x * x + Math.log(2 * Math.PI)) / 2;
  if (x >= 3) {
    let fraction = x;
    for (let k = 60; k > 0; k--) fraction = x + k / fraction;
    return logDensity - Math.log(fraction);
  }
  let sum = 0;
  for (let term = x, k = 3; term > 1e-17; term *= (x * x) / k, k += 2) sum += term;
  return Math.log(0.5 - Math.exp(logDensity) * sum);
}
