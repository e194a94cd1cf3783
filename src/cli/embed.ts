import { type Command, Option } from 'commander';
import { originOf } from '../diffusion/conditions.ts';
import { chooseSampler, type Denoiser, givesLatents, MOST_SAMPLER_STEPS } from '../diffusion/info.ts';
import { SAMPLERS, type SamplerKind } from '../diffusion/samplers.ts';
import type { EmbedOptions } from '../embedding/embedding.ts';
import { UNDOERS, type Undoer } from '../embedding/inversion/climb.ts';
import { inversionFor, METHODS, type Method, methodRow } from '../embedding/methods.ts';
import { type DescentRecipe, type Memory, RECIPES, type RecipeName } from '../embedding/recipes.ts';
import type { SeedResult } from '../embedding/result.ts';
import { writeSeeds } from '../embedding/seeds.ts';
import { joinSought, type Sought } from '../embedding/seek.ts';
import type { InversionOptions } from '../embedding/settings.ts';
import { joinPath, writeAtomic } from '../runtime/files.ts';
import type { Fit } from '../runtime/picture.ts';
import { writeNpy } from '../tensor/npy.ts';
import { rows, takeRows } from '../tensor/tensor.ts';
import { type ConditionFlags, withConditionFlags } from './conditions.ts';
import { hashesOf, openModel } from './denoiser.ts';
import { findEmbedder, SHIPPED_MODEL, version } from './files.ts';
import { DRAWN, ofWhat } from './latents.ts';
import {
  autoencoderOption,
  fitOption,
  openRuntime,
  positive,
  type RuntimeFlags,
  whole,
  withRng,
  withRuntime,
} from './options.ts';
import { MOST_SHOWN, openSource, writeEmbeddingSheet } from './pictures.ts';
import { seekShown } from './seek.ts';
import { inPart, openWork, type ShardFlags, withShards } from './shards.ts';
import { duration, openTerminal, withTerminal } from './terminal.ts';

/** How seeds are sought, shared by `embed` and `evaluate`. */
export interface MethodFlags extends RuntimeFlags, ConditionFlags {
  model: string;
  autoencoder?: string;
  throughDecoder?: boolean;
  embedder?: string;
  method: Method;
  tau?: number;
  outer?: number;
  inner?: number;
  solver?: Undoer;
  diffused?: number;
  residual?: number;
  sampler?: SamplerKind;
  recipe?: RecipeName;
  iterations?: number;
  learningRate?: number;
  samplerSteps?: number;
  batch?: number;
  memory?: Memory;
  tolerance?: number;
  rng: number;
  json?: boolean;
  quiet?: boolean;
}

interface EmbedFlags extends MethodFlags, ShardFlags {
  data?: string;
  dataDir?: string;
  from: number;
  to?: number;
  starts: number;
  fit: Fit;
}

