import { samplerGrid } from '../../diffusion/grid.ts';
import type { Denoiser } from '../../diffusion/info.ts';
import { toPixels } from '../../diffusion/pictures.ts';
import { samplerRow } from '../../diffusion/samplers.ts';
import type { GridStep } from '../../diffusion/schedule.ts';
import { affineStep, stepGain } from '../../diffusion/solvers.ts';
import { climb, type UndoOptions } from '../../embedding/inversion/climb.ts';
import { leastSquares } from '../../embedding/inversion/least-squares.ts';
import { chainOf, createStepMap, type StepMap } from '../../embedding/inversion/maps.ts';
import {
  diffuse,
  type SplitOptions,
  type SplitResult,
  splitInversion,
} from '../../embedding/inversion/split.ts';
import { SeedbedError } from '../../errors.ts';
import type { PrincipalComponents } from '../../latent/pca.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { normals } from '../../tensor/random.ts';
import { choose, combine, dots } from '../../tensor/rowwise.ts';
import { average, meanSquaredErrors } from '../../tensor/statistics.ts';
import { type Floats, rows, sizeOf } from '../../tensor/tensor.ts';

/** How near one comes to the seeds from which a model grew pictures. */
export interface TrueSeeds {
  /** Root mean square error of the seeds, found from the exact state before the last step. */
  readonly fromState: number;
  /** The same, found from the picture alone. */
  readonly fromPicture: number;
  /** Mean squared error of pixels in [0,1] that the seeds found from the picture grow. */
  readonly mse: number;
  /** Evaluations of the two, a seed. */
  readonly evaluations: { readonly state: number; readonly picture: number };
  /** Root mean square error of the seeds found from the picture, by octave of the data's principal components. */
  readonly bands: readonly {
    readonly first: number;
    readonly last: number;
    /** Mean variance of the data in the band, standardised. */
    readonly variance: number;
    readonly measured: number;
    /** What Gaussian data of that variance gives in closed form. */
    readonly predicted: number;
  }[];
}

/**
 * Grows pictures from known seeds and looks for those seeds again: from the state before the sampler's last step, where
 * they are determined, and from the pictures, where many seeds grow one picture.
 */
export async function findTrueSeeds(
  runtime: Runtime,
  model: Denoiser,
  count: number,
  { components, variances }: PrincipalComponents,
  { split, interior, rng }: { split: SplitOptions; interior: UndoOptions; rng: number },
): Promise<TrueSeeds> {
  const { kind } = model.info.sampler;
  const way = samplerRow(kind);
  if (way.states !== 1 || !way.affine)
    throw new SeedbedError(
      'BadArgument',
      `seeds are recovered through the steps of sampler 'ddim', not '${kind}'`,
    );
  const grid = samplerGrid(model.info, model.info.sampler);
  const shape = [count, ...model.info.shape];
  const map = createStepMap(runtime, model, count);
  const truth = normals({ seed: rng, purpose: 'true seeds' }, shape);
  let state = truth;
  for (const step of grid.slice(0, -1)) state = await map.value(state, affineStep(step));
  const x0 = await map.value(state, affineStep(grid.at(-1)!));

  const before = map.evaluations;
  const { latent: again } = await climb(map, grid.slice(0, -1).map(affineStep), state, interior);
  const between = map.evaluations;
  const anchor = diffuse(x0, normals({ seed: rng, purpose: 'anchor' }, shape), grid.at(-1)!);
  const found = await splitInversion(map, grid, x0, anchor, split);
  const latent = await repair(map, grid, x0, found, split.lastStep.tau);
  const after = map.evaluations;
  let grown = latent;
  for (const step of grid) grown = await map.value(grown, affineStep(step));
  await map.dispose();

  const off = combine([1, latent], [-1, truth]);
  return {
    fromState: rms(combine([1, again], [-1, truth])),
    fromPicture: rms(off),
    mse: average(meanSquaredErrors(toPixels(grown, model.info), toPixels(x0, model.info))),
    evaluations: { state: spent(before, between), picture: spent(between, after) },
    bands: bandsOf(off, components, variances).map(band => ({
      ...band,
      predicted: predictedError(grid, band.variance, split.lastStep.tau),
    })),
  };
}

/** A step that is undone to no less than this has met a state outside of its range. */
const UNDONE = 1e-4;
/** How such seeds are repaired. */
const REPAIR = { outer: 6, inner: 16 };

/** The seeds found; those of states that have none by least squares through the whole sampler, near where they are. */
async function repair(
  map: StepMap,
  grid: readonly GridStep[],
  x0: Floats,
  { latent, reports }: SplitResult,
  tau: number,
): Promise<Floats> {
  const stuck = Array.from({ length: x0.shape[0]! }, (_, row) =>
    reports.some(({ residuals }) => !(residuals[row]! <= UNDONE)),
  );
  if (!stuck.some(Boolean)) return latent;
  const chain = chainOf(map, grid.map(affineStep));
  const { x } = await leastSquares(chain, x0, latent, 1, { ...REPAIR, tau });
  return choose(stuck, x, latent);
}

/** Network evaluations a row, mean, between two counts. */
function spent(before: Float64Array, after: Float64Array): number {
  return average(Array.from(after, (count, row) => count - before[row]!));
}

function rms(t: Floats): number {
  const squares = dots(t, t);
  return Math.sqrt(average(Array.from(squares)) / sizeOf(t.shape.slice(1)));
}

/** The rows' root mean square along octaves of the components: 1, 2 to 3, 4 to 7, ... */
function bandsOf(t: Floats, components: Floats, variances: Float64Array) {
  const total = components.shape[0]!;
  const count = t.shape[0]!;
  const bands = [];
  for (let first = 0; first < total; first = 2 * first + 1) {
    const last = Math.min(2 * first + 1, total);
    let sum = 0;
    for (let k = first; k < last; k++) {
      const component = rows(components, k, k + 1).data;
      for (let row = 0; row < count; row++) {
        const z = rows(t, row, row + 1).data;
        let product = 0;
        for (let i = 0; i < z.length; i++) product += z[i]! * component[i]!;
        sum += product * product;
      }
    }
    bands.push({
      first: first + 1,
      last,
      variance: average(Array.from(variances.subarray(first, last))),
      measured: Math.sqrt(sum / (count * (last - first))),
    });
  }
  return bands;
}

/**
 * The error of a seed found by split inversion, on Gaussian data of variance v in one direction, where every step is
 * linear. The last step's gain is a, and x = a z; least squares give (f a x + h c) / (f a^2 + h) with f = 1 / tau^2,
 * h = 1 / n^2 and c = s x + n epsilon the anchor, so it is off by h (c - z) / (f a^2 + h); the other steps' gain G divides it.
 */
export function predictedError(grid: readonly GridStep[], variance: number, tau: number): number {
  const last = grid.at(-1)!;
  const { signalRate: s, noiseRate: n } = last.from;
  const a = stepGain(last, variance);
  const interior = grid.slice(0, -1).reduce((product, step) => product * stepGain(step, variance), 1);
  const [fit, hold] = [1 / tau ** 2, 1 / n ** 2];
  const share = hold / (fit * a * a + hold);
  // The seeds are standard normal, so the state before the last step has the variance of the gain squared.
  const offset = ((s * a - 1) * interior) ** 2 + n * n;
  return (share * Math.sqrt(offset)) / Math.abs(interior);
}
