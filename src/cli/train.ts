import { Option } from '@commander-js/extra-typings';
import type { Command } from 'commander';
import { z } from 'zod';
import type { Dataset } from '../data/dataset.ts';
import { openDataset } from '../data/open.ts';
import {
  type ClassifierConfig,
  type DenoiserConfig,
  type EmbedderConfig,
  optimiserOf,
  parseClassifierConfig,
  parseDenoiserConfig,
  parseEmbedderConfig,
} from '../diffusion/config.ts';
import { loadEmbedder, loadModel } from '../diffusion/load.ts';
import { denoiserTask, type LevelsOf } from '../diffusion/train-denoiser.ts';
import { embedderTask } from '../embedding/train-embedder.ts';
import { SeedbedError } from '../errors.ts';
import { parseModel } from '../graph/protobuf.ts';
import { widen } from '../graph/widen.ts';
import { type TrainingTask, train } from '../nn/trainer.ts';
import { type LevelRecord, levelWatch, worstLevel } from '../quality/levels.ts';
import { classifierTask } from '../quality/train-classifier.ts';
import { exists, joinPath, readJson, sha256Hex } from '../runtime/files.ts';
import { readOnnx } from '../runtime/node.ts';
import { packaged, refuseExisting, SHIPPED_MODEL } from './files.ts';
import { type FlagsOf, options, withOptions } from './flags.ts';
import { type Done, type Frame, runReported } from './frame.ts';
import { dataDirOption, positive, type RuntimeFlags, SAME_BITS, whole, withRuntime } from './options.ts';
import { pairsOf } from './pairs.ts';
import { learnedFit, noteChanges, openFor } from './pictures.ts';
import { duration, type TerminalFlags, withTerminal } from './terminal.ts';

const own = (out: string) =>
  options()
    .option('--rng <n>', 'random number seed (default: 0)', whole(0))
    .option('--config <file>', 'configuration (JSON); a run that is resumed remembers its own')
    .option(
      '--data <name or path>',
      'data set, a folder of one or of pictures (default: the one that the configuration names)',
    )
    .addOption(dataDirOption())
    .option('--out <folder>', 'the run folder', out)
    .option('--steps <n>', "updates in all, instead of the configuration's", whole(1))
    .option('--minutes <n>', 'stop after so many minutes, resumable', positive)
    .option('--init <model>', 'go on from the weights of this model')
    .option('--resume', `go on with the run in the folder, ${SAME_BITS}`)
    .addOption(new Option('--fresh', 'start again in a folder that holds a run').conflicts('resume'));

const embedderOptions = () =>
  options().option('--model <file>', 'the denoiser that it embeds for (default: the shipped one)');

type TrainFlags = FlagsOf<typeof own> &
  Partial<FlagsOf<typeof embedderOptions>> &
  RuntimeFlags &
  TerminalFlags;

export function addTrain(program: Command): void {
  const command = program
    .command('train')
    .description(
      'train a denoiser, an embedding network for one, or a classifier whose features compare pictures',
    );
  const shared = (sub: Command, out: string) => withOptions(withTerminal(withRuntime(sub)), own(out));

  shared(command.command('denoiser'), 'runs/denoiser')
    .description('train a denoiser (Algorithm 1)')
    .addHelpText(
      'after',
      '\nExample: seedbed train denoiser --config configs/fashion-mnist-v.json --data fashion-mnist --minutes 5',
    )
    .action((flags: TrainFlags) =>
      runReported('train denoiser', flags, frame => trainDenoiser(frame, flags)),
    );
  withOptions(shared(command.command('embedder'), 'runs/embedder'), embedderOptions())
    .description('train an embedding network through a frozen sampler')
    .addHelpText(
      'after',
      '\nExample: seedbed train embedder --config configs/fashion-mnist-embedder.json --model runs/denoiser/model.onnx --data fashion-mnist',
    )
    .action((flags: TrainFlags) =>
      runReported('train embedder', flags, frame => trainEmbedder(frame, flags)),
    );
  shared(command.command('classifier'), 'runs/classifier')
    .description('train a small classifier, by whose features quality compares pictures')
    .addHelpText(
      'after',
      '\nExample: seedbed train classifier --config configs/classifiers/mnist.json --out runs/mnist-classifier',
    )
    .action((flags: TrainFlags) =>
      runReported('train classifier', flags, frame => trainClassifier(frame, flags)),
    );
}

