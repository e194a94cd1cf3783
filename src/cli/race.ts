import { isAbsolute, relative } from 'node:path';
import type { Command } from 'commander';
import type { Denoiser } from '../diffusion/info.ts';
import type { SamplerInfo } from '../diffusion/sampler-info.ts';
import { decode } from '../embedding/sampling.ts';
import { checkSeeds, readSeeds, type Seeds } from '../embedding/seeds.ts';
import { SeedbedError } from '../errors.ts';
import { type Contestant, contestants, contestantsIn } from '../experiments/race/contestants.ts';
import { type Standing, standing } from '../experiments/race/race.ts';
import type { RaceFacts } from '../experiments/race/race-report.ts';
import { baseName, joinPath, readBytes, writeAtomic } from '../runtime/files.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { svgToPng } from '../runtime/svg.ts';
import { meanSquaredErrors, meanSquares } from '../tensor/statistics.ts';
import { takeRows } from '../tensor/tensor.ts';
import { conditionWords } from './conditions.ts';
import {
  type Contest,
  type ContestFlags,
  contestReport,
  contestWords,
  openContest,
  runContest,
  withContest,
} from './contest.ts';
import { findEmbedder } from './files.ts';
import { type FlagsOf, options, withOptions } from './flags.ts';
import { type Done, type Frame, runReported } from './frame.ts';
import { whole } from './options.ts';
import type { Pictures } from './pictures.ts';
import { quoted, withShards } from './shards.ts';
import { duration } from './terminal.ts';

const own = () =>
  options()
    .option('--most <n>', 'leave out what takes more network evaluations per seed', whole(1), 800)
    .option('--methods <names>', 'only these families, separated by commas', list)
    .option('--also-steps <numbers>', 'also by samplers of so many steps, separated by commas', numbers)
    .option(
      '--budgets <numbers>',
      'network evaluations at which the ranking is drawn up, separated by commas (default: spread over what was spent)',
      numbers,
    )
    .option(
      '--beside <files>',
      'seed files of some of the pictures, found elsewhere, separated by commas',
      list,
    )
    .option('--out <folder>', 'where race.md, race.json and the plots are written', 'race');

type Flags = FlagsOf<typeof own> & ContestFlags;

/** Statistics of the panel with columns of their own. */
const COLUMNS = ['norm', 'neighbours', 'spectrum'];

const list = (text: string) => text.split(',').filter(Boolean);
const numbers = (text: string) => list(text).map(part => whole(1)(part));

export function addRace(program: Command): void {
  const command = withOptions(withContest(program.command('race')), own()).description(
    'compare all methods on the same pictures: a table and plots of what each reaches',
  );
  withShards(command)
    .addHelpText(
      'after',
      '\nExample: seedbed race models/fashion-mnist.onnx --data fashion-mnist:test --to 32 --out race',
    )
    .action((file: string, paths: string[], flags: Flags) =>
      runReported('race', flags, frame => run(frame, file, paths, flags)),
    );
}

async function run(
  frame: Frame,
  file: string,
  paths: readonly string[],
  flags: Flags,
): Promise<Done | undefined> {
  const contest = await openContest(file, paths, flags, frame.terminal.note);
  const embedder = await findEmbedder(file, flags.embedder);
  const chosen = chosenOf(contest.model, embedder !== undefined, flags);
  const beside = await Promise.all(
    (flags.beside ?? []).map(file => readBeside(file, contest.model, contest.pictures)),
  );
  const own = await runContest(frame, contest, embedder, chosen, flags, describe);
  if (!own) return undefined;
  const standings = [...own];
  for (const found of beside)
    standings.push(await standingOf(await frame.runtime(), contest, found, flags.rng));
  await writeRace(flags.out, standings, factsOf(contest, file, paths, flags));
  const report = contestReport(frame, contest, flags, standings, own);
  const at = (name: string) => joinPath(flags.out, name);
  return {
    report,
    file: at('race.json'),
    lines: [
      `${chosen.length} methods on ${contest.pictures.names.length} pictures in ${duration(report.seconds)}: ${at('race.md')}, race.json, race.png, race-time.png`,
    ],
  };
}

/** Who takes part. @throws {SeedbedError} BadArgument when nobody is left. */
function chosenOf(model: Denoiser, hasEmbedder: boolean, flags: Flags): Contestant[] {
  const all = flags.alsoSteps
    ? contestantsIn([model.info.sampler.steps, ...flags.alsoSteps], model, hasEmbedder, flags.most)
    : contestants(model, hasEmbedder, flags.most);
  const families = [...new Set(all.map(({ family }) => family))];
  const unknown = flags.methods?.filter(name => !families.includes(name)) ?? [];
  const chosen = flags.methods ? all.filter(({ family }) => flags.methods!.includes(family)) : all;
  if (chosen.length > 0 && unknown.length === 0) return chosen;
  throw new SeedbedError(
    'BadArgument',
    `${unknown.length > 0 ? `no method ${unknown.join(', ')} can be run` : 'no method is left to run'}; there are: ${families.join(', ')}`,
  );
}

