import type { Command } from 'commander';
import type { Standing } from '../experiments/race/race.ts';
import { baseName, joinPath, writeAtomic } from '../runtime/files.ts';
import { svgToPng } from '../runtime/svg.ts';
import { type ContestFlags, contestReport, openContest, runContest, withContest } from './contest.ts';
import { findEmbedder } from './files.ts';
import { type Done, type Frame, runReported } from './frame.ts';
import { withShards } from './shards.ts';
import { duration } from './terminal.ts';

export function addFrontier(program: Command): void {
  const command = withContest(program.command('frontier'))
    .description('draw the trade-off between reconstruction error and how Gaussian the seeds are')
    .option('--out <folder>', 'where frontier.png, .svg and .json are written', 'frontier');
  withShards(command)
    .addHelpText(
      'after',
      '\nExample: seedbed frontier models/fashion-mnist.onnx --data fashion-mnist:test --to 16 --out frontier',
    )
    .action((file: string, paths: string[], flags: ContestFlags) =>
      runReported('frontier', flags, frame => run(frame, file, paths, flags)),
    );
}

async function run(
  frame: Frame,
  file: string,
  paths: readonly string[],
  flags: ContestFlags,
): Promise<Done | undefined> {
  const contest = await openContest(file, paths, flags, frame.terminal.note);
  const { model, pictures } = contest;
  const embedder = await findEmbedder(file, flags.embedder);
  const { dials, frontierFigure } = await import('../experiments/race/frontier.ts');
  const all = dials(model, embedder !== undefined);
  const standings = await runContest(frame, contest, embedder, all, flags, describe);
  if (!standings) return undefined;
  const data = flags.data ? baseName(flags.data) : 'files';
  const svg = frontierFigure(standings, `${model.info.name}, ${pictures.names.length} pictures of ${data}`);
  const at = (name: string) => joinPath(flags.out, name);
  await writeAtomic(at('frontier.svg'), svg);
  await writeAtomic(at('frontier.png'), await svgToPng(svg));
  const report = contestReport(frame, contest, flags, standings);
  return {
    report,
    file: at('frontier.json'),
    lines: [
      `${all.length} positions in ${duration(report.seconds)}: ${at('frontier.png')}, frontier.svg, frontier.json`,
    ],
  };
}

function describe({ family, name, mse, departure, evaluations }: Standing): string {
  return `${`${family}, ${name}`.padEnd(34)} squared error ${mse.mean.toExponential(2)}, departure ${departure.toPrecision(3)}, ${evaluations.toFixed(0)} evaluations`;
}
