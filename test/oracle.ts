import { samplerGrid } from '../src/diffusion/grid.ts';
import { type Denoiser, ddim } from '../src/diffusion/info.ts';
import { createModel } from '../src/diffusion/model.ts';
import { SCHEDULES } from '../src/diffusion/schedule.ts';
import { GraphBuilder } from '../src/graph/builder.ts';

/**
 * The best denoiser of Gaussian data N(0, variance), in closed form: the posterior mean of epsilon given x is
 * n x / (s^2 variance + n^2). Its sampler is linear, so seeds, gains and gradients are known exactly.
 */
export function gaussianDenoiser(
  variance: number,
  shape: readonly number[] = [1, 4, 4],
  steps = 10,
): Denoiser {
  const b = new GraphBuilder('gaussian');
  const x = b.input('x', 'float32', ['N', ...shape]);
  const level = b.reshape(b.input('noise_variance', 'float32', ['N']), [0, ...shape.map(() => 1)]);
  const total = b.add(b.mul(b.sub(b.scalar(1), level), b.scalar(variance)), level);
  const graph = b.build({ epsilon: b.mul(x, b.div(b.sqrt(level), total)) });
  return createModel(graph, {
    seedbed: 1,
    kind: 'denoiser',
    name: 'gaussian',
    inputs: { image: 'x', level: 'noise_variance' },
    output: 'epsilon',
    predicts: 'epsilon',
    level: 'noiseVariance',
    shape: [...shape],
    range: { from: [0, 1], mean: [0.5], std: [0.2] },
    padding: 0,
    schedule: SCHEDULES.continuousCosine,
    sampler: ddim(steps),
  });
}

/** The factor by which the whole sampler multiplies a seed. */
export function samplerGain(variance: number, steps = 10): number {
  return samplerGrid({ schedule: SCHEDULES.continuousCosine, level: 'noiseVariance' }, ddim(steps)).reduce(
    (gain, { from, to }) => {
      const epsilon = from.noiseRate / (from.signalRate ** 2 * variance + from.noiseRate ** 2);
      const x0 = (1 - from.noiseRate * epsilon) / from.signalRate;
      return gain * (to.signalRate * x0 + to.noiseRate * epsilon);
    },
    1,
  );
}
