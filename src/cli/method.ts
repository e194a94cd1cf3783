import { Option } from '@commander-js/extra-typings';
import type { Command } from 'commander';
import type { Denoiser } from '../diffusion/info.ts';
import { chooseSampler, type SamplerInfo } from '../diffusion/sampler-info.ts';
import { samplerRow } from '../diffusion/samplers.ts';
import type { EmbedOptions } from '../embedding/embedding.ts';
import { solves, UNDOERS, type Undoer } from '../embedding/inversion/climb.ts';
import { inversionFor, METHODS, type Method, type MethodRow, methodRow } from '../embedding/methods.ts';
import { planFor } from '../embedding/plan.ts';
import { type DescentRecipe, MEMORIES, RECIPES, type RecipeName } from '../embedding/recipes.ts';
import { DEFAULTS, type InversionOptions } from '../embedding/settings.ts';
import { SeedbedError } from '../errors.ts';
import { hashesOf, type ModelFlags, openModel, withModel } from './denoiser.ts';
import { findEmbedder, SHIPPED_MODEL } from './files.ts';
import { type FlagsOf, options, withOptions } from './flags.ts';
import {
  autoencoderOption,
  gridOption,
  positive,
  type RngFlags,
  refusePairs,
  samplerOption,
  stepsOption,
  whole,
  withRng,
} from './options.ts';

const own = () =>
  options()
    .option('--model <file>', 'the denoiser', SHIPPED_MODEL)
    .addOption(autoencoderOption())
    .option(
      '--embedder <file>',
      "the embedding network (default: the model's own, NAME-embedder.onnx beside it)",
    )
    .addOption(
      new Option('--method <name>', 'how seeds are sought').choices([...METHODS]).default('auto' as const),
    )
    .addOption(
      new Option('--recipe <name>', 'settings of the descent').choices(Object.keys(RECIPES) as RecipeName[]),
    )
    .option(
      '--iterations <n>',
      "iterations of descent, of 'lbfgs', or of each step that is undone (2 and more), instead of the method's own",
      whole(1),
    )
    .option('--learning-rate <x>', "learning rate of descent, instead of the recipe's", positive)
    .addOption(samplerOption())
    .addOption(stepsOption())
    .addOption(gridOption())
    .option(
      '--batch <n>',
      "seeds in work at once (default: 16; by 'split' and 'auto' 2, whose results come as they are found)",
      whole(1),
    )
    .addOption(
      new Option(
        '--memory <way>',
        'all sampler steps in one graph, or one at a time (default: by estimate)',
      ).choices([...MEMORIES]),
    )
    .option('--tau <x>', 'least squares: how far off a picture may be, standardised', positive)
    .option('--outer <n>', 'least squares: steps of Levenberg and Marquardt', whole(1))
    .option('--inner <n>', 'least squares: conjugate gradients in each', whole(1))
    .addOption(new Option('--solver <name>', 'how steps are undone').choices([...UNDOERS]))
    .option(
      '--residual <share>',
      "a step is undone when this share of the residual is left that its first guess leaves (default: 0.05 by 'split' and 'auto', else 0.005)",
      positive,
    )
    .option('--diffused <n>', 'steps next to the picture that a draw of noise replaces', whole(0))
    .option(
      '--through-decoder',
      "of a latent diffusion model: fit latents to the picture's pixels through the decoder, instead of taking the encoder's",
    )
    .option(
      '--tolerance <mse>',
      'stop when every seed of a batch has this mean squared error, standardised',
      positive,
    );

/** How seeds are sought, shared by all commands that seek some. */
export type MethodFlags = FlagsOf<typeof own> & ModelFlags & RngFlags;

/** Adds the options that say how seeds are sought. */
export function withMethod(command: Command): Command {
  return withOptions(withRng(withModel(command)), own());
}

/** The recipe that the flags ask for, or the method's own with their changes. */
export function recipeOf(flags: MethodFlags, method: Method): DescentRecipe {
  const recipe = flags.recipe ? RECIPES[flags.recipe] : (methodRow(method).recipe ?? RECIPES.refine);
  return {
    ...recipe,
    ...(flags.iterations !== undefined && { iterations: flags.iterations }),
    ...(flags.learningRate !== undefined && { learningRate: flags.learningRate }),
  };
}

/** How steps are undone, and whether the sampler gives its picture twice, which leaves no last step to solve. */
interface Way {
  readonly solver: Undoer | undefined;
  readonly twice: boolean;
}

