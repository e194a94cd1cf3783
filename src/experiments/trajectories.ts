import { samplerGrid } from '../diffusion/grid.ts';
import type { Denoiser } from '../diffusion/info.ts';
import { affineStep } from '../diffusion/solvers.ts';
import { createStepMap } from '../embedding/inversion/maps.ts';
import { filledRows } from '../tensor/rowwise.ts';
import { concatRows, rows, type Tensor } from '../tensor/tensor.ts';
import { BATCH, type Lab } from './lab.ts';

type Floats = Tensor<'float32'>;

/** The states that a DDIM sampler leads seeds [n, ...shape] through: T + 1 tensors, the seeds first, standardised. */
export async function trajectories(lab: Lab, model: Denoiser, latent: Floats): Promise<Floats[]> {
  const steps = samplerGrid(model.info, model.info.sampler).map(affineStep);
  const map = createStepMap(lab.runtime, model, BATCH);
  const count = latent.shape[0]!;
  const parts: Floats[][] = [];
  try {
    for (let first = 0; first < count; first += BATCH) {
      const states = [filledRows(latent, first, BATCH)];
      for (const step of steps) states.push(await map.value(states.at(-1)!, step));
      parts.push(states.map(state => rows(state, 0, Math.min(BATCH, count - first))));
      lab.report?.(Math.min(first + BATCH, count), count);
    }
  } finally {
    await map.dispose();
  }
  return steps.concat(steps[0]!).map((_, k) => concatRows(parts.map(states => states[k]!)));
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
