import { samplerGrid } from '../diffusion/grid.ts';
import { type Denoiser, type SamplerInfo, withSampler } from '../diffusion/info.ts';
import { DOUBLE, evaluationsOf, exactSolver, runExact } from '../diffusion/sampler.ts';
import { affineStep } from '../diffusion/solvers.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { choose, combine, dots, filledRows } from '../tensor/rowwise.ts';
import { rows, sizeOf, type Tensor, takeRows, toFloat32, toFloat64 } from '../tensor/tensor.ts';
import { type Certificate, certify } from './certificate.ts';
import { BySize, type Finder, type Found, forEach, type Sought } from './finders.ts';
import { climb, type UndoOptions } from './inversion/climb.ts';
import { minimise } from './inversion/lbfgs.ts';
import { leastSquares } from './inversion/least-squares.ts';
import { chainOf, createStepMap, type DifferentiableMap, type StepMap, stepOf } from './inversion/maps.ts';
import { createWhitener } from './inversion/renoise.ts';
import { diffuse, splitInversion } from './inversion/split.ts';
import { HARDER, type InversionOptions } from './settings.ts';

type Floats = Tensor<'float32'>;

/** What every way to invert a sampler needs. */
export interface Inverting {
  readonly runtime: Runtime;
  readonly model: Denoiser;
  readonly sampler: SamplerInfo;
  readonly options: InversionOptions;
  /** What finds a first seed; noise is one unless given. */
  readonly first?: Finder | undefined;
}

/** A finder on the steps of the sampler; `invert` is given the steps, the batch, and the first seed's finding. */
function stepFinder(
  { runtime, model, sampler, first }: Inverting,
  invert: (map: StepMap, sought: Sought, begun: Found | undefined) => Promise<Omit<Found, 'losses'>>,
): Finder {
  const maps = new BySize(async size => createStepMap(runtime, withSampler(model, sampler), size));
  return {
    iterations: 1,
    async find(sought) {
      const begun = await first?.find(sought);
      const found = await invert(await maps.get(sought.targets), sought, begun);
      // A first seed that is reported is grown as well.
      const grown = found.before ? evaluationsOf(sampler) : 0;
      const evaluations = found.evaluations.map((own, row) => own + grown + (begun?.evaluations[row] ?? 0));
      return { losses: [], ...found, evaluations };
    },
    dispose: async () => {
      await Promise.all([maps.dispose(), first?.dispose()]);
    },
  };
}

/** Counts the evaluations of a piece of work, a row. */
async function counted<T>(map: StepMap, work: () => Promise<T>): Promise<T & { spent: number }> {
  const before = map.evaluations;
  const result = await work();
  return { ...result, spent: map.evaluations - before };
}

const clean = (certificates: readonly Certificate[]) => certificates.map(({ flags }) => flags.length === 0);
/** Whether a way to undo steps solves their equations, and does not only come near. */
const solves = ({ solver }: UndoOptions) => solver !== 'naive' && solver !== 'renoise';

/** Undoes the sampler's steps one after the other, from the picture or from a noisy draw of it. */
export function undoingFinder(inverting: Inverting): Finder {
  const { runtime, model, sampler, options } = inverting;
  const grid = samplerGrid(model.info, sampler);
  const { diffused, interior } = options;
  const whiteners = new BySize(async size => createWhitener(runtime, [size, ...model.info.shape]));
  const finder = stepFinder(inverting, async (map, { targets, noise }) => {
    const from = diffused === 0 ? targets : diffuse(targets, noise, grid[grid.length - diffused]!);
    const likeness =
      interior.solver === 'renoise' ? { targets, noise, whitener: await whiteners.get(targets) } : undefined;
    const steps = grid.slice(0, grid.length - diffused).map(affineStep);
    const { latent, reports, spent } = await counted(map, () => climb(map, steps, from, interior, likeness));
    const certificates = certify(targets.shape[0]!, reports, undefined, interior);
    return {
      latent,
      certificates,
      converged: clean(certificates).map(yes => yes && solves(interior)),
      evaluations: forEach(targets, spent),
    };
  });
  return {
    ...finder,
    dispose: async () => {
      await Promise.all([finder.dispose(), whiteners.dispose()]);
    },
  };
}

