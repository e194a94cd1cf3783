import type { Command } from 'commander';
import { z } from 'zod';
import { originOf } from '../diffusion/conditions.ts';
import { keptResult } from '../embedding/journal-files.ts';
import type { SeedResult } from '../embedding/result.ts';
import { pieceSeeker } from '../embedding/seek.ts';
import { joinPath, sha256Hex, writeAtomic } from '../runtime/files.ts';
import type { Fit } from '../runtime/picture.ts';
import { bootstrapMean } from '../tensor/statistics.ts';
import { bytesOf } from '../tensor/tensor.ts';
import { jsonCodec } from '../work/kept.ts';
import { version } from './files.ts';
import { inLanes, type LaneFlags, withLanes } from './lanes.ts';
import { embedOptions, type MethodFlags, withMethod } from './method.ts';
import { fitOption, openRuntime, whole } from './options.ts';
import { openPart } from './pictures.ts';
import { openWork, secondsOf, withShards } from './shards.ts';
import { duration, openTerminal } from './terminal.ts';

interface Flags extends MethodFlags, LaneFlags {
  data: string;
  dataDir?: string;
  from: number;
  to?: number;
  fit: Fit;
}

/** Pictures whose results are kept in one file. */
const PIECE = 64;

type NamedResult = Omit<SeedResult, 'losses'> & { name: string };

/** A result as it is kept. */
export const keptPicture: z.ZodType<NamedResult> = keptResult
  .omit({ losses: true })
  .extend({ name: z.string() });

export function addEvaluate(program: Command): void {
  const command = withMethod(program.command('evaluate'))
    .description('measure how well pictures of a data set are embedded')
    .option('--data <name or path>', 'the data set', 'fashion-mnist:test')
    .option('--data-dir <folder>', 'where data sets are looked for first')
    .option('--from <n>', 'first item', whole(0), 0)
    .option('--to <n>', 'item before which to stop', whole(1))
    .option('--out <folder>', 'where evaluation.json is written', 'out')
    .addOption(fitOption());
  withLanes(withShards(command))
    .addHelpText('after', '\nExample: seedbed evaluate --data fashion-mnist:test --to 500 --method embedder')
    .action((flags: Flags) => run(flags));
}

async function run(flags: Flags): Promise<void> {
  const started = performance.now();
  const terminal = openTerminal(flags);
  const { model, options, settings } = await embedOptions(flags);
  const dataset = await openPart(flags.data, model, { ...flags, note: terminal.note });
  const runtime = await openRuntime(terminal, flags);
  const ends = await dataset.read([0, dataset.length - 1]);
  const about = {
    command: 'evaluate',
    ...settings,
    data: sha256Hex(bytesOf(ends)),
    from: flags.from,
    to: flags.to,
  };
  const work = await openWork(flags, about, terminal);
  const progress = terminal.progress('embedding', 'pictures');
  const pieces = {
    count: dataset.length,
    piece: PIECE,
    signal: terminal.signal,
    codec: jsonCodec(keptPicture),
  };
  const onProgress = (first: number, last: number, share: number) =>
    progress.update(first + Math.floor(share * (last - first)), dataset.length);
  const { signal } = terminal;
  const seeker = pieceSeeker(
    { runtime, model, most: Math.min(PIECE, dataset.length), signal, onProgress },
    async (first, last) => {
      const indices = Array.from({ length: last - first }, (_, i) => first + i);
      const names = indices.map(i => dataset.itemName(i));
      return { images: await dataset.read(indices), options, names };
    },
  );
  const found = await inLanes(terminal, flags, work, pieces, async (first, last, inside) => {
    const { results } = await seeker.doPiece(first, last, inside);
    return results.map(({ losses: _, ...result }) => ({
      ...result,
      name: dataset.itemName(first + result.image),
    }));
  }).finally(async () => {
    progress.stop();
    await seeker.close();
  });
  if (!found) return;
  const results = found.flat();

  const seconds = secondsOf(started, work);
  const after = bootstrapMean(
    results.map(r => r.mse),
    flags.rng,
  );
  const before =
    results[0]?.mseBefore === undefined
      ? undefined
      : bootstrapMean(
          results.map(r => r.mseBefore!),
          flags.rng,
        );
  const variance = bootstrapMean(
    results.map(r => r.latentVariance),
    flags.rng,
  );
  const evaluations = results.reduce((sum, r) => sum + r.evaluations, 0);
  const summary = {
    seedbed: await version(),
    command: 'evaluate',
    ...originOf(model),
    embedder: options.embedder?.hash,
    method: options.method,
    recipe: options.method === 'embedder' ? undefined : options.recipe,
    data: dataset.name,
    from: flags.from,
    pictures: results.length,
    rng: flags.rng,
    seconds,
    evaluations,
    mse: after,
    mseBefore: before,
    latentVariance: variance,
    results,
  };
  const text = (i: { mean: number; low: number; high: number }) =>
    `${i.mean.toFixed(6)} (95 % interval ${i.low.toFixed(6)} to ${i.high.toFixed(6)})`;
  terminal.line(
    `${results.length} pictures of ${dataset.name} by ${options.method}, ${duration(seconds)}, ${evaluations / results.length} evaluations a picture`,
  );
  if (before) terminal.line(`mean squared error before descent ${text(before)}`);
  terminal.line(`mean squared error ${before ? 'after descent' : ''} ${text(after)}`.replace('  ', ' '));
  terminal.line(`seed variance ${variance.mean.toFixed(3)}`);
  await writeAtomic(joinPath(flags.out, 'evaluation.json'), `${JSON.stringify(summary, null, 2)}\n`);
  await work.remove();
  terminal.json(summary);
}
