import { type Command, InvalidArgumentError } from 'commander';
import type { Denoiser } from '../diffusion/info.ts';
import { drawing, pictureShape, seedPictures } from '../diffusion/pictures.ts';
import { evaluationsOf } from '../diffusion/sampler.ts';
import { chooseSampler, GRIDS, MOST_SAMPLER_STEPS, type SamplerInfo } from '../diffusion/sampler-info.ts';
import { SAMPLERS } from '../diffusion/samplers.ts';
import { checkSeeds, readSeeds } from '../embedding/seeds.ts';
import { SeedbedError } from '../errors.ts';
import { compareGrown } from '../latent/comparison.ts';
import { baseName, joinPath, readBytes, sha256Hex, writeAtomic } from '../runtime/files.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { writeNpy } from '../tensor/npy.ts';
import { normals } from '../tensor/random.ts';
import { bytesOf, type Floats, rows } from '../tensor/tensor.ts';
import type { Unfinished, UnfinishedOptions } from '../work/unfinished.ts';
import { hashesOf, type ModelFlags, openModel, withModel } from './denoiser.ts';
import { type FlagsOf, options, withOptions } from './flags.ts';
import { type Done, type Frame, runReported } from './frame.ts';
import { growInPieces } from './grow.ts';
import { writeLabelledSheet } from './labelled.ts';
import { type RngFlags, whole, withRng, withUnfinished } from './options.ts';
import { duration, type Terminal } from './terminal.ts';

const own = () =>
  options()
    .option('--count <n>', 'random seeds (default: 10, or all of --seeds)', whole(2, MOST))
    .option('--seeds <file>', 'these seeds instead (.safetensors, .npy or .npz)')
    .option(
      '--sampler <names>',
      "also by several samplers, separated by commas, instead of the models' own",
      someOf(SAMPLERS),
    )
    .option(
      '--sampler-steps <numbers>',
      "also with several T, separated by commas, instead of the models' own",
      stepsOf,
    )
    .option(
      '--sampler-grid <names>',
      "also with their levels spaced in several ways, separated by commas, instead of the models' own",
      someOf(GRIDS),
    )
    .option('--out <folder>', 'where to write', 'comparison');

type Flags = FlagsOf<typeof own> & ModelFlags & RngFlags & UnfinishedOptions;

/** One way to grow pictures from seeds. */
interface Way {
  readonly name: string;
  readonly model: Denoiser;
  readonly sampler: SamplerInfo;
}

/** Seeds that are compared and shown, at most. */
const MOST = 1000;
const SHOWN = 12;

export function addCompare(program: Command): void {
  const command = withOptions(withRng(withModel(program.command('compare'))), own())
    .description(
      'grow the same seeds by several models or samplers, and measure how similar the pictures are',
    )
    .argument('<models...>', 'denoisers of one shape');
  withUnfinished(command)
    .addHelpText(
      'after',
      `
Example: seedbed compare one.onnx two.onnx --count 100
One model, three samplers: seedbed compare one.onnx --sampler-steps 10,20,50`,
    )
    .action((paths: string[], flags: Flags) =>
      runReported('compare', flags, frame => run(frame, paths, flags)),
    );
}

function stepsOf(text: string): number[] {
  const values = text.split(',').map(Number);
  if (!values.every(n => Number.isSafeInteger(n) && n >= 1 && n <= MOST_SAMPLER_STEPS))
    throw new InvalidArgumentError(
      `expected whole numbers from 1 to ${MOST_SAMPLER_STEPS}, such as 10,20,50.`,
    );
  return values;
}

function someOf<Name extends string>(all: readonly Name[]) {
  return (text: string): Name[] =>
    text.split(',').map(word => {
      const name = all.find(one => one === word);
      if (name) return name;
      throw new InvalidArgumentError(`expected some of ${all.join(', ')}, separated by commas.`);
    });
}