/** Adds the options that say how seeds are sought. */
export function withMethod(command: Command): Command {
  return withTerminal(withRng(withConditionFlags(withRuntime(command))))
    .option('--model <file>', 'the denoiser', SHIPPED_MODEL)
    .addOption(autoencoderOption())
    .option(
      '--embedder <file>',
      "the embedding network (default: the model's own, NAME-embedder.onnx beside it)",
    )
    .addOption(new Option('--method <name>', 'how seeds are sought').choices([...METHODS]).default('auto'))
    .addOption(new Option('--recipe <name>', 'settings of the descent').choices(Object.keys(RECIPES)))
    .option(
      '--iterations <n>',
      "iterations of descent, of 'lbfgs', or of each step that is undone (2 and more), instead of the method's own",
      whole(1),
    )
    .option('--learning-rate <x>', "its learning rate, instead of the recipe's", positive)
    .addOption(
      new Option('--sampler <name>', "what grows the pictures, instead of the model's own").choices([
        ...SAMPLERS,
      ]),
    )
    .option('--sampler-steps <n>', "T, instead of the model's own", whole(1, MOST_SAMPLER_STEPS))
    .option(
      '--batch <n>',
      "seeds in work at once (default: 16; by 'split' and 'auto' 4, whose results come as they are found)",
      whole(1),
    )
    .addOption(
      new Option(
        '--memory <way>',
        'all sampler steps in one graph, or one at a time (default: by estimate)',
      ).choices(['unrolled', 'checkpointed']),
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
}

export function addEmbed(program: Command): void {
  const command = withMethod(program.command('embed'))
    .description('find the seeds of pictures')
    .argument(
      '[pictures...]',
      'picture files, folders of them, or arrays (.npy, .npz) (default: the ten that ship with Seedbed)',
    )
    .option('--data <name or path>', 'a data set instead of files, such as fashion-mnist:test')
    .option('--data-dir <folder>', 'where data sets are looked for first')
    .option('--from <n>', 'first item of the data set', whole(0), 0)
    .option('--to <n>', 'item before which to stop', whole(1))
    .option('--starts <n>', 'seeds for each picture (methods that begin from noise)', whole(1, 10_000), 1)
    .addOption(fitOption())
    .option('--out <folder>', 'where to write', 'out');
  withShards(command)
    .addHelpText('after', '\nExample: seedbed embed my.png --tau 0.3 --out my')
    .action((paths: string[], flags: EmbedFlags) => run(paths, flags));
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

/** What `embed` is told by the flags, and as plain data the settings by which unfinished work is known again. */
export async function embedOptions(flags: MethodFlags): Promise<{
  model: Denoiser;
  options: EmbedOptions & { method: Method; recipe: DescentRecipe };
  settings: Record<string, unknown>;
}> {
  const model = await openModel(flags.model, flags);
  const row = methodRow(flags.method);
  const embedder = row.network ? await findEmbedder(flags.model, flags.embedder) : undefined;
  const { method, rng, memory, tolerance, sampler, samplerSteps, batch = row.batch } = flags;
  const { throughDecoder } = flags;
  const inversion = inversionOf(flags);
  const chosen = {
    method,
    recipe: recipeOf(flags, method),
    inversion,
    rng,
    batch,
    memory,
    tolerance,
    sampler,
    samplerSteps,
    throughDecoder,
  };
  return {
    model,
    options: { ...chosen, embedder },
    settings: { ...chosen, ...hashesOf(model), embedder: embedder?.hash },
  };
}

/** Seeds whose findings a shard keeps in one file, about. */
const PIECE = 64;

/**
 * Pictures that are done and kept at once: those of a batch, told as they are found; of shards, which many machines write into
 * one folder, several batches, as long as that leaves all batches what they are.
 */
function pieceOf(batch: number, starts: number, shards: boolean): number {
  const pictures = Math.max(1, Math.floor(batch / starts));
  return shards && batch % starts === 0 ? pictures * Math.ceil(PIECE / batch) : pictures;
}

async function run(paths: readonly string[], flags: EmbedFlags): Promise<void> {
  const started = performance.now();
  const terminal = openTerminal(flags);
  const { model, options, settings } = await embedOptions(flags);
  const source = await openSource(paths, model, { ...flags, note: terminal.note });
  const { starts, from, to } = flags;
  const about = { command: 'embed', ...settings, starts, from, to, pictures: source.hash };
  const work = await openWork(flags, about, terminal);
  const piece = pieceOf(options.batch!, starts, Boolean(flags.shard || flags.merged));
  const own = { ...options, starts };
  const say = ({ results }: Sought, first: number) => {
    for (const result of results)
      terminal.line(describe(result, source.name(first + result.image), starts, ofWhat(model)));
  };
  const found = await seekShown(
    terminal,
    { runtime: await openRuntime(terminal, flags), model },
    { count: source.length, piece, starts, say },
    async (first, last) => {
      const { images, names } = await source.read(first, last);
      return { images, names, options: own, starts };
    },
    (pieces, doPiece) => inPart(terminal, work, pieces, doPiece),
  );
  if (!found) return;
  const sought = joinSought(found);
  const results = found.flatMap((part, i) =>
    part.results.map(result => ({ ...result, image: result.image + i * piece })),
  );
  const seconds = (performance.now() - started) / 1000 + (work.seconds ?? 0);
  const evaluations = results.reduce((sum, r) => sum + r.evaluations, 0);
  const report = {
    seedbed: await version(),
    command: 'embed',
    ...originOf(model),
    errorsOf: givesLatents(model) ? 'latents' : 'pixels',
    rng: flags.rng,
    seconds,
    evaluations,
    results: results.map(({ image, ...rest }) => ({ image: source.name(image), ...rest })),
  };
  const provenance = {
    ...originOf(model),
    sampler: chooseSampler(model.info.sampler, options),
    method: { ...sought.method, evaluations: evaluations / results.length },
    images: await source.images(),
    rng: flags.rng,
    createdBy: `seedbed ${report.seedbed}`,
  };
  const at = (name: string) => joinPath(flags.out, name);
  await writeAtomic(at('seeds.safetensors'), writeSeeds(sought.latent, provenance, sought.pair));
  await writeAtomic(at('seeds.npy'), writeNpy(sought.latent));
  const shown = results.slice(0, MOST_SHOWN).map(({ image }) => image);
  const { images } = await source.read(0, shown.at(-1)! + 1);
  await writeEmbeddingSheet(
    at('embedding.png'),
    model,
    takeRows(images, shown),
    rows(sought.latent, 0, shown.length),
    rows(sought.pictures, 0, shown.length),
  );
  await writeAtomic(at('report.json'), `${JSON.stringify(report, null, 2)}\n`);
  await work.remove();
  if (givesLatents(model)) terminal.note(DRAWN);
  terminal.line(
    `${results.length} seeds in ${duration(seconds)}: ${at('embedding.png')}, seeds.safetensors, seeds.npy, report.json`,
  );
  terminal.json(report);
}

function describe(result: SeedResult, name: string, starts: number, of: string): string {
  const which = starts > 1 ? `${name} #${result.start}` : name;
  const before = result.mseBefore === undefined ? '' : `${result.mseBefore.toFixed(6)} before, `;
  const { flags = [], notes = [] } = result.certificate ?? {};
  const remarks = [...flags.map(flag => `flagged: ${flag}`), ...notes.map(note => `note: ${note}`)];
  const { latents } = result;
  const alone = latents
    ? ` (${latents.floor.toFixed(6)} by the autoencoder alone; of latents ${latents.mse.toFixed(6)}, PSNR ${latents.psnr.toFixed(1)} dB)`
    : '';
  return `${which.padEnd(24)} squared error${of} ${before}${result.mse.toFixed(6)} after, PSNR ${result.psnr.toFixed(1)} dB${alone}, seed variance ${result.latentVariance.toFixed(2)}${remarks.map(remark => `\n  ${remark}`).join('')}`;
}