/** A path as one gives it from this folder; of another its last name alone, as it says more of this machine than of the race. */
function asSeen(path: string): string {
  const from = relative('.', path);
  return from.startsWith('..') || isAbsolute(from) ? baseName(path) : from;
}

/** What the page says of the race, with the command that makes it again. */
function factsOf(
  { model, pictures, panel }: Contest,
  file: string,
  paths: readonly string[],
  flags: Flags,
): RaceFacts {
  const count = pictures.names.length;
  const which = flags.data
    ? ['--data', asSeen(flags.data), '--from', flags.from, '--to', flags.from + count]
    : paths.map(asSeen);
  return {
    model: model.info.name,
    data: flags.data ? baseName(flags.data) : paths.map(baseName).join(', ') || 'the ten that ship',
    pictures: count,
    command: [
      'npx',
      'seedbed',
      'race',
      asSeen(file),
      ...which,
      ...conditionWords(flags),
      ...contestWords(flags),
      ...(flags.methods ? ['--methods', flags.methods.join()] : []),
      ...(flags.samplerSteps ? ['--sampler-steps', flags.samplerSteps] : []),
      ...(flags.samplerGrid ? ['--sampler-grid', flags.samplerGrid] : []),
      ...(flags.beside ? ['--beside', flags.beside.map(asSeen).join()] : []),
      ...(flags.alsoSteps ? ['--also-steps', flags.alsoSteps.join()] : []),
      ...(flags.budgets ? ['--budgets', flags.budgets.join()] : []),
      '--most',
      flags.most,
    ]
      .map(word => quoted(String(word)))
      .join(' '),
    budgets: flags.budgets,
    columns: COLUMNS.filter(name => panel.statistics.includes(name)),
  };
}

/** Writes the page and its plots. */
async function writeRace(out: string, standings: readonly Standing[], facts: RaceFacts): Promise<void> {
  const { raceFigure, raceReport } = await import('../experiments/race/race-report.ts');
  await writeAtomic(joinPath(out, 'race.md'), `${raceReport(standings, facts)}\n`);
  for (const [name, by] of [
    ['race', 'evaluations'],
    ['race-time', 'time'],
  ] as const) {
    const svg = raceFigure(standings, facts, by);
    await writeAtomic(joinPath(out, `${name}.svg`), svg);
    await writeAtomic(joinPath(out, `${name}.png`), await svgToPng(svg));
  }
}

function describe({ name, evaluations, mse, variance, rejected }: Standing): string {
  return `${name.padEnd(30)} ${evaluations.toFixed(0).padStart(5)} evaluations, squared error ${mse.mean.toExponential(2)}, seed variance ${variance.toFixed(2)}, ${Math.round(100 * rejected)} % told from noise`;
}

/** Seeds of some of the pictures that were found elsewhere, such as by a descent of hours. */
interface Beside {
  readonly file: string;
  readonly seeds: Seeds;
  readonly sampler: SamplerInfo;
  /** Where the pictures stand in the race. */
  readonly places: readonly number[];
}

/** Reads such seeds. @throws {SeedbedError} Mismatch when they are of another model or of other pictures. */
async function readBeside(file: string, model: Denoiser, { names, hashes }: Pictures): Promise<Beside> {
  const seeds = readSeeds(await readBytes(file), file);
  const sampler = seeds.provenance?.sampler ?? model.info.sampler;
  checkSeeds(seeds, model, sampler, file);
  const about = seeds.provenance?.images ?? [];
  const places = about.map(({ sha256 }) => hashes.indexOf(sha256 ?? ''));
  if (places.length !== seeds.latent.shape[0] || places.includes(-1))
    throw new SeedbedError(
      'Mismatch',
      `its ${seeds.latent.shape[0]} seeds are of ${about.map(({ name }) => name).join(', ') || 'pictures it does not name'}, which are not all among those of the race: ${names.join(', ')}`,
      { at: file },
    );
  return { file, seeds, sampler, places };
}

/** How they stand in the race. */
async function standingOf(
  runtime: Runtime,
  { model, pictures: { images, names }, panel }: Contest,
  { file, seeds, sampler, places }: Beside,
  rng: number,
): Promise<Standing> {
  const grown = await decode(model, seeds.pair?.latent ?? seeds.latent, {
    runtime,
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
