import { samplerGrid } from '../../diffusion/grid.ts';
import { type Denoiser, withSampler } from '../../diffusion/info.ts';
import { evaluationsOf } from '../../diffusion/sampler.ts';
import { chooseSampler, ddim } from '../../diffusion/sampler-info.ts';
import { REVERSING_SAMPLERS, type ReversingKind } from '../../diffusion/samplers.ts';
import type { EmbedOptions } from '../../embedding/embedding.ts';
import type { Undoer } from '../../embedding/inversion/climb.ts';
import { checkMethod, inversionFor, METHODS, type Method } from '../../embedding/methods.ts';
import { RECIPES } from '../../embedding/recipes.ts';
import { POLISH } from '../../embedding/settings.ts';
import { isSeedbedError } from '../../errors.ts';

/** One way to find seeds with settings of its own: a point of the race. */
export interface Contestant {
  /** What points of one method share. */
  readonly family: string;
  /** The family and its settings; unique in a race. */
  readonly name: string;
  readonly options: Pick<EmbedOptions, 'method' | 'inversion' | 'recipe' | 'sampler' | 'samplerSteps'>;
  /** Network evaluations per seed, the check at the end included: hard pictures may take more. */
  readonly cost: number;
}

/**
 * Every method of Seedbed that can be asked of a model, each at several settings from cheap to dear.
 * @param most leaves out those that may take more network evaluations per seed.
 * @param embedder whether there is an embedding network for the model.
 */
export function contestants(model: Denoiser, embedder: boolean, most: number): Contestant[] {
  const { steps } = model.info.sampler;
  const all = [
    ...undoing(steps),
    ...reversed(steps),
    ...leastSquares(steps),
    ...descent(model),
    ...exact(model),
    ...(embedder ? embedded(model) : []),
  ];
  return all.filter(one => one.cost <= most && canBeAsked(model, one));
}

/** Whether a method takes a model's pictures and sampler: ReNoise wants sides of whole blocks, O-BELM a last step that leads somewhere. */
function canBeAsked(model: Denoiser, { options }: Contestant): boolean {
  const { method = 'auto' } = options;
  const inversion = inversionFor(method, options.inversion);
  try {
    const sampler = chooseSampler(model.info.sampler, options);
    checkMethod({ method, sampler, inversion, model, starts: 1 });
    samplerGrid(model.info, sampler);
    return true;
  } catch (error) {
    if (isSeedbedError(error, 'BadArgument')) return false;
    throw error;
  }
}

/** The same for several numbers of steps, each of which has samplers of its own. */
export function contestantsIn(
  stepNumbers: readonly number[],
  model: Denoiser,
  embedder: boolean,
  most: number,
): Contestant[] {
  return stepNumbers.flatMap(samplerSteps => {
    const own = withSampler(model, chooseSampler(model.info.sampler, { samplerSteps }));
    return contestants(own, embedder && samplerSteps === model.info.sampler.steps, most).map(contestant => ({
      ...contestant,
      name: `${contestant.name}, T = ${samplerSteps}`,
      options: { ...contestant.options, samplerSteps },
    }));
  });
}

function undoing(steps: number): Contestant[] {
  const by = (family: string, solver: Undoer, iterations: number, diffused: number): Contestant => {
    const named = METHODS.find(name => name === solver);
    const method: Method = named ?? 'fixed-point';
    const own = inversionFor(method);
    const each = solver === 'newton' ? 6 * 20 + 2 : named ? 1 : iterations + 2;
    return {
      family,
      name: named ? family : `${family}, ${iterations}`,
      options: { method, inversion: { interior: { ...own.interior, solver, iterations }, diffused } },
      // Uni-Inv foretells its first state by naive inversion.
      cost: (steps - diffused) * each + (solver === 'uni-inv' ? 1 : 0) + steps,
    };
  };
  return [
    by('naive', 'naive', 1, 0),
    by('Uni-Inv', 'uni-inv', 1, 0),
    by('PMI', 'pmi', 1, 0),
    ...[3, 10].map(k => by('fixed point', 'plain', k, 0)),
    by('averaged', 'averaged', 10, 0),
    ...[3, 6, 12, 30].map(k => by('Anderson', 'anderson', k, 0)),
    ...[5, 9].map(k => by('ReNoise', 'renoise', k, 0)),
    by('Newton-Krylov', 'newton', 2, 0),
    by('diffused + naive', 'naive', 1, 1),
    ...[3, 12].map(k => by('diffused + Anderson', 'anderson', k, 1)),
  ].filter(({ options }) => options.inversion!.diffused! < steps);
}

