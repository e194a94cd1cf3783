import { isAbsolute } from 'node:path';
import type { Command } from 'commander';
import { z } from 'zod';
import { type Denoiser, type Embedder, picturesSeen } from '../diffusion/info.ts';
import { isSeedbedError, messageOf, SeedbedError } from '../errors.ts';
import { faultOf, type Gates, type ModelGate } from '../experiments/paper/claims.ts';
import { type Experiment, SIZES, type Sizes, SUBJECTS } from '../experiments/paper/lab.ts';
import { kindOf } from '../experiments/paper/measure/siblings.ts';
import type { ModelFacts, Omitted } from '../experiments/paper/page.ts';
import { readNumbers, reported, type Saved, writeNumbers } from '../experiments/paper/saved.ts';
import { recordedGate } from '../quality/gate.ts';
import { baseName, exists, joinPath, readBytes, readJson, readText, writeAtomic } from '../runtime/files.ts';
import { damaged, keptAs } from '../work/kept.ts';
import { unlessThere, type Work } from '../work/shards.ts';
import { version } from './files.ts';
import { type FlagsOf, options, withOptions } from './flags.ts';
import { type Done, type Frame, runReported } from './frame.ts';
import { hashesOfModels, type LabFlags, type OpenLab, openLab } from './lab.ts';
import { writeLabelledSheet } from './labelled.ts';
import { type RuntimeFlags, withRng, withRuntime } from './options.ts';
import { readReport, savedSchema, writeReport } from './report.ts';
import { ownItems, type ShardFlags, withShards } from './shards.ts';
import { duration, type TerminalFlags, withTerminal } from './terminal.ts';

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
    .option('--report <folder>', 'writes the page and plots of a report again from its saved numbers')
    .option('--out <folder>', 'where the report and its pictures are written', 'reproduction');

type Flags = FlagsOf<typeof own> & RuntimeFlags & LabFlags & TerminalFlags & ShardFlags;

export function addReproduce(program: Command): void {
  const command = withOptions(withTerminal(withRng(withRuntime(program.command('reproduce')))), own())
    .description('regenerate figures, tables and claims of the paper, with intervals, controls and verdicts')
    .argument('[names...]', "experiments such as fig12 or table1, or 'all'; 'list' names them");
  withShards(command)
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
    if (names.length > 0)
      throw new SeedbedError('BadArgument', '--report takes no names: it rewrites what its folder holds');
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
  const measured = () => measureAll(frame, own, all, work, flags, sizes);
  const { shard } = work;
  if (shard) {
    await unlessThere(shard, async () => {
      await measured();
      await shard.finish({ ...range, ...items });
    });
    return undefined;
  }
  const { done, omitted, models } = await measured();
  for (const file of done.flatMap(({ sheets }) => sheets.map(sheet => `${sheet.file}.png`)))
    await writeAtomic(joinPath(flags.out, file), await readBytes(work.path(file)));
  const facts = { command: commandOf(names, flags), sizes: describeSizes(sizes), models };
  const found = frame.report({ rng, sizes, facts, results: done, omitted });
  const report = await writeReport(flags.out, found);
  const took = duration(found.seconds);
  return {
    report,
    lines: [`${done.length} experiments in ${took}: ${joinPath(flags.out, 'README.md')}, report.json`],
  };
}

/** Measures experiments one after the other, those that lack something left out where `all` are asked for. */
async function measureAll(
  { terminal, runtime: open }: Frame,
  experiments: readonly Experiment[],
  all: boolean,
  work: Work,
  flags: Flags,
  sizes: Sizes,
): Promise<{ done: Saved[]; omitted: Omitted[]; models: ModelFacts[] }> {
  const runtime = await open();
  const progress = terminal.progress('reproduce', 'experiments');
  let at = { index: 0, of: experiments.length, name: '' };
  const onProgress = (done: number, total: number) =>
    progress.update(at.index, at.of, `${at.name}: ${done} of ${total}`);
  const lab = await openLab({ runtime, terminal, unfinished: work, progress: onProgress }, flags, sizes);
  const done: Saved[] = [];
  const omitted: Omitted[] = [];
  const omit = ({ name, title }: Experiment, reason: string) => {
    omitted.push({ name, title, reason });
    progress.above(() => terminal.note(`${name}: not run: ${reason}`));
  };
  try {
    // What stands in the way is told before the hours begin.
    const runs: Experiment[] = [];
    for (const experiment of experiments) {
      const reason = await omittedFor(experiment, lab, work);
      if (reason && !all) throw new SeedbedError('Machine', `${experiment.name}: ${reason}`);
      if (reason) omit(experiment, reason);
      else runs.push(experiment);
    }
    for (const fault of await gateFaults(runs, lab))
      terminal.note(`${fault}: what is claimed of it will stay open`);
    for (const [index, experiment] of runs.entries()) {
      const { name } = experiment;
      at = { index, of: runs.length, name };
      progress.update(index, runs.length, name);
      const found = await measuredAndSaid(experiment, lab, work).catch(error => {
        // What fits nothing, diverges, or cannot be said is told with the others where all are asked for.
        const goesOn = isSeedbedError(error, 'Mismatch') || isSeedbedError(error, 'Diverged');
        if (!all || !goesOn) throw error;
        omit(experiment, error.message);
      });
      if (!found) continue;
      done.push(found.saved);
      const { claims } = found.said;
      progress.above(() => {
        for (const { verdict, because } of claims)
          terminal.line(`${name.padEnd(14)} ${verdict.padEnd(7)} ${because}`);
      });
    }
  } finally {
    progress.stop();
  }
  return { done, omitted, models: [...lab.used].map(([name, model]) => factsOf(name, model)) };
}

