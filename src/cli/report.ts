import { z } from 'zod';
import { SeedbedError } from '../errors.ts';
import type { Omitted, ReportFacts } from '../experiments/paper/page.ts';
import { readNumbers, reported, type Saved, writeNumbers } from '../experiments/paper/saved.ts';
import { joinPath, readJson, writeAtomic } from '../runtime/files.ts';
import { svgToPng } from '../runtime/svg.ts';

/** A reproduction as numbers: what report.json must hold for its page and plots to be written again. */
export interface SavedReport {
  readonly facts: ReportFacts;
  readonly results: readonly Saved[];
  readonly omitted: readonly Omitted[];
}

const text = z.string();
/** A name that cannot lead out of the folder. */
const file = text.regex(/^[\w-]+$/);
export const savedSchema = z.object({
  name: text,
  seconds: z.number(),
  numbers: z.unknown().refine(numbers => numbers !== undefined, 'no numbers'),
  gates: z.record(text, z.object({ passed: z.int(), of: z.int(), fails: z.array(text) }).nullable()),
  sheets: z.array(z.object({ file, caption: text })),
});
const model = z.object({ name: text, network: text, data: text, seen: text, hash: text });
const reportSchema = z.looseObject({
  facts: z.object({ command: text, sizes: text, models: z.array(model) }),
  results: z.array(savedSchema),
  omitted: z.array(z.object({ name: text, title: text, reason: text })),
});

/** The numbers of a report. @throws {SeedbedError} BadFile where it does not hold them, as before they were kept. */
export async function readReport(folder: string): Promise<SavedReport> {
  const path = joinPath(folder, 'report.json');
  const parsed = reportSchema.safeParse(readNumbers(await readJson(path)));
  if (parsed.success) return parsed.data;
  throw new SeedbedError(
    'BadFile',
    `${path} does not hold the numbers of a reproduction: ${z.prettifyError(parsed.error)}. Make it anew with seedbed reproduce`,
  );
}

/** Says what there is to say of saved numbers: writes page, plots and report.json, and gives what the last holds. */
export async function writeReport<Report extends SavedReport>(folder: string, report: Report) {
  const { EXPERIMENTS } = await import('../experiments/paper/reproduction.ts');
  const { reproductionReport } = await import('../experiments/paper/page.ts');
  const results = report.results.map(saved => {
    const experiment = EXPERIMENTS.find(({ name }) => name === saved.name);
    if (!experiment)
      throw new SeedbedError(
        'Mismatch',
        `this version has no experiment ${saved.name}, which ${folder} holds`,
      );
    const { plots, ...found } = reported(experiment, saved);
    return { plots, found, whole: { ...found, ...saved } };
  });
  const page = reproductionReport(
    results.map(({ found }) => found),
    report.omitted,
    report.facts,
  );
  for (const { file: name, svg } of results.flatMap(({ plots }) => plots)) {
    await writeAtomic(joinPath(folder, `${name}.svg`), svg);
    await writeAtomic(joinPath(folder, `${name}.png`), await svgToPng(svg));
  }
  const { facts, omitted, results: _, ...about } = report;
  const written = { ...about, facts, results: results.map(({ whole }) => whole), omitted };
  await writeAtomic(joinPath(folder, 'README.md'), `${page}\n`);
  await writeAtomic(joinPath(folder, 'report.json'), `${writeNumbers(written, 2)}\n`);
  return written;
}
