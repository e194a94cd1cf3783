import type { Command } from 'commander';
import { z } from 'zod';
import type { Denoiser, Embedder } from '../diffusion/info.ts';
import { damaged, openUnfinished, type Unfinished, type UnfinishedOptions } from '../embedding/unfinished.ts';
import { SeedbedError } from '../errors.ts';
import { type Experiment, SIZES, type Sizes } from '../experiments/paper/lab.ts';
import { type Picture, VERDICTS } from '../experiments/paper/report/findings.ts';
import type { ModelFacts, Omitted, Reproduced } from '../experiments/paper/report/reproduction-report.ts';
import { baseName, exists, joinPath, readJson, writeAtomic } from '../runtime/files.ts';
import { svgToPng } from '../runtime/svg.ts';
import { version } from './files.ts';
import { type LabFlags, type OpenLab, openLab } from './lab.ts';
import { writeLabelledSheet } from './labelled.ts';
import { openRuntime, type RuntimeFlags, withRng, withRuntime, withUnfinished } from './options.ts';
import { duration, openTerminal, withTerminal } from './terminal.ts';

interface Flags extends RuntimeFlags, LabFlags, UnfinishedOptions {
  full?: boolean;
  json?: boolean;
  quiet?: boolean;
}

export function addReproduce(program: Command): void {
  const command = withTerminal(withRng(withRuntime(program.command('reproduce'))))
    .description('regenerate figures, tables and claims of the paper, with intervals, controls and verdicts')
    .argument('<names...>', "experiments such as fig12 or table1, or 'all'; 'list' names them")
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
    .option('--full', "the paper's sizes: hours instead of minutes")
    .option('--out <folder>', 'where the report and its pictures are written', 'reproduction');
  withUnfinished(command)
    .addHelpText(
      'after',
      '\nExample: seedbed reproduce fig12 fig13 --data-dir datasets\nAll of it: seedbed reproduce all --data-dir datasets',
    )
    .action((names: string[], flags: Flags) => run(names, flags));
}

