import { backward } from '../../autodiff/backward.ts';
import { readings } from '../../diffusion/prediction.ts';
import { type AffineStep, ratesAfter } from '../../diffusion/solvers.ts';
import { GraphBuilder, type Value } from '../../graph/builder.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { combine } from '../../tensor/rowwise.ts';
import type { Floats } from '../../tensor/tensor.ts';
import { type FixedPoint, relativeSizes } from './fixed-point.ts';
import type { StepMap } from './maps.ts';

/** Makes predictions more like noise: less correlated in themselves, and alike to a reference patch by patch. */
export interface Whitener {
  whiten(epsilon: Floats, reference: Floats): Promise<Floats>;
  dispose(): Promise<void>;
}

/** The first of the plain iterates whose predictions are averaged. */
const FIRST_AVERAGED = 2;
/** Steps of whitening; the shares by which each lowers the correlations and the divergence (Garibi et al. 2024, appendix). */
const WHITENING = { steps: 4, pair: 0.05, divergence: 0.065, patch: 4 };

/**
 * ReNoise (Garibi et al. 2024): plain fixed-point iterates, the mean of the late ones' predictions whitened towards the
 * prediction at a noised copy of the picture, and one last step with that.
 * @param likely s x0 + n noise at the level of x: where the prediction is noise-like.
 */
export async function renoise(
  map: StepMap,
  step: AffineStep,
  y: Floats,
  likely: Floats,
  whitener: Whitener,
  iterations: number,
): Promise<Pick<FixedPoint, 'x' | 'residuals'>> {
  const { level } = step;
  const { epsilon: read } = readings(level);
  const noiseIn = async (x: Floats) => combine([read.x, x], [read.predicted, await map.predict(x, level)]);
  const solved = undoneWith(step, y);
  let x = y;
  const late: Floats[] = [];
  for (let i = 0; i < iterations; i++) {
    const epsilon = await noiseIn(x);
    if (i >= Math.min(FIRST_AVERAGED, iterations - 1)) late.push(epsilon);
    x = solved(epsilon);
  }
  const mean = combine(...late.map(epsilon => [1 / late.length, epsilon] as const));
  const found = solved(await whitener.whiten(mean, await noiseIn(likely)));
  const off = combine([1, solved(await noiseIn(found))], [-1, found]);
  return { x: found, residuals: relativeSizes(off, found) };
}

/** x from y = s' x0 + n' epsilon, where a step has led it, and epsilon: x0 = (y - n' epsilon) / s', x = s x0 + n epsilon. */
function undoneWith(step: AffineStep, y: Floats): (epsilon: Floats) => Floats {
  const { signalRate, noiseRate } = step.level;
  const after = ratesAfter(step);
  const kept = signalRate / after.signalRate;
  return epsilon => combine([kept, y], [noiseRate - after.noiseRate * kept, epsilon]);
}

/** Makes whitening ready for batches of one size; pictures [n, C, H, W] only, whose sides hold whole patches. */
export async function createWhitener(runtime: Runtime, shape: readonly number[]): Promise<Whitener> {
  const session = await runtime.load(whiteningGraph(shape));
  return {
    async whiten(epsilon, reference) {
      let whitened = epsilon;
      for (let i = 0; i < WHITENING.steps; i++)
        whitened = (await session.run({ epsilon: whitened, reference })).next as Floats;
      return whitened;
    },
    dispose: () => session.dispose(),
  };
}

/** One step down the gradient of the two energies. */
function whiteningGraph(shape: readonly number[]) {
  const b = new GraphBuilder('whitening');
  const epsilon = b.input('epsilon', 'float32', shape);
  const reference = b.input('reference', 'float32', shape);
  const energy = b.add(
    b.mul(b.scalar(WHITENING.pair), correlation(b, epsilon)),
    b.mul(b.scalar(WHITENING.divergence), divergence(b, epsilon, reference)),
  );
  const [gradient] = backward(b, new Map([[energy, b.scalar(1)]]), [epsilon]);
  return b.build({ next: b.sub(epsilon, gradient!) });
}

/** Sum over pictures, scales and both axes of d/2 (mean of e times its neighbour)^2: zero in the mean for white noise. */
function correlation(b: GraphBuilder, epsilon: Value): Value {
  const terms: Value[] = [];
  let e = epsilon;
  for (;;) {
    const [, channels, height, width] = b.shape(e) as [number, number, number, number];
    for (const axis of [2, 3]) {
      const size = axis === 2 ? height : width;
      const rolled = b.concat([b.slice(e, axis, size - 1, size), b.slice(e, axis, 0, size - 1)], axis);
      const mean = b.mean(b.mul(e, rolled), [1, 2, 3], false);
      terms.push(b.mul(b.scalar((channels * height * width) / 2), b.sumAll(b.mul(mean, mean))));
    }
    if (Math.min(height, width) <= 8 || height % 2 === 1 || width % 2 === 1) break;
    e = b.op('AveragePool', [e], { kernel_shape: [2, 2], strides: [2, 2] });
  }
  return terms.reduce((sum, term) => b.add(sum, term));
}

/** Sum over patches of the divergence of their Gaussians: |log v'/v + (v + (m - m')^2) / v' - 1|. */
function divergence(b: GraphBuilder, epsilon: Value, reference: Value): Value {
  const [n, channels, height, width] = b.shape(epsilon) as [number, number, number, number];
  const { patch } = WHITENING;
  const moments = (e: Value) => {
    const patches = b.reshape(e, [n, channels, height / patch, patch, width / patch, patch]);
    const mean = b.mean(patches, [3, 5]);
    const off = b.sub(patches, mean);
    return { mean, variance: b.add(b.mean(b.mul(off, off), [3, 5]), b.scalar(1e-6)) };
  };
  const [ours, theirs] = [moments(epsilon), moments(reference)];
  const apart = b.sub(ours.mean, theirs.mean);
  const logRatio = b.op('Log', [b.div(theirs.variance, ours.variance)]);
  const ratio = b.div(b.add(ours.variance, b.mul(apart, apart)), theirs.variance);
  return b.sumAll(b.abs(b.sub(b.add(logRatio, ratio), b.scalar(1))));
}
