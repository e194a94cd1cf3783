import { reversedGrid, samplerGrid } from '../diffusion/grid.ts';
import { type Denoiser, withSampler } from '../diffusion/info.ts';
import { DOUBLE, evaluationsOf, runExact } from '../diffusion/sampler.ts';
import type { SamplerInfo } from '../diffusion/sampler-info.ts';
import { type OneState, samplerRow, type TwoStates } from '../diffusion/samplers.ts';
import { affineStep, run } from '../diffusion/solvers.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { choose, combine, dots, filledRows, spreadRows } from '../tensor/rowwise.ts';
import { meanSquaredErrors } from '../tensor/statistics.ts';
import { type Floats, rows, takeRows, toFloat32, toFloat64 } from '../tensor/tensor.ts';
import { certify, judge } from './certificate.ts';
import { BySize, type Finder, type Found, forEach, type Sought } from './finders.ts';
import { climb, solves } from './inversion/climb.ts';
import { minimise } from './inversion/lbfgs.ts';
import { leastSquares } from './inversion/least-squares.ts';
import { chainOf, createStepMap, type DifferentiableMap, type StepMap, stepOf } from './inversion/maps.ts';
import { createWhitener } from './inversion/renoise.ts';
import { diffuse, splitInversion } from './inversion/split.ts';
import { type InversionOptions, POLISH } from './settings.ts';

