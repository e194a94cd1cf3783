import type { Command } from 'commander';
import { dials, frontierFigure } from '../experiments/frontier.ts';
import { compete, standingSchema } from '../experiments/race.ts';
import { baseName, joinPath, writeAtomic } from '../runtime/files.ts';
import { svgToPng } from '../runtime/svg.ts';
import { duration, openConsole } from './console.ts';
import { findEmbedder, version } from './files.ts';
import { openRuntime } from './options.ts';
import { type ContestFlags, openContest, withContest } from './race.ts';
import { inPieces, jsonCodec, openUnfinished, withRemedy } from './unfinished.ts';

export function addFrontier(program: Command): void {
  withContest(program.command('frontier'))
    .description('draw how faithful pictures are against how likely their seeds, as the dials move')
    .option('--out <folder>', 'where frontier.png, .svg and .json are written', 'frontier')
    .addHelpText(
      'after',
      '\nExample: seedbed frontier models/fashion-mnist.onnx --data fashion-mnist:test --to 16 --out frontier',
    )
    .action((file: string, paths: string[], flags: ContestFlags) => run(file, paths, flags));
}

async function run(file: string, paths: readonly string[], flags: ContestFlags): Promise<void> {
  const started = performance.now();
  const console = openConsole(flags);
  const { model, pictures, panel } = await openContest(file, paths, flags, console.note);
  const embedder = await findEmbedder(file, flags.embedder);
  const all = dials(model, embedder !== undefined);
  const runtime = await openRuntime(console, flags);
  const about = { model: model.hash, sampler: model.info.sampler, hashes: pictures.hashes, rng: flags.rng };
  const unfinished = await openUnfinished(flags, { command: 'frontier', ...about, batch: flags.batch });
  const progress = console.progress('turning', 'positions');
  const pieces = { count: all.length, piece: 1, signal: console.signal, codec: jsonCodec(standingSchema) };
  const standings = (
    await inPieces(unfinished, pieces, async first => {
      const contestant = all[first]!;
      const reached = await compete(runtime, model, embedder, pictures.images, contestant, panel, {
        rng: flags.rng,
        batch: Math.min(flags.batch, pictures.names.length),
        signal: console.signal,
        onProgress: share => progress.update(first + share, all.length, contestant.family),
      }).catch(withRemedy);
      const { family, name, mse, departure, evaluations } = reached;
      progress.above(() =>
        console.line(
          `${`${family}, ${name}`.padEnd(34)} squared error ${mse.mean.toExponential(2)}, departure ${departure.toPrecision(3)}, ${evaluations.toFixed(0)} evaluations`,
        ),
      );
      return [reached];
    }).finally(() => progress.stop())
  ).flat();
  const data = flags.data ? baseName(flags.data) : 'files';
  const svg = frontierFigure(standings, `${model.info.name}, ${pictures.names.length} pictures of ${data}`);
  const at = (name: string) => joinPath(flags.out, name);
  await writeAtomic(at('frontier.svg'), svg);
  await writeAtomic(at('frontier.png'), await svgToPng(svg));
  const seconds = (performance.now() - started) / 1000;
  const report = {
    seedbed: await version(),
    command: 'frontier',
    model: model.hash,
    rng: flags.rng,
    seconds,
    evaluations: standings.reduce((sum, s) => sum + s.evaluations, 0) * pictures.names.length,
    results: standings,
  };
  await writeAtomic(at('frontier.json'), `${JSON.stringify(report, null, 2)}\n`);
  await unfinished.remove();
  console.line(
    `${all.length} positions in ${duration(seconds)}: ${at('frontier.png')}, frontier.svg, frontier.json`,
  );
  console.json(report);
}