/** Split inversion (see {@link splitInversion}), anchored at a draw of the posterior or at what a first seed grows. */
export function splitFinder(inverting: Inverting, harder = false): Finder {
  const { model, sampler, options } = inverting;
  const grid = samplerGrid(model.info, sampler);
  const last = grid.at(-1)!;
  return stepFinder(inverting, async (map, { targets, noise }, begun) => {
    const anchored = await counted(map, async () => ({
      anchor: begun ? await lead(map, begun.latent) : diffuse(targets, noise, last),
    }));
    const attempt = async (targets: Floats, anchor: Floats, settings: typeof HARDER) => {
      const found = await splitInversion(map, grid, targets, anchor, settings);
      const limits = { ...settings.interior, tau: settings.lastStep.tau };
      return { ...found, certificates: certify(targets.shape[0]!, found.reports, found.errors, limits) };
    };
    let { latent, certificates, evaluations } = await attempt(targets, anchored.anchor, options);
    let spent = forEach(targets, evaluations + anchored.spent);
    const flagged = certificates.flatMap(({ flags }, row) => (flags.length > 0 ? [row] : []));
    if (harder && flagged.length > 0) {
      // The batch keeps its size, for which the graphs are loaded: what is not flagged gives way to copies.
      const part = (t: Floats) => filledRows(takeRows(t, flagged), 0, targets.shape[0]!);
      const settings = {
        lastStep: { ...HARDER.lastStep, tau: options.lastStep.tau },
        interior: { ...HARDER.interior, tolerance: options.interior.tolerance },
      };
      const again = await attempt(part(targets), part(anchored.anchor), settings);
      const place = certificates.map((_, row) => flagged.indexOf(row));
      const better = place.map(
        (at, row) => at >= 0 && again.certificates[at]!.flags.length <= certificates[row]!.flags.length,
      );
      const spread = takeRows(
        again.latent,
        place.map(at => Math.max(at, 0)),
      );
      latent = choose(better, spread, latent);
      certificates = certificates.map((own, row) => (better[row] ? again.certificates[place[row]!]! : own));
      spent = spent.map((own, row) => own + (place[row]! >= 0 ? again.evaluations : 0));
    }
    const converged = clean(certificates).map(yes => yes && solves(options.interior));
    return { latent, certificates, converged, evaluations: spent };
  });

  /** From a seed to the state before the last step. */
  async function lead(map: StepMap, seed: Floats): Promise<Floats> {
    return chainOf(map, grid.slice(0, -1).map(affineStep)).value(seed);
  }
}

/** Least squares through the whole sampler, near noise or a first seed, by Gauss-Newton or limited-memory BFGS. */
export function wholeFinder(inverting: Inverting, by: 'gauss-newton' | 'lbfgs'): Finder {
  const { model, sampler, options } = inverting;
  const steps = samplerGrid(model.info, sampler).map(affineStep);
  const { tau } = by === 'lbfgs' ? options.lbfgs : options.whole;
  return stepFinder(inverting, async (map, { targets, noise, report }, begun) => {
    const anchor = begun?.latent ?? noise;
    const chain = chainOf(map, steps);
    const { x, errors, spent } = await counted(map, () =>
      by === 'gauss-newton'
        ? leastSquares(chain, targets, anchor, 1, options.whole)
        : bfgs(chain, targets, anchor, report),
    );
    const certificates = certify(targets.shape[0]!, [], errors, { tolerance: 0, tau });
    return {
      latent: x,
      certificates,
      converged: clean(certificates),
      evaluations: forEach(targets, spent),
      ...(begun && { before: begun.latent }),
    };
  });

  async function bfgs(
    chain: DifferentiableMap,
    targets: Floats,
    anchor: Floats,
    report: Sought['report'],
  ): Promise<{ x: Floats; errors: Float64Array }> {
    const width = sizeOf(targets.shape.slice(1));
    const fit = 1 / tau ** 2;
    const objective = async (x: Floats) => {
      const difference = combine([1, await chain.value(x)], [-1, targets]);
      const offset = combine([1, x], [-1, anchor]);
      const [off, away] = [dots(difference, difference), dots(offset, offset)];
      return {
        values: off.map((value, row) => (fit * value + away[row]!) / 2),
        gradient: combine([fit, await chain.pull(x, difference)], [1, offset]),
      };
    };
    const { x } = await minimise(objective, anchor, options.lbfgs, (i, values) =>
      report(i / options.lbfgs.iterations, values.reduce((sum, value) => sum + value, 0) / values.length),
    );
    const difference = combine([1, await chain.value(x)], [-1, targets]);
    return { x, errors: dots(difference, difference).map(value => value / width) };
  }
}

/**
 * Runs a sampler that keeps two states backwards, in double precision but for the network. EDICT begins from the picture
 * twice; the others need the state before the last step too, which is found by least squares as in split inversion.
 */
export function exactFinder(inverting: Inverting): Finder {
  const { model, sampler, options } = inverting;
  const grid = samplerGrid(model.info, sampler);
  const solver = exactSolver(sampler)!;
  const last = grid.at(-1)!;
  return stepFinder(inverting, async (map, { targets, noise }) => {
    const result = await counted(map, async () => {
      const picture = toFloat64(targets);
      const before =
        sampler.kind === 'edict'
          ? { x: targets, errors: undefined }
          : await leastSquares(
              stepOf(map, affineStep(last)),
              targets,
              diffuse(targets, noise, last),
              last.from.noiseRate,
              options.lastStep,
            );
      const pair = { x: toFloat64(before.x), y: picture };
      return { pair: await runExact(map, solver.backward(DOUBLE, grid, pair)) };
    });
    const { x, y } = result.pair;
    const latent = toFloat32(x);
    const finite = forEach(targets, 0).map((_, row) =>
      rows(latent, row, row + 1).data.every(Number.isFinite),
    );
    const certificates = finite.map(yes => ({
      residuals: [],
      factors: [],
      miss: 0,
      flags: yes ? [] : ['the inverse left the range of numbers'],
      notes: [],
    }));
    return {
      latent,
      pair: { latent: x, latent2: y },
      certificates,
      converged: finite,
      evaluations: forEach(targets, result.spent),
    };
  });
}
