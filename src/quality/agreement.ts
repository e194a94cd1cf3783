import type { Rates } from '../diffusion/schedule.ts';

/**
 * The noise that a linear denoiser of n pictures sees instead of the one that is there: kappa of
 * kappa (1 - (1/n) sum_i l_i / (l_i + kappa)) = noise, for data of the variances l_i. A covariance estimated from few pictures
 * shrinks on average as the true one does in more noise (Wang, Zavatone-Veth and Pehlevan 2026, arXiv 2602.02908).
 * @param variances of the data along its components, none negative.
 * @param count n, the pictures that its covariance was estimated from.
 * @param noise variance of the noise relative to the signal, (n / s)^2; greater than 0.
 * @returns kappa, from `noise` to `noise` + (1/n) sum_i l_i, to the last bits.
 */
export function effectiveNoise(variances: ArrayLike<number>, count: number, noise: number): number {
  const all = Array.from(variances);
  const excess = (kappa: number) => kappa * (1 - sum(all, l => l / (l + kappa)) / count) - noise;
  // The left side grows with kappa.
  let [low, high] = [noise, noise + sum(all, l => l) / count];
  for (let middle = (low + high) / 2; middle > low && middle < high; middle = (low + high) / 2)
    if (excess(middle) < 0) low = middle;
    else high = middle;
  return high;
}

/**
 * By how much the clean pictures differ that the best linear denoisers of two disjoint sets of `count` pictures each see in the same
 * noisy picture: the squared difference per coordinate, on average over sets and over noisy pictures of the data, to leading
 * order in 1 / n (the deterministic equivalents of arXiv 2602.02908; of two resolvents, Bach 2024, arXiv 2303.01372). With K =
 * diag(l_i + kappa) and df = sum_i l_i^2 / (l_i + kappa)^2 it is
 * (2 / D) (kappa^2 sum_i (l_i + noise) l_i / (l_i + kappa)^2 sum_i l_i / (l_i + kappa)^2 / (n - df) + (1/n) sum_i l_i kappa^2 / (l_i + kappa)^2),
 * whose second part is of the two means. It falls as 1 / n where n is large.
 * @param variances of the data along its components.
 * @param dims D, coordinates of a picture.
 */
export function linearDisagreement(
  variances: ArrayLike<number>,
  { count, dims }: { readonly count: number; readonly dims: number },
  { signalRate, noiseRate }: Rates,
): number {
  const noise = (noiseRate / signalRate) ** 2;
  const all = Array.from(variances);
  const kappa = effectiveNoise(all, count, noise);
  const over = (value: (l: number) => number) => sum(all, l => value(l) / (l + kappa) ** 2);
  const freedom = over(l => l ** 2);
  const covariances = (over(l => (l + noise) * l) * over(l => l)) / (count - freedom);
  const means = over(l => l) / count;
  return (2 / dims) * kappa ** 2 * (covariances + means);
}

const sum = (values: readonly number[], of: (value: number) => number) =>
  values.reduce((total, value) => total + of(value), 0);