/** Why an experiment is not run, on this machine or on that which did its shard; empty where it is. */
async function omittedFor({ name, needs }: Experiment, lab: OpenLab, work: Work): Promise<string> {
  const path = work.path(`omitted-${name}.txt`);
  if (await exists(path)) return readText(path);
  if (await exists(work.path(`numbers-${name}.json`))) return '';
  const reason = await lab.missing(needs);
  if (reason && work.shard) await writeAtomic(path, reason);
  return reason;
}

function experimentOf(name: string, all: readonly Experiment[]): Experiment {
  const found = all.find(experiment => experiment.name === name);
  if (found) return found;
  const known = all.map(experiment => experiment.name).join(', ');
  throw new SeedbedError('BadArgument', `there is no experiment ${name}; there are all, ${known}`);
}

/** Measures an experiment, and what is said of its numbers. */
async function measuredAndSaid(experiment: Experiment, lab: OpenLab, work: Work) {
  const saved = await reproduce(experiment, lab, work);
  return { saved, said: reported(experiment, saved) };
}

/** Measures an experiment and draws its sheets, or takes from the folder what an earlier run or a shard measured. */
async function reproduce(experiment: Experiment, lab: OpenLab, work: Work): Promise<Saved> {
  const path = work.path(`numbers-${experiment.name}.json`);
  if (await exists(path)) return readKept(path, experiment, lab);
  const before = new Set(lab.used.keys());
  const begun = performance.now();
  const watched = watching(lab);
  const { numbers, sheets = [] } = await experiment.measure(watched.lab);
  for (const sheet of sheets) await writeLabelledSheet(work.path(`${sheet.file}.png`), sheet);
  const seconds = (performance.now() - begun) / 1000;
  const drawn = sheets.map(({ file, caption }) => ({ file, caption }));
  const used = [...lab.used]
    .filter(([model]) => !before.has(model))
    .map(([model, { info }]) => [model, info.kind]);
  const saved = {
    name: experiment.name,
    seconds,
    numbers,
    gates: gatesOf(lab, watched.asked),
    sheets: drawn,
  };
  await writeAtomic(path, writeNumbers({ ...saved, used }));
  return saved;
}

/** A laboratory that notes which denoisers are asked for. */
function watching(lab: OpenLab): { lab: OpenLab; asked: ReadonlySet<string> } {
  const asked = new Set<string>();
  const note = (name: string) => void asked.add(name);
  return {
    asked,
    lab: {
      ...lab,
      denoiser(name) {
        note(name);
        return lab.denoiser(name);
      },
      cloud(subject, index, method) {
        note(SUBJECTS[subject].model);
        return lab.cloud(subject, index, method);
      },
    },
  };
}

/** What gates say of denoisers of pictures. */
function gatesOf({ used }: OpenLab, names: ReadonlySet<string>): Gates {
  const gates = [...names].flatMap((name): [string, ModelGate | null][] => {
    const info = used.get(name)?.info;
    return info?.shape.length === 3 ? [[name, gateOf(info)]] : [];
  });
  return Object.fromEntries(gates);
}

function gateOf({ training }: Pick<Denoiser['info'], 'training'>): ModelGate | null {
  const conditions = recordedGate(training);
  if (!conditions) return null;
  const fails = conditions.filter(({ passed }) => !passed).map(({ text }) => text);
  return { passed: conditions.length - fails.length, of: conditions.length, fails };
}

/** What is wrong with the gates of the denoisers that experiments cannot do without, and of those of their data sets. */
async function gateFaults(experiments: readonly Experiment[], lab: OpenLab): Promise<string[]> {
  const needs = experiments.flatMap(experiment => experiment.needs);
  const subjects = needs.length > 0 ? Object.values(SUBJECTS).map(({ model }) => model) : [];
  const names = new Set([...needs, ...subjects].filter(name => !name.startsWith('data:') && lab.has(name)));
  const faults: string[] = [];
  for (const name of names)
    if (kindOf(name) === 'denoiser') faults.push(faultOf(name, gateOf(await lab.inspect(name))) ?? '');
  return faults.filter(Boolean);
}

const keptSchema = savedSchema.extend({
  used: z.array(z.tuple([z.string(), z.enum(['denoiser', 'embedder'])])),
});

async function readKept(path: string, experiment: Experiment, lab: OpenLab): Promise<Saved> {
  const { used, ...saved } = keptAs(keptSchema, readNumbers(await readJson(path)), path);
  if (saved.name !== experiment.name) throw damaged(path, `it is of an experiment '${saved.name}'`);
  try {
    reported(experiment, saved);
  } catch (cause) {
    throw damaged(path, messageOf(cause));
  }
  for (const [name, kind] of used) await lab[kind](name);
  return saved;
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

/** What the report says of a model, from what its file says of itself. */
function factsOf(name: string, { info, hash }: Denoiser | Embedder): ModelFacts {
  const { training = {} } = info;
  const config = training.config as
    | {
        network?: { kind?: string; channels?: number[] };
        learn?: [number, number];
        heldOut?: number;
      }
    | undefined;
  const { network, learn, heldOut } = config ?? {};
  const images = picturesSeen(info);
  const rest = heldOut ? `, all but the last ${heldOut.toLocaleString('en')}` : '';
  const part = learn ? `, items ${learn[0]} to ${learn[1]}` : rest;
  return {
    name,
    network: network ? `${network.kind} [${network.channels}]` : 'third-party',
    data: `${training.data ?? ''}${part}`,
    seen: images === undefined ? '' : `${images.toLocaleString('en')} pictures`,
    hash,
  };
}
