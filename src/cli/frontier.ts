import type { Command } from 'commander';
import { originOf } from '../diffusion/conditions.ts';
import type { Standing } from '../experiments/race/race.ts';
import { baseName, joinPath, writeAtomic } from '../runtime/files.ts';
import { svgToPng } from '../runtime/svg.ts';
import { type ContestFlags, openContest, runContest, withContest } from './contest.ts';
import { findEmbedder, version } from './files.ts';
import { openRuntime } from './options.ts';
import { secondsOf, withShards } from './shards.ts';
import { duration, openTerminal } from './terminal.ts';

export function addFrontier(program: Command): void {
  const command = withContest(program.command('frontier'))
    .description('draw how faithful pictures are against how likely their seeds, as the dials move')
    .option('--out <folder>', 'where frontier.png, .svg and .json are written', 'frontier');
  withShards(command)
    .addHelpText(
      'after',
      '\nExample: seedbed frontier models/fashion-mnist.onnx --data fashion-mnist:test --to 16 --out frontier',
    )
    .action((file: string, paths: string[], flags: ContestFlags) => run(file, paths, flags));
}

async function run(file: string, paths: readonly string[], flags: ContestFlags): Promise<void> {
  const started = performance.now();
  const terminal = openTerminal(flags);
  const contest = await openContest(file, paths, flags, terminal.note);
  const { model, pictures } = contest;
  const embedder = await findEmbedder(file, flags.embedder);
  const { dials, frontierFigure } = await import('../experiments/race/frontier.ts');
  const all = dials(model, embedder !== undefined);
  const runtime = await openRuntime(terminal, flags);
  const { standings, work } = await runContest(terminal, runtime, contest, embedder, all, flags, {
    command: 'frontier',
    describe,
  });
  if (!standings) return;
  const data = flags.data ? baseName(flags.data) : 'files';
  const svg = frontierFigure(standings, `${model.info.name}, ${pictures.names.length} pictures of ${data}`);
  const at = (name: string) => joinPath(flags.out, name);
  await writeAtomic(at('frontier.svg'), svg);
  await writeAtomic(at('frontier.png'), await svgToPng(svg));
  const seconds = secondsOf(started, work);
  const report = {
    seedbed: await version(),
    command: 'frontier',
    ...originOf(model),
    rng: flags.rng,
    seconds,
    evaluations: standings.reduce((sum, s) => sum + s.evaluations, 0) * pictures.names.length,
    results: standings,
  };
  await writeAtomic(at('frontier.json'), `${JSON.stringify(report, null, 2)}\n`);
  await work.remove();
  terminal.line(
    `${all.length} positions in ${duration(seconds)}: ${at('frontier.png')}, frontier.svg, frontier.json`,
  );
  terminal.json(report);
}

function describe({ family, name, mse, departure, evaluations }: Standing): string {
  return `${`${family}, ${name}`.padEnd(34)} squared error ${mse.mean.toExponential(2)}, departure ${departure.toPrecision(3)}, ${evaluations.toFixed(0)} evaluations`;
}