async function trainDenoiser(frame: Frame, given: TrainFlags): Promise<Done> {
  const { note } = frame.terminal;
  const flags = await begin(given);
  const config = parseDenoiserConfig(...(await configOf(flags, 'configs/fashion-mnist-v.json')));
  const dataset = await openImages(flags, config);
  noteChanges(dataset, note);
  note(`${dataset.name}: ${dataset.length} items of [${dataset.shape}]`);
  const runtime = await frame.runtime();
  const init = flags.init ? await loadModel(flags.init) : undefined;
  const { rng, out } = flags;
  const watch = levelWatch(runtime, rng);
  let worst: LevelRecord | undefined;
  const levels: LevelsOf = async (...seen) => {
    const found = await watch(...seen);
    worst = worstLevel(found);
    return found;
  };
  const task = await denoiserTask(runtime, { config, dataset, rng, out, init, levels });
  return run(frame, flags, config, task, () => (worst ? besideLinear(worst) : ''));
}

/** The pictures to learn from, as the configuration would have them. */
function openImages(
  { data, dataDir }: TrainFlags,
  config: DenoiserConfig | ClassifierConfig,
): Promise<Dataset> {
  const { size, channels, crop } = config.image;
  return openDataset(data ?? config.data, {
    dataDir,
    fit: crop ? 'crop' : 'squeeze',
    ...(size && { size }),
    ...(channels && { channels }),
  });
}

/** How far a network has come where it has come least far, in a few words. */
function besideLinear({ time, network, linear }: LevelRecord): string {
  return `${(network / linear).toPrecision(3)} of a linear model's error at t = ${time.toFixed(1)}, where it is most`;
}

async function trainEmbedder(frame: Frame, given: TrainFlags): Promise<Done> {
  const { terminal } = frame;
  const flags = await begin(given);
  const config = parseEmbedderConfig(...(await configOf(flags, 'configs/fashion-mnist-embedder.json')));
  const denoiser = await loadModel(flags.model);
  const dataset = await openFor(flags.data ?? config.data, denoiser, {
    dataDir: flags.dataDir,
    fit: learnedFit(denoiser),
    note: terminal.note,
  });
  const runtime = await frame.runtime();
  const init = flags.init ? await loadEmbedder(flags.init) : undefined;
  const { rng, out } = flags;
  const wanted = { count: config.training.pairs, rng, out, resume: flags.resume === true };
  const pairs = () => pairsOf({ terminal, runtime, denoiser }, wanted);
  const task = await embedderTask(runtime, { config, denoiser, dataset, rng, out, init, pairs });
  return run(frame, flags, config, task);
}

async function trainClassifier(frame: Frame, given: TrainFlags): Promise<Done> {
  const flags = await begin(given);
  const config = parseClassifierConfig(...(await configOf(flags, 'configs/classifiers/fashion-mnist.json')));
  const dataset = await openImages(flags, config);
  noteChanges(dataset, frame.terminal.note);
  const runtime = await frame.runtime();
  const { rng, out } = flags;
  const init = flags.init ? await weightsIn(flags.init) : undefined;
  return run(frame, flags, config, await classifierTask(runtime, { config, dataset, rng, out, init }));
}

/** The weights of an ONNX file, as float32. */
async function weightsIn(path: string) {
  const { bytes, name, files } = await readOnnx(path);
  return { weights: widen(parseModel(bytes, name, files)).initializers, hash: sha256Hex(bytes) };
}

/** What a run folder remembers of its command, beside the configuration. */
const memorySchema = z.object({
  data: z.string().optional(),
  dataDir: z.string().optional(),
  init: z.string().optional(),
  model: z.string().optional(),
  rng: z.int().gte(0),
});

