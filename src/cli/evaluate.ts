import type { Command } from 'commander';
import { z } from 'zod';
import { keptResult } from '../embedding/journal-files.ts';
import { methodRow, usedSettings } from '../embedding/methods.ts';
import type { SeedResult } from '../embedding/result.ts';
import { LEAST } from '../experiments/paper/means.ts';
import { joinPath } from '../runtime/files.ts';
import { bootstrapMean, type Interval } from '../tensor/statistics.ts';
import { jsonCodec } from '../work/kept.ts';
import { hashesOf } from './denoiser.ts';
import { type FlagsOf, options, withOptions } from './flags.ts';
import { type Done, type Frame, runReported } from './frame.ts';
import { inLanes, type LaneFlags, withLanes } from './lanes.ts';
import { embedOptions, type MethodFlags, withMethod } from './method.ts';
import { dataDirOption, fitOption, whole } from './options.ts';
import { fingerprint, openPart } from './pictures.ts';
import { seekShown } from './seek.ts';
import { withShards } from './shards.ts';
import { duration, howMany } from './terminal.ts';

const own = () =>
  options()
    .option('--data <name or path>', 'the data set', 'fashion-mnist:test')
    .addOption(dataDirOption())
    .option('--from <n>', 'first item', whole(0), 0)
    .option('--to <n>', 'item before which to stop', whole(1))
    .option('--out <folder>', 'where evaluation.json is written', 'out')
    .addOption(fitOption());

type Flags = FlagsOf<typeof own> & MethodFlags & LaneFlags;

/** Pictures whose results are kept in one file. */
const PIECE = 64;

type NamedResult = Omit<SeedResult, 'losses'> & { name: string };

/** A result as it is kept. */
export const keptPicture: z.ZodType<NamedResult> = keptResult
  .omit({ losses: true })
  .extend({ name: z.string() });

export function addEvaluate(program: Command): void {
  const command = withOptions(withMethod(program.command('evaluate')), own()).description(
    'measure how well pictures of a data set are embedded',
  );
  withLanes(withShards(command))
    .addHelpText('after', '\nExample: seedbed evaluate --data fashion-mnist:test --to 500 --method embedder')
    .action((flags: Flags) => runReported('evaluate', flags, frame => run(frame, flags)));
}

async function run(frame: Frame, flags: Flags): Promise<Done | undefined> {
  const { terminal } = frame;
  const { rng, from, to } = flags;
  const { model, options, sampler, inversion, settings } = await embedOptions(flags);
  const dataset = await openPart(flags.data, model, { ...flags, note: terminal.note });
  const runtime = await frame.runtime();
  const data = await fingerprint(dataset);
  const work = await frame.open(flags, { ...settings, data, from, to, fit: flags.fit });
  const found = await seekShown(
    terminal,
    { runtime, model },
    { count: dataset.length, piece: PIECE },
    async (first, last) => {
      const indices = Array.from({ length: last - first }, (_, i) => first + i);
      const names = indices.map(i => dataset.itemName(i));
      return { images: await dataset.read(indices), options, names };
    },
    ({ count, piece, signal }, doPiece) =>
      inLanes(
        terminal,
        flags,
        work,
        { count, piece, signal, codec: jsonCodec(keptPicture) },
        async (first, last, inside) => {
          const { results } = await doPiece(first, last, inside);
          return results.map(({ losses: _, ...result }) => ({
            ...result,
            image: first + result.image,
            name: dataset.itemName(first + result.image),
          }));
        },
      ),
  );
  if (!found) return undefined;
  const results = found.flat();
  const summary = summaryOf(results, rng);
  const report = frame.report({
    ...hashesOf(model),
    embedder: options.embedder?.hash,
    method: options.method,
    recipe: methodRow(options.method).recipe && options.recipe,
    tolerance: options.tolerance,
    inversion: usedSettings(options.method, inversion),
    throughDecoder: options.throughDecoder,
    sampler,
    data: dataset.name,
    from,
    pictures: results.length,
    rng,
    ...{ ...summary, results },
  });
  const first = `${howMany(results.length, 'pictures')} of ${dataset.name} by ${options.method}, ${duration(report.seconds)}`;
  return {
    report,
    file: joinPath(flags.out, 'evaluation.json'),
    lines: [
      `${first}, ${summary.evaluations / results.length} evaluations per picture`,
      ...inWords(results.length, summary),
    ],
  };
}

/** Means over pictures with 95 % bootstrap intervals, and the evaluations of all of them. */
function summaryOf(results: readonly NamedResult[], rng: number) {
  const mean = (value: (result: NamedResult) => number) => bootstrapMean(results.map(value), rng);
  return {
    evaluations: results.reduce((sum, r) => sum + r.evaluations, 0),
    mse: mean(r => r.mse),
    mseBefore: results[0]?.mseBefore === undefined ? undefined : mean(r => r.mseBefore!),
    latentVariance: mean(r => r.latentVariance),
  };
}

function inWords(count: number, { mse, mseBefore, latentVariance }: ReturnType<typeof summaryOf>): string[] {
  const text = ({ mean, low, high }: Interval) =>
    count < LEAST
      ? `${mean.toFixed(6)} (too few pictures for an interval)`
      : `${mean.toFixed(6)} (95 % interval ${low.toFixed(6)} to ${high.toFixed(6)})`;
  return [
    ...(mseBefore ? [`mean squared error before descent ${text(mseBefore)}`] : []),
    `mean squared error ${mseBefore ? 'after descent ' : ''}${text(mse)}`,
    `seed variance ${latentVariance.mean.toFixed(3)}`,
  ];
}
