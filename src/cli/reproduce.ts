import { isAbsolute } from 'node:path';
import type { Command } from 'commander';
import { SeedbedError } from '../errors.ts';
import { type Experiment, SIZES, type Sizes } from '../experiments/paper/lab.ts';
import { baseName, joinPath, readBytes, writeAtomic } from '../runtime/files.ts';
import { unlessThere } from '../work/shards.ts';
import { version } from './files.ts';
import { type FlagsOf, options, withOptions } from './flags.ts';
import { type Done, type Frame, runReported } from './frame.ts';
import { hashesOfModels, type LabFlags } from './lab.ts';
import { type LaneFlags, withLanes } from './lanes.ts';
import { measureAll } from './measuring.ts';
import { type RuntimeFlags, withRng, withRuntime } from './options.ts';
import { readReport, writeReport } from './report.ts';
import { ownItems, withShards } from './shards.ts';
import { duration, type TerminalFlags, withTerminal } from './terminal.ts';

/** Where reports are written unless said otherwise. */
const OUT = 'reproduction';

const own = () =>
  options()
    .option(
      '--data-dir <folder>',
      'where data sets are looked for first: mnist/, fashion-mnist/, cifar10/ in it',
    )
    .option(
      '--models <folder>',
      'the denoisers and embedders that take part (default: those of the repository)',
    )
    .option(
      '--portraits <model>',
      'a denoiser of 64 x 64 portraits, for fig4 and fig5 (docs/models/anime64.json)',
    )
    .option('--full', "the paper's sizes: a day and more instead of hours")
    .option(
      '--report <folder>',
      'writes the page and plots of a report again, in its folder, from its saved numbers',
    )
    .option('--out <folder>', 'where the report and its pictures are written', OUT);

type Flags = FlagsOf<typeof own> & RuntimeFlags & LabFlags & TerminalFlags & LaneFlags;

export function addReproduce(program: Command): void {
  const command = withOptions(withTerminal(withRng(withRuntime(program.command('reproduce')))), own())
    .description('regenerate figures, tables and claims of the paper, with intervals, controls and verdicts')
    .argument('[names...]', "experiments such as fig12 or table1, or 'all'; 'list' names them");
  withLanes(withShards(command))
    .addHelpText(
      'after',
      '\nExample: seedbed reproduce fig12 fig13 --data-dir datasets\nAll of it: seedbed reproduce all --data-dir datasets',
    )
    .action((names: string[], flags: Flags) =>
      runReported('reproduce', flags, frame => run(frame, names, flags)),
    );
}

async function run(frame: Frame, names: readonly string[], flags: Flags): Promise<Done | undefined> {
  const { EXPERIMENTS } = await import('../experiments/paper/reproduction.ts');
  if (names.includes('list'))
    return {
      report: { results: EXPERIMENTS.map(({ name, title, needs }) => ({ name, title, needs })) },
      lines: EXPERIMENTS.map(({ name, title }) => `${name.padEnd(14)} ${title}`),
    };
  if (flags.report !== undefined) {
    if (names.length > 0 || flags.out !== OUT)
      throw new SeedbedError(
        'BadArgument',
        '--report takes neither names nor --out: it rewrites what its folder holds. Copy the folder to keep what was there',
      );
    const saved = await readReport(flags.report);
    return {
      report: await writeReport(flags.report, saved),
      lines: [`${saved.results.length} experiments said anew: ${joinPath(flags.report, 'README.md')}`],
    };
  }
  if (names.length === 0)
    throw new SeedbedError('BadArgument', "name experiments such as fig12, or 'all'; 'list' names them");
  const chosen = names.includes('all') ? EXPERIMENTS : names.map(name => experimentOf(name, EXPERIMENTS));
  return runChosen(frame, names, chosen, flags);
}

async function runChosen(
  frame: Frame,
  names: readonly string[],
  chosen: readonly Experiment[],
  flags: Flags,
): Promise<Done | undefined> {
  const { terminal } = frame;
  const sizes: Sizes = flags.full ? SIZES.full : SIZES.default;
  const parts = flags.shard || flags.merged;
  const { rng } = flags;
  const about = { seedbed: await version(), rng, sizes, models: await hashesOfModels(flags) };
  const work = await frame.open(flags, { ...about, ...(parts && { names }) });
  const items = { count: chosen.length, piece: 1 };
  const range = ownItems(terminal, work, items);
  if (work.shard?.done) return undefined;
  const own = chosen.slice(range.from, range.to);
  const all = names.includes('all');
  const measured = () => measureAll(frame, { experiments: own, all, sizes, work, flags });
  const { shard } = work;
  if (shard) {
    await unlessThere(shard, async () => {
      await measured();
      await shard.finish({ ...range, ...items });
    });
    return undefined;
  }
  const found = await measured();
  if (!found) return undefined;
  const { done, omitted, models } = found;
  for (const file of done.flatMap(({ sheets }) => sheets.map(sheet => `${sheet.file}.png`)))
    await writeAtomic(joinPath(flags.out, file), await readBytes(work.path(file)));
  const facts = { command: commandOf(names, flags), sizes: describeSizes(sizes), models };
  const saved = frame.report({ rng, sizes, facts, results: done, omitted });
  const report = await writeReport(flags.out, saved);
  const took = duration(saved.seconds);
  return {
    report,
    lines: [`${done.length} experiments in ${took}: ${joinPath(flags.out, 'README.md')}, report.json`],
  };
}

function experimentOf(name: string, all: readonly Experiment[]): Experiment {
  const found = all.find(experiment => experiment.name === name);
  if (found) return found;
  const known = all.map(experiment => experiment.name).join(', ');
  throw new SeedbedError('BadArgument', `there is no experiment ${name}; there are all, ${known}`);
}

/** The command that makes the report again, without the folders of this machine. */
function commandOf(names: readonly string[], { dataDir, models, portraits, full, rng }: Flags): string {
  return [
    'npx seedbed reproduce',
    ...names,
    ...(dataDir ? ['--data-dir DIR'] : []),
    ...(models ? [`--models ${isAbsolute(models) ? 'MODELS' : models}`] : []),
    ...(rng ? [`--rng ${rng}`] : []),
    ...(portraits ? [`--portraits ${baseName(portraits)}`] : []),
    ...(full ? ['--full'] : []),
  ].join(' ');
}

function describeSizes({ table, clouds, sample, descent }: Sizes): string {
  return `Tables are of ${table} test images, clouds of ${clouds.seeds} seeds of each of ${clouds.pictures} of them, other measurements of ${sample} images or seeds; descent finds ${descent.seeds} seeds of each of ${descent.pictures} in ${descent.iterations} iterations of the recipe \`${descent.recipe}\`.`;
}