/**
 * The flags of a run: a resumed one takes from its folder what it is not told again, a fresh one finds it empty.
 * @throws {SeedbedError} BadArgument unless the folder holds a run where one is to go on, and none where one is to begin.
 */
async function begin(given: TrainFlags): Promise<TrainFlags & { rng: number; model: string }> {
  const checkpoint = joinPath(given.out, 'checkpoint.safetensors');
  if (!given.resume) await refuseExisting(checkpoint, 'a training run', given.fresh === true);
  else if (!(await exists(checkpoint)))
    throw new SeedbedError(
      'BadArgument',
      `${given.out} holds no training run to go on with: there is no ${checkpoint}. Name the run's folder with --out, or drop --resume to begin one`,
    );
  const memory = joinPath(given.out, 'command.json');
  const remembered = given.resume && (await exists(memory)) ? await readMemory(memory) : {};
  return { rng: 0, model: SHIPPED_MODEL, ...remembered, ...given };
}

async function readMemory(path: string): Promise<z.infer<typeof memorySchema>> {
  const parsed = memorySchema.safeParse(await readJson(path));
  if (parsed.success) return parsed.data;
  throw new SeedbedError(
    'BadFile',
    `not what a run remembers of its command:\n${z.prettifyError(parsed.error)}\nCorrect it, or --fresh starts again`,
    { at: path },
  );
}

/** The configuration and the name of its file: the one given, a resumed run's own, or the shipped one. */
async function configOf(flags: TrainFlags, shipped: string): Promise<[unknown, string]> {
  const own = joinPath(flags.out, 'config.json');
  if (flags.resume && flags.config === undefined && !(await exists(own)))
    throw new SeedbedError(
      'BadFile',
      `${own}, which says what the run trains, is missing. Give the run's --config, or --fresh instead of --resume to start again`,
    );
  const file = flags.config ?? (flags.resume ? own : packaged(shipped));
  const value = (await readJson(file)) as { training?: object } | null;
  if (flags.steps === undefined || typeof value?.training !== 'object') return [value, file];
  return [{ ...value, training: { ...value.training, steps: flags.steps } }, file];
}

async function run(
  frame: Frame,
  flags: TrainFlags & { rng: number },
  config: DenoiserConfig | EmbedderConfig | ClassifierConfig,
  task: TrainingTask,
  /** What else is known after each measurement. */
  known = () => '',
): Promise<Done> {
  const { terminal } = frame;
  const { rng, out } = flags;
  const { steps, checkpointEvery, evaluateEvery } = config.training;
  const progress = terminal.progress('training', 'steps');
  const { step, finished, heldOut } = await train(await frame.runtime(), task, {
    optimiser: optimiserOf(config.training),
    steps,
    minutes: flags.minutes,
    out,
    config,
    command: memorySchema.parse(flags),
    resume: flags.resume === true,
    checkpointEvery,
    evaluateEvery,
    signal: terminal.signal,
    onProgress: p => {
      const words = [
        `loss ${p.loss.toPrecision(4)}`,
        p.heldOut === undefined ? '' : `held out ${p.heldOut.toPrecision(4)}`,
        known(),
        `${p.imagesPerSecond.toFixed(0)} images/s`,
      ];
      progress.update(p.step, p.steps, words.filter(Boolean).join(', '));
    },
  }).finally(() => progress.stop());
  const kept = heldOut === undefined ? '' : `held-out loss ${heldOut.toPrecision(4)}`;
  const report = frame.report({ rng, results: [{ out, step, finished, heldOut }] });
  const stopped = `stopped at step ${step} of ${steps}; the same command with --resume goes on`;
  return {
    report,
    lines: [
      `${[`${step} of ${steps} steps`, duration(report.seconds), kept, known()].filter(Boolean).join(', ')}; the model is ${joinPath(out, 'model.onnx')}`,
    ],
    fault: terminal.signal.aborted && !finished ? new SeedbedError('Interrupted', stopped) : undefined,
  };
}