async function run(frame: Frame, paths: readonly string[], flags: Flags): Promise<Done> {
  const { terminal } = frame;
  const models = await Promise.all(paths.map(path => openModel(path, flags)));
  models.forEach((model, i) => {
    requireAlike(models[0]!, model, paths[0]!, paths[i]!);
  });
  const ways = waysOf(models, paths, flags);
  if (ways.length < 2)
    throw new SeedbedError(
      'BadArgument',
      'there is one way to grow pictures and nothing to compare it with; name another model, or several --sampler-steps',
    );
  const latent = await seedsOf(flags, models[0]!, terminal.note);
  const about = {
    ways: ways.map(({ model, sampler }) => ({ ...hashesOf(model), sampler })),
    seeds: sha256Hex(bytesOf(latent)),
  };
  const runtime = await frame.runtime();
  const unfinished = await frame.open(flags, about);
  const grown = await growAll(terminal, runtime, unfinished, ways, latent);
  const results = ways.flatMap((a, i) =>
    ways.slice(i + 1).map((b, k) => {
      const { ratio, ...distances } = compareGrown(grown[i]!, grown[i + 1 + k]!);
      return { a: a.name, b: b.name, ...distances, ratio };
    }),
  );
  const count = latent.shape[0]!;
  const at = (name: string) => joinPath(flags.out, name);
  await writeAtomic(at('seeds.npy'), writeNpy(latent));
  const shown = Math.min(SHOWN, count);
  const flat = pictureShape(models[0]!).length === 3;
  const drawn = drawing(models[0]!, grown[0]!);
  if (flat)
    await writeLabelledSheet(at('comparison.png'), {
      title: 'The same seeds, grown by each',
      rows: [
        { label: 'seeds', pictures: seedPictures(models[0]!, rows(latent, 0, shown)) },
        ...ways.map(({ name }, i) => ({ label: name, pictures: drawn(rows(grown[i]!, 0, shown)) })),
      ],
    });
  const percent = (part: number) => `${(100 * part).toPrecision(3)} %`;
  const lines = results.map(
    ({ a, b, same, different, ratio }) =>
      `${a} and ${b}: squared distance ${same.toFixed(6)} from the same seed, ${different.toFixed(6)} from different ones: ${percent(ratio.mean)} (95 % interval ${percent(ratio.low)} to ${percent(ratio.high)})`,
  );
  const files = `${flat ? `${at('comparison.png')} (seeds; then a row for each of the ${ways.length}), ` : ''}${at('report.json')}, seeds.npy`;
  const report = frame.report({
    models: ways.map(({ name, model, sampler }) => ({
      name,
      hash: model.hash,
      conditions: model.conditioned,
      sampler,
    })),
    rng: flags.rng,
    evaluations: count * evaluationsOfAll(ways),
    seeds: count,
    results,
  });
  lines.push(`${count} seeds, ${duration(report.seconds)}: ${files}`);
  return { report, file: at('report.json'), lines };
}

/** Evaluations that a seed takes, by all ways together. */
const evaluationsOfAll = (ways: readonly Way[]) =>
  ways.reduce((sum, { sampler }) => sum + evaluationsOf(sampler), 0);

/** @throws {SeedbedError} BadShape unless one seed fits both. */
function requireAlike(a: Denoiser, b: Denoiser, pathA: string, pathB: string): void {
  const describe = ({ info: { shape, padding } }: Denoiser) =>
    `[${shape}]${padding ? `, ${padding} of them padding,` : ''}`;
  if (describe(a) === describe(b)) return;
  throw new SeedbedError(
    'BadShape',
    `${pathA} grows pictures from seeds ${describe(a)} and ${pathB} from ${describe(b)}; only models of one shape can share seeds`,
  );
}

/** Each model with each of the samplers asked for. */
function waysOf(models: readonly Denoiser[], paths: readonly string[], flags: Flags): Way[] {
  const kinds = flags.sampler ?? [undefined];
  const steps = flags.samplerSteps ?? [undefined];
  const grids = flags.samplerGrid ?? [undefined];
  const short = paths.map(path => baseName(path).replace(/\.onnx$/, ''));
  const names = new Set(short).size === paths.length ? short : paths;
  return models.flatMap((model, i) =>
    kinds.flatMap(kind =>
      steps.flatMap(T =>
        grids.map(grid => {
          const asked = { sampler: kind, samplerSteps: T, samplerGrid: grid };
          const how = [...(kind ? [kind] : []), ...(T ? [`T = ${T}`] : []), ...(grid ? [grid] : [])];
          return {
            name: [...(models.length > 1 || how.length === 0 ? [names[i]!] : []), ...how].join(', '),
            model,
            sampler: chooseSampler(model.info.sampler, asked),
          };
        }),
      ),
    ),
  );
}

async function seedsOf(flags: Flags, model: Denoiser, note: (text: string) => void): Promise<Floats> {
  const { count, seeds: file, rng } = flags;
  if (!file) return normals({ seed: rng, purpose: 'sample' }, [count ?? 10, ...model.info.shape]);
  const seeds = readSeeds(await readBytes(file), file);
  checkSeeds(seeds, model, model.info.sampler, file, true);
  if (seeds.pair) note(`${file}: of seeds with two states the first is used`);
  const there = seeds.latent.shape[0]!;
  const wanted = count ?? Math.min(there, MOST);
  if (there < Math.max(2, wanted))
    throw new SeedbedError('BadArgument', `${file} holds ${there} seeds; ${Math.max(2, wanted)} are needed`);
  if (wanted < there) note(`${file}: the first ${wanted} of its ${there} seeds are compared`);
  return rows(seeds.latent, 0, wanted);
}

async function growAll(
  terminal: Terminal,
  runtime: Runtime,
  unfinished: Unfinished,
  ways: readonly Way[],
  latent: Floats,
): Promise<Floats[]> {
  const count = latent.shape[0]!;
  const total = count * evaluationsOfAll(ways);
  const progress = terminal.progress('growing', 'evaluations');
  let before = 0;
  const grown: Floats[] = [];
  try {
    for (const [i, { model, sampler }] of ways.entries()) {
      const own = { ...unfinished, path: (name: string) => unfinished.path(`${i}-${name}`) };
      const folder = { terminal, runtime, unfinished: own };
      grown.push(
        await growInPieces(folder, { model, sampler }, { latent }, done =>
          progress.update(before + done, total),
        ),
      );
      before += count * evaluationsOf(sampler);
    }
    return grown;
  } finally {
    progress.stop();
  }
}
