import type { Command } from 'commander';
import { findEntry } from '../data/catalogue.ts';
import { type Dataset, slice } from '../data/dataset.ts';
import { openConversion } from '../diffusion/conversion.ts';
import { type Denoiser, withSampler } from '../diffusion/info.ts';
import { loadModel } from '../diffusion/load.ts';
import { createModel, readModel, saveModel } from '../diffusion/model.ts';
import { chooseSampler } from '../diffusion/sampler-info.ts';
import { stoppable } from '../embedding/seeker.ts';
import { SeedbedError } from '../errors.ts';
import { parseModel } from '../graph/protobuf.ts';
import { widen } from '../graph/widen.ts';
import { type Features, networkFeatures } from '../quality/features.ts';
import type { PictureFigures } from '../quality/gate.ts';
import { LEARNED } from '../quality/levels.ts';
import { measureQuality, type Quality } from '../quality/quality.ts';
import { exists, joinPath, writeAtomic } from '../runtime/files.ts';
import { readOnnx } from '../runtime/node.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { sizeOf } from '../tensor/tensor.ts';
import { hashesOf, type ModelFlags, openModel, withModel } from './denoiser.ts';
import { packaged, SHIPPED_MODEL } from './files.ts';
import { type FlagsOf, options, withOptions } from './flags.ts';
import { type Done, type Frame, runReported } from './frame.ts';
import {
  autoencoderOption,
  dataDirOption,
  gridOption,
  type RngFlags,
  samplerOption,
  stepsOption,
  whole,
  withRng,
} from './options.ts';
import { learnedFit, openFor } from './pictures.ts';
import { duration, type Terminal } from './terminal.ts';

const own = () =>
  options()
    .option(
      '--data <name or path>',
      "pictures that it did not learn (default: the test set of the model's own data)",
    )
    .option('--learned <name or path>', "pictures that it learned from (default: the model's own data)")
    .addOption(dataDirOption())
    .addOption(autoencoderOption())
    .option('--count <n>', 'pictures to grow, and held-out ones to compare them with', whole(10), 1000)
    .addOption(samplerOption())
    .addOption(stepsOption())
    .addOption(gridOption())
    .option(
      '--features <file>',
      "an ONNX network whose first output compares pictures, given pixels, of which grown ones may go beyond [0,1]; or 'components', the data's principal ones (default: the classifier that ships for the data, else components)",
    )
    .option(
      '--into <file>',
      'write the model here, with this sampler as its own and what its gate says in its description, where the studio and info find it',
    )
    .option('--out <folder>', 'where quality.json is written', 'quality');

type Flags = FlagsOf<typeof own> & ModelFlags & RngFlags;

export function addQuality(program: Command): void {
  const command = withOptions(program.command('quality'), own())
    .argument('[model]', 'a denoiser', SHIPPED_MODEL)
    .description(
      'measure how well a model has learned: its errors by level, and its pictures, compared with real ones',
    );
  withModel(withRng(command))
    .addHelpText(
      'after',
      '\nExample: seedbed quality runs/denoiser/model.onnx --data fashion-mnist:test --count 1000',
    )
    .action((file: string, flags: Flags) => runReported('quality', flags, frame => run(frame, file, flags)));
}

async function run(frame: Frame, path: string, flags: Flags): Promise<Done> {
  const { terminal } = frame;
  const own = await openModel(path, flags);
  const sampler = chooseSampler(own.info.sampler, flags);
  const model = withSampler(own, sampler);
  const [learned, kept, learnedInAll] = await pictureSets(model, flags, terminal);
  const runtime = stoppable(await frame.runtime(), terminal.signal);
  const features = await featuresOf(runtime, model, flags.features, learned);
  terminal.note(`the best linear denoiser of ${learned.length} pictures first, which takes a while`);
  const coordinates = sizeOf(model.info.shape);
  if (learned.length <= coordinates)
    terminal.note(
      `${learned.length} pictures say little of ${coordinates} coordinates: the linear denoiser is worse than the best, and the first condition easier`,
    );
  const progress = terminal.progress('measuring', 'evaluations');
  const seen = [await read(runtime, model, learned), await read(runtime, model, kept)] as const;
  const quality = await measureQuality(runtime, model, ...seen, {
    rng: flags.rng,
    ...{ features, learnedInAll },
    onProgress: progress.update,
  }).finally(() => progress.stop());
  await features?.dispose();
  const report = frame.report({
    ...hashesOf(model),
    learned: learned.name,
    data: kept.name,
    sampler,
    rng: flags.rng,
    ...quality,
  });
  if (flags.into)
    await writeAtomic(flags.into, recorded(withSampler(await loadModel(path), sampler), quality));
  const file = joinPath(flags.out, 'quality.json');
  const last = `${model.info.name}, ${quality.count} pictures in ${duration(report.seconds)}: ${file}`;
  return { report, file, lines: [...page(quality), last] };
}