/** Which methods an option speaks to. */
const SPEAKS: { readonly [Flag in keyof MethodFlags]?: (row: MethodRow, way: Way) => boolean } = {
  recipe: descends,
  learningRate: descends,
  memory: descends,
  tolerance: descends,
  iterations: (row, { solver = solverOf(row) }) =>
    descends(row) ||
    uses(row, 'lbfgs') ||
    (uses(row, 'interior') &&
      iterates(row) &&
      (solver === 'renoise' || (solves(solver) && solver !== 'newton'))),
  tau: (row, { twice }) => uses(row, 'whole', 'lbfgs') || (uses(row, 'lastStep') && !twice),
  outer: (row, { twice }) => uses(row, 'whole') || (uses(row, 'lastStep') && !twice),
  inner: (row, { twice }) => uses(row, 'whole') || (uses(row, 'lastStep') && !twice),
  solver: row => uses(row, 'interior') && iterates(row),
  residual: (row, { solver = solverOf(row) }) => uses(row, 'interior') && solves(solver),
  diffused: row => uses(row, 'diffused'),
  embedder: row => row.network,
};
const uses = (row: MethodRow, ...names: (keyof InversionOptions)[]) =>
  names.some(name => row.uses.includes(name));
function descends(row: MethodRow): boolean {
  return row.recipe !== undefined;
}
const solverOf = ({ settings }: MethodRow) => (settings?.interior ?? DEFAULTS.interior).solver;
/** Whether a method undoes steps by an iteration that one may choose: one that bears its solver's name does not. */
const iterates = (row: MethodRow) => solverOf(row) === DEFAULTS.interior.solver;

/** @throws {SeedbedError} BadArgument for an option that the method would pass over. */
function refuseUnused(flags: MethodFlags, row: MethodRow, { info }: Denoiser): void {
  const sampler = flags.sampler ?? info.sampler.kind;
  const kind = samplerRow(sampler);
  const way = { solver: flags.solver, twice: kind.states === 2 && kind.ends === 'picture twice' };
  for (const [flag, speaks] of Object.entries(SPEAKS)) {
    if (flags[flag as keyof MethodFlags] === undefined || speaks(row, way)) continue;
    const option = `--${flag.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`;
    const others = METHODS.filter(method => speaks(methodRow(method), way)).join(', ');
    const beside = way.twice
      ? ` with sampler '${sampler}'`
      : flags.solver
        ? ` with --solver ${flags.solver}`
        : '';
    throw new SeedbedError(
      'BadArgument',
      `${option} says nothing to method '${flags.method}'${beside}${others ? `; it does to ${others}` : ''}`,
    );
  }
}

/** The settings of inversion that the flags ask for, the method's own where they say nothing. */
function inversionOf(flags: MethodFlags): InversionOptions {
  const own = inversionFor(flags.method);
  const { tau, outer, inner, solver, iterations, residual, diffused = own.diffused } = flags;
  const least = residual !== undefined && { tolerance: residual };
  const squares = { ...(tau !== undefined && { tau }), ...(outer && { outer }), ...(inner && { inner }) };
  const many = iterations !== undefined && { iterations };
  return {
    lastStep: { ...own.lastStep, ...squares },
    whole: { ...own.whole, ...squares },
    interior: { ...own.interior, ...(solver && { solver }), ...many, ...least },
    lbfgs: { ...own.lbfgs, ...(tau !== undefined && { tau }), ...many },
    diffused,
  };
}

/**
 * What `embed` is told by the flags, which is checked, the sampler that is inverted, the settings by which it is, and as plain
 * data what unfinished work is known again by.
 * @param asked.starts seeds of each picture.
 * @param asked.ofOneState the command, where it works with seeds of one state alone.
 * @throws {SeedbedError} as `embed` does, whatever the picture.
 */
export async function embedOptions(
  flags: MethodFlags,
  { starts = 1, ofOneState }: { starts?: number; ofOneState?: string } = {},
): Promise<{
  model: Denoiser;
  options: EmbedOptions & { method: Method; recipe: DescentRecipe };
  sampler: SamplerInfo;
  inversion: InversionOptions;
  settings: Record<string, unknown>;
}> {
  const model = await openModel(flags.model, flags);
  // No method would help: that is told before what is wrong with this one.
  if (ofOneState) refusePairs(ofOneState, chooseSampler(model.info.sampler, flags));
  const row = methodRow(flags.method);
  const embedder = row.network ? await findEmbedder(flags.model, flags.embedder) : undefined;
  const { method, rng, memory, tolerance, sampler, samplerSteps, samplerGrid, batch = row.batch } = flags;
  const { throughDecoder } = flags;
  refuseUnused(flags, row, model);
  const chosen = {
    method,
    recipe: recipeOf(flags, method),
    inversion: inversionOf(flags),
    rng,
    batch,
    memory,
    tolerance,
    sampler,
    samplerSteps,
    samplerGrid,
    throughDecoder,
  };
  const options = { ...chosen, embedder };
  const plan = planFor(model, { ...options, starts });
  return {
    ...{ model, options, sampler: plan.sampler, inversion: plan.inversion },
    // By the sampler itself: a model's own is no part of its hash.
    settings: { ...chosen, ...hashesOf(model), sampler: plan.sampler, embedder: embedder?.hash },
  };
}