/** Solvers that are run from the picture to the noise as well: both ways cost the same. */
function reversed(steps: number): Contestant[] {
  const families: Record<ReversingKind, string> = { rfsolver: 'RF-Solver', fireflow: 'FireFlow' };
  return REVERSING_SAMPLERS.map(sampler => ({
    family: families[sampler],
    name: families[sampler],
    options: { method: 'reversed', sampler },
    cost: 2 * evaluationsOf({ ...ddim(steps), kind: sampler }),
  }));
}

function leastSquares(steps: number): Contestant[] {
  const own = inversionFor('split');
  const split = (outer: number, inner: number, tau = own.lastStep.tau): Contestant => ({
    family: 'split',
    name: `split, ${outer} x ${inner}`,
    options: { method: 'split', inversion: { lastStep: { ...own.lastStep, tau, outer, inner } } },
    cost: 1 + outer * (3 + 3 * inner) + (steps - 1) * 12 + steps,
  });
  return [
    split(1, 4),
    split(2, 4),
    split(4, 24, 0.03),
    {
      family: 'auto',
      name: 'auto',
      options: { method: 'auto' },
      cost: split(2, 4).cost + (POLISH.outer * (4 * POLISH.inner + 5) + 1) * steps,
    },
    ...[6, 20].map(iterations => ({
      family: 'L-BFGS',
      name: `L-BFGS, ${iterations}`,
      options: { method: 'lbfgs' as const, inversion: { lbfgs: { ...own.lbfgs, iterations } } },
      cost: (iterations + 1) * 3 * steps + steps,
    })),
    {
      family: 'Gauss-Newton',
      name: 'Gauss-Newton, 2 x 8',
      options: { method: 'gauss-newton', inversion: { whole: { ...own.whole, outer: 2, inner: 8 } } },
      cost: 2 * (8 * 4 + 5) * steps + steps,
    },
  ];
}

function descent({ info: { sampler } }: Denoiser): Contestant[] {
  const pass = evaluationsOf(sampler);
  return [8, 25].map(iterations => ({
    family: 'descent',
    name: `descent, ${iterations}`,
    options: { method: 'descent', recipe: { ...RECIPES.seedbed, iterations } },
    cost: (2 * iterations + 1) * pass,
  }));
}

function exact(model: Denoiser): Contestant[] {
  const { outer, inner } = inversionFor('exact').lastStep;
  const { steps } = model.info.sampler;
  // O-BELM steps in noise over signal, and cannot begin where there is no signal.
  const begins = samplerGrid(model.info, model.info.sampler)[0]!.from.signalRate > 0;
  const samplers = begins
    ? (['edict', 'bdia', 'rex', 'obelm'] as const)
    : (['edict', 'bdia', 'rex'] as const);
  const lastStep = 1 + outer * (3 + 3 * inner);
  const costs = {
    edict: 4 * steps,
    bdia: lastStep + 2 * steps,
    obelm: lastStep + 2 * steps,
    rex: lastStep + 4 * steps,
  };
  return samplers.map(sampler => ({
    family: `exact ${sampler.toUpperCase()}`,
    name: `exact ${sampler.toUpperCase()}`,
    options: { method: 'exact', sampler },
    cost: costs[sampler],
  }));
}

function embedded({ info: { sampler } }: Denoiser): Contestant[] {
  const own = inversionFor('split');
  const { steps } = sampler;
  const pass = evaluationsOf(sampler);
  return [
    { family: 'embedder', name: 'embedder', options: { method: 'embedder' }, cost: 1 + pass },
    {
      family: 'embedder + descent',
      name: 'embedder + descent, 16',
      options: { method: 'embedder+descent', recipe: RECIPES.refine },
      cost: 1 + 2 * pass + RECIPES.refine.iterations * 2 * pass,
    },
    {
      family: 'embedder + split',
      name: 'embedder + split',
      options: { method: 'embedder+split' },
      cost: 60 + 14 * steps,
    },
    {
      family: 'embedder + L-BFGS',
      name: 'embedder + L-BFGS, 12',
      options: { method: 'embedder+lbfgs', inversion: { lbfgs: { ...own.lbfgs, iterations: 12 } } },
      cost: 1 + 13 * 3 * steps + steps,
    },
    {
      family: 'embedder + Gauss-Newton',
      name: 'embedder + Gauss-Newton, 1 x 8',
      options: {
        method: 'embedder+gauss-newton',
        inversion: { whole: { ...own.whole, outer: 1, inner: 8 } },
      },
      cost: 1 + (8 * 4 + 5) * steps + steps,
    },
  ];
}