/** A model's file, whose record says how it was measured; as small as its weights allow, its hash unchanged. */
function recorded({ graph, info, hash }: Denoiser, { count, features, conditions }: Quality): Uint8Array {
  const training = { ...info.training, quality: { count, features, conditions } };
  const model = createModel(graph, { ...info, training });
  const half = saveModel(model, true);
  return readModel(half, 'the model').hash === hash ? half : saveModel(model);
}

/** What the model learned from, and what it did not. */
async function pictureSets(
  model: Denoiser,
  flags: Flags,
  { note }: Pick<Terminal, 'note'>,
): Promise<[learned: Dataset, kept: Dataset, learnedInAll: number]> {
  const { data } = model.info.training ?? {};
  const own = typeof data === 'string' ? data : undefined;
  const learned = flags.learned ?? own;
  const kept = flags.data ?? (own && notLearned(own));
  if (!learned || !kept)
    throw new SeedbedError(
      'BadArgument',
      own && !kept
        ? `${model.info.name} learned from ${own}, which names no other part that it did not learn. Name pictures that it did not learn by --data`
        : `${model.info.name} does not say what it learned from. Name that by --learned, and pictures that it did not learn by --data`,
    );
  const open = (name: string) =>
    openFor(name, model, { dataDir: flags.dataDir, fit: learnedFit(model), note });
  const [all, others] = [await open(learned), await open(kept)];
  const [from, to] = all.name === own ? learnedPart(model, all.length) : [0, all.length];
  return [
    slice(all, from, Math.min(from + LEARNED, to, all.length)),
    slice(others, 0, Math.min(flags.count, others.length)),
    Math.min(to, all.length) - from,
  ];
}

/** Pictures that an autoencoder works on at once. */
const ENCODED = 32;

/** The other part of a set that has two; of a folder that was not split nobody knows what was not learned. */
function notLearned(own: string): string | undefined {
  const whole = own.replace(/:train$/, '');
  if (/:test$/.test(own)) return undefined;
  return whole !== own || findEntry(own.split(':')[0]!) ? `${whole}:test` : undefined;
}

/** The part of its data that a model learned from: what it named, or all but what was held out. */
function learnedPart({ info }: Denoiser, length: number): readonly [from: number, to: number] {
  const config = info.training?.config as { learn?: [number, number]; heldOut?: number } | undefined;
  return config?.learn ?? [0, length - (config?.heldOut ?? 0)];
}

/** Pictures as the network sees them. */
async function read(runtime: Runtime, model: Denoiser, dataset: Dataset) {
  const pixels = await dataset.read(Array.from({ length: dataset.length }, (_, i) => i));
  const conversion = openConversion(runtime, model, ENCODED);
  return conversion.toNetwork(pixels).finally(conversion.dispose);
}

const COMPONENTS = 'components';

/** What compares pictures: the network named, or the classifier that ships for the set; undefined for components of the data. */
async function featuresOf(
  runtime: Runtime,
  { info, autoencoder }: Denoiser,
  named: string | undefined,
  learned: Dataset,
): Promise<Features | undefined> {
  if (named === COMPONENTS) return undefined;
  const shipped = packaged(`models/classifiers/${learned.name.split(/[:[]/)[0]}.onnx`);
  if (!named && !(await exists(shipped))) return undefined;
  const { bytes, name, files } = await readOnnx(named ?? shipped);
  const graph = widen(parseModel(bytes, name, files));
  const { shape } = autoencoder?.info ?? info;
  // Pictures of the set may be made ready in another way than for the classifier.
  const others = learned.changes?.length || graph.inputs[0]!.shape.slice(1).join() !== shape.join();
  if (!named && others) return undefined;
  return networkFeatures(runtime, graph, shape);
}

/** Tables and conditions, line by line. */
function page({ levels, grown, linear, real, features, conditions }: Quality): string[] {
  const figure = (value: number) => value.toPrecision(3).padStart(9);
  const row = (
    name: string,
    { mean, variance, saturated, frechet, precision, recall, nearest }: PictureFigures,
  ) =>
    name.padEnd(16) + [mean, variance, saturated, frechet, precision, recall, nearest].map(figure).join(' ');
  return [
    'squared error of the clean picture, by diffusion time',
    '   t   network    linear      mean',
    ...levels.map(
      level =>
        `${level.time.toFixed(1).padStart(4)} ${[level.network, level.linear, level.mean].map(figure).join(' ')}`,
    ),
    '',
    `pictures; distances are of ${features}`,
    `${''.padEnd(16)}     mean  variance   cut off   Frechet precision    recall   nearest`,
    row('grown', grown),
    row('by a linear one', linear),
    row('real, held out', real),
    '',
    ...conditions.map(({ passed, text }) => `${passed ? 'passes' : 'FAILS '}  ${text}`),
    '',
  ];
}