async function run(names: readonly string[], flags: Flags): Promise<void> {
  const started = performance.now();
  const terminal = openTerminal(flags);
  const { EXPERIMENTS } = await import('../experiments/paper/reproduction.ts');
  if (names.includes('list')) {
    for (const { name, title } of EXPERIMENTS) terminal.line(`${name.padEnd(14)} ${title}`);
    terminal.json({ results: EXPERIMENTS.map(({ name, title, needs }) => ({ name, title, needs })) });
    return;
  }
  const all = names.includes('all');
  const chosen = all ? EXPERIMENTS : names.map(name => experimentOf(name, EXPERIMENTS));
  const sizes: Sizes = flags.full ? SIZES.full : SIZES.default;
  const runtime = await openRuntime(terminal, flags);
  const about = { command: 'reproduce', seedbed: await version(), rng: flags.rng, sizes };
  const unfinished = await openUnfinished(flags, about, terminal.note);
  const progress = terminal.progress('reproduce', 'experiments');
  let at = { index: 0, name: '' };
  const lab = await openLab({ runtime, terminal, unfinished }, flags, sizes, (done, total) =>
    progress.update(at.index, chosen.length, `${at.name}: ${done} of ${total}`),
  );
  const done: Reproduced[] = [];
  const omitted: Omitted[] = [];
  try {
    for (const [index, experiment] of chosen.entries()) {
      at = { index, name: experiment.name };
      progress.update(index, chosen.length, experiment.name);
      const reason = lab.missing(experiment.needs);
      if (reason && !all) throw new SeedbedError('Machine', `${experiment.name}: ${reason}`);
      if (reason) {
        omitted.push({ name: experiment.name, title: experiment.title, reason });
        continue;
      }
      const found = await reproduce(experiment, lab, unfinished, flags.out);
      done.push(found);
      progress.above(() => {
        for (const { verdict, because } of found.claims)
          terminal.line(`${found.name.padEnd(14)} ${verdict.padEnd(7)} ${because}`);
      });
    }
  } finally {
    progress.stop();
  }
  const { reproductionReport } = await import('../experiments/paper/report/reproduction-report.ts');
  const seconds = (performance.now() - started) / 1000;
  const page = reproductionReport(done, omitted, {
    command: [
      'npx seedbed reproduce',
      ...names,
      ...(flags.dataDir ? ['--data-dir DIR'] : []),
      ...(flags.portraits ? [`--portraits ${baseName(flags.portraits)}`] : []),
      ...(flags.full ? ['--full'] : []),
    ].join(' '),
    sizes: describeSizes(sizes),
    models: [...lab.used].map(([name, model]) => factsOf(name, model)),
  });
  const report = {
    seedbed: await version(),
    command: 'reproduce',
    rng: flags.rng,
    seconds,
    sizes,
    models: Object.fromEntries([...lab.used].map(([name, { hash }]) => [name, hash])),
    results: done,
    omitted,
  };
  await writeAtomic(joinPath(flags.out, 'README.md'), `${page}\n`);
  await writeAtomic(joinPath(flags.out, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
  await unfinished.remove();
  for (const { name, reason } of omitted) terminal.note(`${name}: not run: ${reason}`);
  terminal.line(
    `${done.length} experiments in ${duration(seconds)}: ${joinPath(flags.out, 'README.md')}, report.json`,
  );
  terminal.json(report);
}

function experimentOf(name: string, all: readonly Experiment[]): Experiment {
  const found = all.find(experiment => experiment.name === name);
  if (found) return found;
  const known = all.map(experiment => experiment.name).join(', ');
  throw new SeedbedError('BadArgument', `there is no experiment ${name}; there are all, ${known}`);
}

/** Runs an experiment and draws its pictures, or takes from the folder what an earlier run found. */
async function reproduce(
  experiment: Experiment,
  lab: OpenLab,
  unfinished: Unfinished,
  out: string,
): Promise<Reproduced> {
  const path = unfinished.path(`findings-${experiment.name}.json`);
  if (await exists(path)) return readFindings(path, lab);
  const before = new Set(lab.used.keys());
  const begun = performance.now();
  const { claims, tables = [], notes = [], pictures } = await experiment.run(lab);
  for (const picture of pictures) await writePicture(out, picture);
  const { name, title } = experiment;
  const drawn = pictures.map(({ file, caption, kind }) => ({ file, caption, svg: kind === 'plot' }));
  const seconds = (performance.now() - begun) / 1000;
  const found = { name, title, seconds, claims, tables, notes, pictures: drawn };
  const used = [...lab.used]
    .filter(([model]) => !before.has(model))
    .map(([model, { info }]) => [model, info.kind]);
  await writeAtomic(path, JSON.stringify({ ...found, used }));
  return found;
}

const text = z.string();
const keptSchema = z.object({
  name: text,
  title: text,
  seconds: z.number(),
  claims: z.array(
    z.object({
      paper: text,
      ours: text,
      control: text,
      verdict: z.enum(VERDICTS),
      because: text,
      values: z.record(
        text,
        z
          .number()
          .nullable()
          .transform(value => value ?? Number.NaN),
      ),
    }),
  ),
  tables: z.array(z.object({ title: text, columns: z.array(text), rows: z.array(z.array(text)) })),
  notes: z.array(text),
  pictures: z.array(z.object({ file: text, caption: text, svg: z.boolean() })),
  used: z.array(z.tuple([text, z.enum(['denoiser', 'embedder'])])),
});

async function readFindings(path: string, lab: OpenLab): Promise<Reproduced> {
  const parsed = keptSchema.safeParse(await readJson(path));
  if (!parsed.success) throw damaged(path, z.prettifyError(parsed.error));
  const { used, ...found } = parsed.data;
  for (const [name, kind] of used) await lab[kind](name);
  return found;
}

async function writePicture(out: string, picture: Picture): Promise<void> {
  const at = joinPath(out, picture.file);
  if (picture.kind === 'sheet') return writeLabelledSheet(`${at}.png`, picture);
  await writeAtomic(`${at}.svg`, picture.svg);
  await writeAtomic(`${at}.png`, await svgToPng(picture.svg));
}

function describeSizes({ table, cloud, sample, descent }: Sizes): string {
  return `Tables are of ${table} test images, clouds of ${cloud} seeds, other measurements of ${sample} images or seeds; descent finds ${descent.seeds} seeds in ${descent.iterations} iterations of the recipe \`${descent.recipe}\`.`;
}

/** What the report says of a model, from what its file says of itself. */
function factsOf(name: string, { info, hash }: Denoiser | Embedder): ModelFacts {
  const { training = {} } = info;
  const config = training.config as
    | {
        network?: { kind?: string; channels?: number[] };
        learn?: [number, number];
        training?: { batch?: number };
      }
    | undefined;
  const { network, learn, training: settings } = config ?? {};
  const images = Number(training.steps) * (settings?.batch ?? Number.NaN);
  const part = learn ? `, items ${learn[0]} to ${learn[1]}` : '';
  return {
    name,
    network: network ? `${network.kind} [${network.channels}]` : 'third-party',
    data: `${training.data ?? ''}${part}`,
    seen: Number.isFinite(images) ? `${images.toLocaleString('en')} pictures` : '',
    hash,
  };
}
