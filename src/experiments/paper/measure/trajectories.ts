import { samplerGrid } from '../../../diffusion/grid.ts';
import type { Denoiser } from '../../../diffusion/info.ts';
import { createSampler } from '../../../diffusion/sampler.ts';
import { stepGain } from '../../../diffusion/solvers.ts';
import type { PrincipalComponents } from '../../../latent/pca.ts';
import { innerProducts } from '../../../tensor/products.ts';
import { combine, dots } from '../../../tensor/rowwise.ts';
import { type Floats, float32 } from '../../../tensor/tensor.ts';
import { BATCH, type Lab } from '../lab.ts';

/** The states that a model's sampler leads seeds [n, ...shape] through: T + 1 tensors, the seeds first, standardised. */
export async function trajectories(lab: Lab, model: Denoiser, latent: Floats): Promise<Floats[]> {
  const sampler = await createSampler(lab.runtime, model, model.info.sampler, BATCH);
  const growth = sampler.growth(latent, (done, total) => lab.report?.(done, total));
  return growth.then(({ states }) => states).finally(() => sampler.dispose());
}

/**
 * The states that the best linear denoiser of data with these moments leads seeds through (Wiener's filter, of which
 * `wienerPictures` gives the last): T + 1 tensors, standardised, the seeds first. Each component's coordinate of x - s mean is
 * multiplied by the step's gain for its variance; directions outside of the components vary by nothing.
 */
export function linearTrajectories(
  model: Denoiser,
  { mean, variances, components }: PrincipalComponents,
  latent: Floats,
): Floats[] {
  const width = mean.data.length;
  const number = variances.length;
  const basis = Float64Array.from(components.data);
  const states = [latent];
  for (const step of samplerGrid(model.info, model.info.sampler)) {
    const { signalRate: s } = step.from;
    const off = Float64Array.from(states.at(-1)!.data, (x, i) => x - s * mean.data[i % width]!);
    const along = innerProducts(off, basis, width);
    const gain = (variance: number) => stepGain(step, variance);
    const outside = gain(0);
    const gains = Array.from(variances, gain);
    const next = new Float32Array(off.length);
    for (let row = 0; row < latent.shape[0]!; row++) {
      const at = row * width;
      const sum = Float64Array.from(mean.data, (m, i) => step.to.signalRate * m + outside * off[at + i]!);
      for (let k = 0; k < number; k++) {
        const weight = (gains[k]! - outside) * along[row * number + k]!;
        for (let i = 0; i < width; i++) sum[i]! += weight * basis[k * width + i]!;
      }
      next.set(sum, at);
    }
    states.push(float32(latent.shape, next));
  }
  return states;
}

/** Of each row, the length of the chord from the first state to the last over that of the path: 1 for a straight one. */
export function straightness(states: readonly Floats[]): number[] {
  const count = states[0]!.shape[0]!;
  const width = states[0]!.data.length / count;
  const between = (a: Floats, b: Floats, row: number) => {
    let sum = 0;
    for (let i = row * width; i < (row + 1) * width; i++) sum += (a.data[i]! - b.data[i]!) ** 2;
    return Math.sqrt(sum);
  };
  return Array.from({ length: count }, (_, row) => {
    const path = states.slice(1).reduce((sum, state, k) => sum + between(state, states[k]!, row), 0);
    return path > 0 ? between(states.at(-1)!, states[0]!, row) / path : 1;
  });
}

/** The states x of a DDIM sampler as x / s, which moves by the predicted noise alone. */
export function unscaled(states: readonly Floats[], { info }: Denoiser): Floats[] {
  const grid = samplerGrid(info, info.sampler);
  return states.map((state, k) => combine([1 / (grid[k]?.from.signalRate ?? 1), state]));
}

/** Of each direction [n, ...shape] the share of its square that lies along orthonormal ones [k, ...shape]. */
export function energyShare(directions: Floats, basis: Floats): number[] {
  const count = basis.shape[0]!;
  const [from, to] = [directions, basis].map(({ data }) => Float64Array.from(data)) as [
    Float64Array,
    Float64Array,
  ];
  const along = innerProducts(from, to, basis.data.length / count);
  return Array.from(dots(directions, directions), (square, row) => {
    const part = along.subarray(row * count, (row + 1) * count).reduce((sum, value) => sum + value ** 2, 0);
    return square > 0 ? part / square : 0;
  });
}

/** Trajectories whose steps have the lengths of those given and the directions of other rows' noise. */
export function shuffledSteps(states: readonly Floats[]): Floats[] {
  const [first] = states;
  const count = first!.shape[0]!;
  const width = first!.data.length / count;
  const result = [first!];
  for (let k = 1; k < states.length; k++) {
    const data = result.at(-1)!.data.slice();
    for (let row = 0; row < count; row++) {
      let [step, other] = [0, 0];
      const borrowed = ((row + k) % count) * width;
      for (let i = 0; i < width; i++) {
        step += (states[k]!.data[row * width + i]! - states[k - 1]!.data[row * width + i]!) ** 2;
        other += first!.data[borrowed + i]! ** 2;
      }
      const factor = Math.sqrt(step / other);
      for (let i = 0; i < width; i++) data[row * width + i]! += factor * first!.data[borrowed + i]!;
    }
    result.push(float32(first!.shape, data));
  }
  return result;
}