/** What every way to invert a sampler needs. */
export interface Inverting {
  readonly runtime: Runtime;
  readonly model: Denoiser;
  readonly sampler: SamplerInfo;
  readonly options: InversionOptions;
  /** Grows the sampler's pictures, standardised, from seeds. */
  readonly grow: (latent: Floats) => Promise<Floats>;
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

/** Counts the evaluations of a piece of work, those of each row. */
async function counted<T>(map: StepMap, work: () => Promise<T>): Promise<T & { evaluations: number[] }> {
  const before = map.evaluations;
  const result = await work();
  return { ...result, evaluations: Array.from(map.evaluations, (count, row) => count - before[row]!) };
}

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
    const { latent, reports, evaluations } = await counted(map, () =>
      climb(map, steps, from, interior, { likeness }),
    );
    return {
      latent,
      certificates: certify(targets.shape[0]!, reports),
      converged: forEach(targets, solves(interior.solver)),
      evaluations,
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
export function splitFinder(inverting: Inverting): Finder {
  const { model, sampler, options } = inverting;
  const grid = samplerGrid(model.info, sampler);
  const last = grid.at(-1)!;
  const before = grid.slice(0, -1).map(affineStep);
  return stepFinder(inverting, async (map, { targets, noise }, begun) => {
    const found = await counted(map, async () => {
      const anchor = begun ? await chainOf(map, before).value(begun.latent) : diffuse(targets, noise, last);
      return splitInversion(map, grid, targets, anchor, options);
    });
    const { latent, reports, errors, evaluations } = found;
    return {
      latent,
      certificates: certify(targets.shape[0]!, reports, errors, options.lastStep.tau),
      converged: forEach(targets, solves(options.interior.solver)),
      evaluations,
    };
  });
}

/**
 * Split inversion, and where the sampler does not grow the picture from what it found, least squares through the whole
 * sampler near that seed: a state outside of a step's range has no seed, but there are seeds near by that grow the
 * picture. Of the two seeds the better is kept.
 */
export function autoFinder(inverting: Inverting): Finder {
  const { options, sampler, grow } = inverting;
  const split = splitFinder(inverting);
  const whole = { ...POLISH, tau: options.lastStep.tau };
  const polish = wholeFinder({ ...inverting, options: { ...options, whole } }, 'gauss-newton');
  const pass = evaluationsOf(sampler);
  return {
    iterations: 1,
    async find(sought) {
      const found = await split.find(sought);
      const grown = await grow(found.latent);
      const missed = meanSquaredErrors(grown, sought.targets);
      const failed = found.certificates!.flatMap((certificate, row) =>
        judge(certificate, missed[row]!).flags.length > 0 ? [row] : [],
      );
      const evaluations = found.evaluations.map(own => own + pass);
      if (failed.length === 0) return { ...found, grown, evaluations };
      // Graphs are loaded for each size of a batch: a power of two, filled up with copies, so that they are few.
      const count = evaluations.length;
      const size = Math.min(2 ** Math.ceil(Math.log2(failed.length)), count);
      const part = (t: Floats) => filledRows(takeRows(t, failed), 0, size);
      const targets = part(sought.targets);
      // From a seed that grows no numbers there is no way back to any.
      const near = choose(Array.from(missed, Number.isFinite), found.latent, sought.noise);
      const polished = await polish.find({ ...sought, targets, noise: part(near) });
      const again = await grow(polished.latent);
      const left = meanSquaredErrors(again, targets);
      const better = new Array<boolean>(count).fill(false);
      const [certificates, converged] = [[...found.certificates!], [...found.converged]];
      failed.forEach((row, at) => {
        evaluations[row]! += polished.evaluations[at]! + pass;
        better[row] = left[at]! < missed[row]! || !Number.isFinite(missed[row]!);
        if (!better[row]) return;
        certificates[row] = polished.certificates![at]!;
        converged[row] = polished.converged[at]!;
      });
      const spread = (t: Floats) => spreadRows(t, failed, count);
      return {
        ...found,
        latent: choose(better, spread(polished.latent), found.latent),
        grown: choose(better, spread(again), grown),
        certificates,
        converged,
        evaluations,
      };
    },
    dispose: async () => {
      await Promise.all([split.dispose(), polish.dispose()]);
    },
  };
}

/** Least squares through the whole sampler, near noise or a first seed, by Gauss-Newton or limited-memory BFGS. */
export function wholeFinder(inverting: Inverting, by: 'gauss-newton' | 'lbfgs'): Finder {
  const { model, sampler, options } = inverting;
  const steps = samplerGrid(model.info, sampler).map(affineStep);
  const { tau } = by === 'lbfgs' ? options.lbfgs : options.whole;
  return stepFinder(inverting, async (map, { targets, noise, report }, begun) => {
    const anchor = begun?.latent ?? noise;
    const chain = chainOf(map, steps);
    const { x, errors, evaluations } = await counted(map, () =>
      by === 'gauss-newton'
        ? leastSquares(chain, targets, anchor, 1, options.whole)
        : bfgs(chain, targets, anchor, report),
    );
    return {
      latent: x,
      certificates: certify(targets.shape[0]!, [], errors, tau),
      converged: forEach(targets, true),
      evaluations,
      ...(begun && { before: begun.latent }),
    };
  });

  async function bfgs(
    chain: DifferentiableMap,
    targets: Floats,
    anchor: Floats,
    report: Sought['report'],
  ): Promise<{ x: Floats; errors: ArrayLike<number> }> {
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
    const { x, values: least } = await minimise(objective, anchor, options.lbfgs, (i, values) =>
      report(i / options.lbfgs.iterations, values.reduce((sum, value) => sum + value, 0) / values.length),
    );
    // What the objective said of it is known: asking the network again would cost what neighbours make of it.
    const offset = combine([1, x], [-1, anchor]);
    const dims = targets.data.length / least.length;
    const errors = dots(offset, offset).map((away, row) => Math.max(0, 2 * least[row]! - away) / fit / dims);
    return { x, errors };
  }
}

/** Runs a sampler's own solver from the picture to the noise: a way back of the same order, which solves nothing. */
export function reversedFinder(inverting: Inverting): Finder {
  const { model, sampler } = inverting;
  const grid = reversedGrid(model.info, sampler);
  // Only samplers of one state come here.
  const { solver } = samplerRow(sampler.kind) as OneState;
  return stepFinder(inverting, async (map, { targets }) => {
    const course = solver({ combine }, grid, targets);
    const { latent, evaluations } = await counted(map, async () => ({
      latent: await run(course, ({ x, level }) => map.predict(x, level)),
    }));
    return {
      latent,
      certificates: certify(targets.shape[0]!, []),
      converged: forEach(targets, false),
      evaluations,
    };
  });
}

/**
 * Runs a sampler that keeps two states backwards, in double precision but for the network. Some begin from the picture
 * twice; the others need the state before the last step too, which is found by least squares as in split inversion.
 */
export function exactFinder(inverting: Inverting): Finder {
  const { model, sampler, options } = inverting;
  const grid = samplerGrid(model.info, sampler);
  // Only samplers of two states come here.
  const { solver, ends } = samplerRow(sampler.kind) as TwoStates;
  const last = grid.at(-1)!;
  return stepFinder(inverting, async (map, { targets, noise }) => {
    const result = await counted(map, async () => {
      const picture = toFloat64(targets);
      const before =
        ends === 'picture twice'
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
      evaluations: result.evaluations,
    };
  });
}
