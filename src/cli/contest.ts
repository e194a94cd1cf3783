import type { Command } from 'commander';
import { prepare } from '../diffusion/batches.ts';
import { type Denoiser, type Embedder, withSampler } from '../diffusion/info.ts';
import { chooseSampler } from '../diffusion/sampler-info.ts';
import { journalIn } from '../embedding/journal-files.ts';
import type { Contestant } from '../experiments/race/contestants.ts';
import { compete, type Standing, standingSchema } from '../experiments/race/race.ts';
import { createPanel, type Panel } from '../latent/gaussianity.ts';
import { principalComponents } from '../latent/pca.ts';
import { baseName } from '../runtime/files.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { jsonCodec } from '../work/kept.ts';
import { hashesOf, type ModelFlags, openModel, withModel } from './denoiser.ts';
import { type FlagsOf, options, withOptions } from './flags.ts';
import type { Frame } from './frame.ts';
import {
  autoencoderOption,
  dataDirOption,
  fitOption,
  gridOption,
  type RngFlags,
  stepsOption,
  whole,
  withRng,
} from './options.ts';
import { openFor, openSource, type Pictures } from './pictures.ts';
import { inPart, type ShardFlags } from './shards.ts';

const BATCH = 16;

const own = () =>
  options()
    .option(
      '--embedder <file>',
      "an embedding network (default: the model's own, NAME-embedder.onnx beside it)",
    )
    .addOption(fitOption())
    .option('--data <name or path>', 'a data set instead of pictures')
    .addOption(dataDirOption())
    .option('--from <n>', 'first item of the data set', whole(0), 0)
    .option('--to <n>', 'item before which to stop', whole(1))
    .addOption(autoencoderOption())
    .addOption(stepsOption())
    .addOption(gridOption())
    .option('--batch <n>', 'seeds in work at once', whole(1), BATCH);

/** Which pictures are embedded, shared by `race` and `frontier`. */
export type ContestFlags = FlagsOf<typeof own> & ModelFlags & RngFlags & ShardFlags;

/** Items of the data set, after those that are embedded, whose components the panel looks along. */
const COMPONENT_ITEMS = 500;
/** What a contest is about. */
export interface Contest {
  readonly model: Denoiser;
  readonly pictures: Pictures;
  /** What judges the seeds. */
  readonly panel: Panel;
}

/** Adds what says which model and pictures a contest is about. */
export function withContest(command: Command): Command {
  return withOptions(withRng(withModel(command)), own())
    .argument('<model.onnx>', 'the denoiser')
    .argument(
      '[pictures...]',
      'picture files, folders of them, or arrays (.npy, .npz) (default: the ten shipped)',
    );
}

/** What of a contest's options a page repeats beside its model and pictures, without the folders of this machine. */
export function contestWords({ rng, batch, embedder, autoencoder, fit }: ContestFlags): (string | number)[] {
  return [
    ...(embedder ? ['--embedder', baseName(embedder)] : []),
    ...(autoencoder ? ['--autoencoder', baseName(autoencoder)] : []),
    ...(fit === 'crop' ? [] : ['--fit', fit]),
    ...(rng ? ['--rng', rng] : []),
    ...(batch === BATCH ? [] : ['--batch', batch]),
  ];
}

/** The model, with the sampler asked for; its pictures; the panel that judges seeds. */
export async function openContest(
  file: string,
  paths: readonly string[],
  flags: ContestFlags,
  note: (text: string) => void,
): Promise<Contest> {
  const loaded = await openModel(file, flags);
  const model = withSampler(loaded, chooseSampler(loaded.info.sampler, flags));
  const source = await openSource(paths, model, { ...flags, note });
  const pictures = await source.read(0, source.length);
  // Those of pictures say nothing of latents.
  const known = flags.data !== undefined && !model.autoencoder;
  const components = known ? await componentsOf(flags.data!, model, flags, pictures) : undefined;
  return { model, pictures, panel: createPanel(model.info.shape, { components }) };
}

/** Principal components of items that are not embedded. */
async function componentsOf(
  data: string,
  model: Denoiser,
  flags: ContestFlags,
  { names }: Pictures,
): Promise<Tensor<'float32'> | undefined> {
  const dataset = await openFor(data, model, { ...flags, note: () => {} });
  const first = flags.from + names.length;
  const count = Math.min(COMPONENT_ITEMS, dataset.length - first);
  if (count < 100) return undefined;
  const items = await dataset.read(Array.from({ length: count }, (_, i) => first + i));
  return principalComponents(prepare(items, model.info.padding, model.info.range)).components;
}

/**
 * Lets contestants find the seeds of all pictures, one after the other; what an earlier run finished is not done again. No
 * standings are given where this process does a shard of the contestants.
 * @param describe the line that says what a contestant reached.
 */
export async function runContest(
  frame: Frame,
  { model, pictures, panel }: Contest,
  embedder: Embedder | undefined,
  contestants: readonly Contestant[],
  flags: ContestFlags,
  describe: (standing: Standing) => string,
): Promise<Standing[] | undefined> {
  const { terminal } = frame;
  const runtime = await frame.runtime();
  const about = {
    ...hashesOf(model),
    sampler: model.info.sampler,
    embedder: embedder?.hash,
    fit: flags.fit,
    hashes: pictures.hashes,
    rng: flags.rng,
    names: contestants.map(({ family, name }) => `${family} ${name}`),
    batch: flags.batch,
  };
  const work = await frame.open(flags, about);
  const count = contestants.length;
  const progress = terminal.progress(frame.command, 'settings');
  const onPiece = (standings: readonly Standing[]) =>
    progress.above(() => {
      for (const standing of standings) terminal.line(describe(standing));
    });
  const pieces = { count, piece: 1, signal: terminal.signal, codec: jsonCodec(standingSchema), onPiece };
  const standings = await inPart(terminal, work, pieces, async (first, _, inside) => {
    const contestant = contestants[first]!;
    const reached = await compete(runtime, model, embedder, pictures.images, contestant, panel, {
      rng: flags.rng,
      batch: Math.min(flags.batch, pictures.names.length),
      signal: terminal.signal,
      journal: journalIn(inside),
      onProgress: share => progress.update(Number((first + share).toFixed(1)), count, contestant.name),
    });
    return [reached];
  }).finally(() => progress.stop());
  return standings?.flat();
}

/** The report of a contest. */
export const contestReport = (
  frame: Frame,
  { model, pictures }: Contest,
  { rng }: ContestFlags,
  results: readonly Standing[],
  /** Those of them that were measured here. */
  own: readonly Standing[] = results,
) =>
  frame.report({
    ...hashesOf(model),
    sampler: model.info.sampler,
    rng,
    evaluations: own.reduce((sum, s) => sum + s.evaluations, 0) * pictures.names.length,
    results,
  });
