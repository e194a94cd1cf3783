import type { Command } from 'commander';
import { prepare } from '../diffusion/batches.ts';
import { chooseSampler, type Denoiser, MOST_SAMPLER_STEPS } from '../diffusion/info.ts';
import { decode } from '../embedding/embed.ts';
import { meanSquaredErrors, meanSquares } from '../embedding/metrics.ts';
import { checkSeeds, readSeeds } from '../embedding/seeds.ts';
import { SeedbedError } from '../errors.ts';
import { contestants } from '../experiments/contestants.ts';
import { compete, type Standing, standing, standingSchema } from '../experiments/race.ts';
import { type RaceFacts, raceFigure, raceReport } from '../experiments/race-report.ts';
import { loadModel } from '../index.ts';
import { createPanel, type Panel } from '../latent/gaussianity.ts';
import { principalComponents } from '../latent/pca.ts';
import { baseName, joinPath, readBytes, writeAtomic } from '../runtime/files.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { svgToPng } from '../runtime/svg.ts';
import { type Tensor, takeRows } from '../tensor/tensor.ts';
import { duration, openConsole, withConsole } from './console.ts';
import { findEmbedder, packaged, version } from './files.ts';
import { openRuntime, type RuntimeFlags, whole, withRng, withRuntime } from './options.ts';
import { openFor, type Pictures, readItems, readPictures } from './pictures.ts';
import { inPieces, jsonCodec, openUnfinished, withRemedy } from './unfinished.ts';

/** Which pictures are embedded, shared by `race` and `frontier`. */
export interface ContestFlags extends RuntimeFlags {
  embedder?: string;
  data?: string;
  dataDir?: string;
  from: number;
  to?: number;
  samplerSteps?: number;
  batch: number;
  rng: number;
  out: string;
  resume?: boolean;
  force?: boolean;
  json?: boolean;
  quiet?: boolean;
}

interface Flags extends ContestFlags {
  most: number;
  methods?: string[];
  beside?: string[];
}

/** Items of the data set, after those that are embedded, whose components the panel looks along. */
const COMPONENT_ITEMS = 500;
/** Statistics of the panel with columns of their own. */
const COLUMNS = ['norm', 'neighbours', 'spectrum'];

const list = (text: string) => text.split(',').filter(Boolean);

/** Adds what says which model and pictures a contest is about. */
export function withContest(command: Command): Command {
  return withConsole(withRng(withRuntime(command)))
    .argument('<model.onnx>', 'the denoiser')
    .argument('[pictures...]', 'picture files, folders of them, or arrays (.npy) (default: the ten shipped)')
    .option(
      '--embedder <file>',
      "an embedding network (default: the model's own, NAME-embedder.onnx beside it)",
    )
    .option('--data <name or path>', 'a data set instead of pictures')
    .option('--data-dir <folder>', 'where data sets are looked for first')
    .option('--from <n>', 'first item of the data set', whole(0), 0)
    .option('--to <n>', 'item before which to stop', whole(1))
    .option('--sampler-steps <n>', "T, instead of the model's own", whole(1, MOST_SAMPLER_STEPS))
    .option('--batch <n>', 'seeds in work at once', whole(1), 16)
    .option('--resume', 'go on with unfinished work in the folder')
    .option('--force', 'drop unfinished work in the folder');
}

export function addRace(program: Command): void {
  withContest(program.command('race'))
    .description('run every way to find seeds on the same pictures: a table and plots of what each reaches')
    .option('--most <n>', 'leave out what takes more network evaluations a seed', whole(1), 800)
    .option('--methods <names>', 'only these families, separated by commas', list)
    .option(
      '--beside <files>',
      'seed files of some of the pictures, found elsewhere, separated by commas',
      list,
    )
    .option('--out <folder>', 'where race.md, race.json and the plots are written', 'race')
    .addHelpText(
      'after',
      '\nExample: seedbed race models/fashion-mnist.onnx --data fashion-mnist:test --to 32 --out race',
    )
    .action((file: string, paths: string[], flags: Flags) => run(file, paths, flags));
}

/** The model, with the sampler asked for; its pictures; the panel that judges seeds. */
export async function openContest(
  file: string,
  paths: readonly string[],
  flags: ContestFlags,
  note: (text: string) => void,
): Promise<{ model: Denoiser; pictures: Pictures; panel: Panel }> {
  const loaded = await loadModel(file);
  const sampler = chooseSampler(loaded.info.sampler, { samplerSteps: flags.samplerSteps });
  const model = { ...loaded, info: { ...loaded.info, sampler } };
  const pictures = flags.data
    ? await readItems(flags.data, model, flags)
    : await readPictures(paths.length > 0 ? paths : [packaged('examples/fashion-mnist')], model, true, note);
  const components = flags.data ? await componentsOf(flags.data, model, flags, pictures) : undefined;
  return { model, pictures, panel: createPanel(model.info.shape, { components }) };
}

/** Principal components of items that are not embedded. */
async function componentsOf(
  data: string,
  model: Denoiser,
  flags: ContestFlags,
  { names }: Pictures,
): Promise<Tensor<'float32'> | undefined> {
  const dataset = await openFor(data, model, flags);
  const first = flags.from + names.length;
  const count = Math.min(COMPONENT_ITEMS, dataset.length - first);
  if (count < 100) return undefined;
  const items = await dataset.read(Array.from({ length: count }, (_, i) => first + i));
  return principalComponents(prepare(items, model.info.padding, model.info.range)).components;
}

async function run(file: string, paths: readonly string[], flags: Flags): Promise<void> {
  const started = performance.now();
  const console = openConsole(flags);
  const { model, pictures, panel } = await openContest(file, paths, flags, console.note);
  const embedder = await findEmbedder(file, flags.embedder);
  const all = contestants(model, embedder !== undefined, flags.most);
  const chosen = flags.methods ? all.filter(({ family }) => flags.methods!.includes(family)) : all;
  if (chosen.length === 0)
    throw new SeedbedError(
      'BadArgument',
      `no method is left to run; there are: ${[...new Set(all.map(({ family }) => family))].join(', ')}`,
    );
  const runtime = await openRuntime(console, flags);
  const about = { model: model.hash, sampler: model.info.sampler, hashes: pictures.hashes, rng: flags.rng };
  const names = chosen.map(({ name }) => name);
  const unfinished = await openUnfinished(flags, { command: 'race', ...about, names, batch: flags.batch });
  const count = chosen.length;
  const progress = console.progress('racing', 'methods');
  const batch = Math.min(flags.batch, pictures.names.length);
  const pieces = { count, piece: 1, signal: console.signal, codec: jsonCodec(standingSchema) };
  const standings = (
    await inPieces(unfinished, pieces, async first => {
      const contestant = chosen[first]!;
      const reached = await compete(runtime, model, embedder, pictures.images, contestant, panel, {
        rng: flags.rng,
        batch,
        signal: console.signal,
        onProgress: share => progress.update(first + share, count, contestant.name),
      }).catch(withRemedy);
      progress.above(() => console.line(describe(reached)));
      return [reached];
    }).finally(() => progress.stop())
  ).flat();
  for (const seeds of flags.beside ?? [])
    standings.push(await besides(runtime, model, pictures, panel, seeds, flags.rng));

  const facts: RaceFacts = {
    model: model.info.name,
    data: flags.data ? baseName(flags.data) : 'files',
    pictures: pictures.names.length,
    command: `npx seedbed race ${baseName(file)}${flags.data ? ` --data ${baseName(flags.data)} --from ${flags.from} --to ${flags.from + pictures.names.length}` : ''} --most ${flags.most}`,
    columns: COLUMNS.filter(name => panel.statistics.includes(name)),
  };
  const at = (name: string) => joinPath(flags.out, name);
  await writeAtomic(at('race.md'), `${raceReport(standings, facts)}\n`);
  for (const [name, by] of [
    ['race', 'evaluations'],
    ['race-time', 'time'],
  ] as const) {
    const svg = raceFigure(standings, facts, by);
    await writeAtomic(at(`${name}.svg`), svg);
    await writeAtomic(at(`${name}.png`), await svgToPng(svg));
  }
  const seconds = (performance.now() - started) / 1000;
  const report = {
    seedbed: await version(),
    command: 'race',
    model: model.hash,
    rng: flags.rng,
    seconds,
    evaluations: standings.reduce((sum, s) => sum + s.evaluations, 0) * pictures.names.length,
    results: standings,
  };
  await writeAtomic(at('race.json'), `${JSON.stringify(report, null, 2)}\n`);
  await unfinished.remove();
  console.line(
    `${count} methods on ${pictures.names.length} pictures in ${duration(seconds)}: ${at('race.md')}, race.json, race.png, race-time.png`,
  );
  console.json(report);
}

function describe({ name, evaluations, mse, variance, rejected }: Standing): string {
  return `${name.padEnd(30)} ${evaluations.toFixed(0).padStart(5)} evaluations, squared error ${mse.mean.toExponential(2)}, seed variance ${variance.toFixed(2)}, ${Math.round(100 * rejected)} % told from noise`;
}

/** Seeds of the same pictures that were found elsewhere, such as by a descent of hours. */
async function besides(
  runtime: Runtime,
  model: Denoiser,
  { images, names, hashes }: Pictures,
  panel: Panel,
  file: string,
  rng: number,
): Promise<Standing> {
  const seeds = readSeeds(await readBytes(file), file);
  const sampler = seeds.provenance?.sampler ?? model.info.sampler;
  checkSeeds(seeds, model, sampler, file);
  const about = seeds.provenance?.images ?? [];
  const places = about.map(({ sha256 }) => hashes.indexOf(sha256 ?? ''));
  if (places.length !== seeds.latent.shape[0] || places.includes(-1))
    throw new SeedbedError(
      'Mismatch',
      `${file}: its ${seeds.latent.shape[0]} seeds are of ${about.map(({ name }) => name).join(', ') || 'pictures it does not name'}, which are not all among those of the race: ${names.join(', ')}`,
    );
  const grown = await decode(runtime, model, seeds.pair?.latent ?? seeds.latent, {
    sampler,
    latent2: seeds.pair?.latent2,
  });
  const method = seeds.provenance?.method ?? {};
  const variances = meanSquares(seeds.latent);
  const results = meanSquaredErrors(grown, takeRows(images, places)).map((mse, row) => ({
    mse,
    latentVariance: variances[row]!,
    evaluations: Number(method.evaluations ?? Number.NaN),
    converged: false,
  }));
  const recipe = method.recipe as { iterations?: number } | undefined;
  const some = places.length < names.length ? ` (${places.length} of the pictures)` : '';
  const name = `${method.name ?? baseName(file)}${recipe?.iterations ? `, ${recipe.iterations}` : ''}${some}`;
  return standing(
    { family: String(method.name ?? name), name },
    seeds.latent,
    results,
    panel,
    undefined,
    rng,
  );
}
