import { Command } from 'commander';
import { originOf } from '../diffusion/conditions.ts';
import { givesLatents } from '../diffusion/info.ts';
import type { SeedResult } from '../embedding/result.ts';
import { joinSought, type Sought } from '../embedding/seek.ts';
import { SeedbedError } from '../errors.ts';
import { joinPath } from '../runtime/files.ts';
import { rows, takeRows } from '../tensor/tensor.ts';
import { type FlagsOf, options, withOptions } from './flags.ts';
import { type Done, type Frame, runReported } from './frame.ts';
import { inLanes, type LaneFlags, withLanes } from './lanes.ts';
import { DRAWN, ofWhat } from './latents.ts';
import { embedOptions, type MethodFlags, withMethod } from './method.ts';
import { dataDirOption, fitOption, whole } from './options.ts';
import { MOST_SHOWN, openSource, writeEmbeddingSheet } from './pictures.ts';
import { writeSeedFiles } from './seed-files.ts';
import { seekShown } from './seek.ts';
import { withShards } from './shards.ts';
import { duration, howMany } from './terminal.ts';

const own = () =>
  options()
    .option('--data <name or path>', 'a data set instead of files, such as fashion-mnist:test')
    .addOption(dataDirOption())
    .option('--from <n>', 'first item of the data set', whole(0), 0)
    .option('--to <n>', 'item before which to stop', whole(1))
    .option('--starts <n>', 'seeds for each picture (methods that begin from noise)', whole(1, 10_000), 1)
    .addOption(fitOption())
    .option('--out <folder>', 'where to write', 'out');

type EmbedFlags = FlagsOf<typeof own> & MethodFlags & LaneFlags;

export function addEmbed(program: Command): void {
  const command = withOptions(withMethod(program.command('embed')), own())
    .description('find the seeds of pictures')
    .argument(
      '[pictures...]',
      'picture files, folders of them, or arrays (.npy, .npz) (default: the ten that ship with Seedbed)',
    );
  withLanes(withShards(command))
    .addHelpText('after', '\nExample: seedbed embed my.png --tau 0.3 --out my')
    .action((paths: string[], flags: EmbedFlags) =>
      runReported('embed', flags, frame => run(frame, paths, flags)),
    );
}

/** Refuses the options that `embed` would refuse whatever the picture. @throws {SeedbedError} as `embed` does, or CommanderError. */
export async function checkEmbedOptions(words: readonly string[]): Promise<void> {
  const program = new Command().exitOverride();
  addEmbed(program);
  let given: { paths: string[]; flags: EmbedFlags } | undefined;
  program.commands[0]!.action((paths: string[], flags: EmbedFlags) => {
    given = { paths, flags };
  });
  await program.parseAsync(['embed', ...words], { from: 'user' });
  // Without an action there was a word such as --help.
  if (!given) return;
  const { paths, flags } = given;
  if (paths.length > 0)
    throw new SeedbedError('BadArgument', `${paths[0]}: pictures are sent to the service, not named`);
  await embedOptions(flags, { starts: flags.starts });
}

/** Seeds whose findings a shard keeps in one file, about. */
const PIECE = 64;

/**
 * Pictures that are done and kept at once: those of a batch, told as they are found; of shards, which many machines write into
 * one folder, several batches, as long as that leaves all batches what they are.
 */
function pieceOf(batch: number, starts: number, shards: boolean): number {
  const pictures = Math.max(1, Math.floor(batch / starts));
  return shards && batch % starts === 0 ? pictures * Math.ceil(PIECE / batch) : pictures;
}

async function run(frame: Frame, paths: readonly string[], flags: EmbedFlags): Promise<Done | undefined> {
  const { terminal } = frame;
  const { starts, from, to, rng, out } = flags;
  const { model, options, sampler, settings } = await embedOptions(flags, { starts });
  const source = await openSource(paths, model, { ...flags, note: terminal.note });
  const work = await frame.open(flags, {
    ...settings,
    starts,
    from,
    to,
    fit: flags.fit,
    pictures: source.hash,
  });
  const piece = pieceOf(options.batch!, starts, Boolean(flags.shard || flags.merged));
  const own = { ...options, starts };
  const say = ({ results }: Sought, first: number) => {
    for (const result of results)
      terminal.line(describe(result, source.name(first + result.image), starts, ofWhat(model)));
  };
  const found = await seekShown(
    terminal,
    { runtime: await frame.runtime(), model },
    { count: source.length, piece, starts, say },
    async (first, last) => {
      const { images, names } = await source.read(first, last);
      return { images, names, options: own, starts };
    },
    (pieces, doPiece) => inLanes(terminal, flags, work, pieces, doPiece),
  );
  if (!found) return undefined;
  const sought = joinSought(found);
  const results = found.flatMap((part, i) =>
    part.results.map(result => ({ ...result, image: result.image + i * piece })),
  );
  const evaluations = results.reduce((sum, r) => sum + r.evaluations, 0);
  const at = (name: string) => joinPath(out, name);
  await writeSeedFiles(out, model, sought, {
    sampler,
    method: { ...sought.method, evaluations: evaluations / results.length },
    images: await source.images(),
    rng,
  });
  const shown = results.slice(0, MOST_SHOWN).map(({ image }) => image);
  const { images } = await source.read(0, shown.at(-1)! + 1);
  await writeEmbeddingSheet(
    at('embedding.png'),
    model,
    takeRows(images, shown),
    rows(sought.latent, 0, shown.length),
    rows(sought.pictures, 0, shown.length),
  );
  if (givesLatents(model)) terminal.note(DRAWN);
  const report = frame.report({
    ...originOf(model),
    errorsOf: givesLatents(model) ? 'latents' : 'pixels',
    rng,
    evaluations,
    results: results.map(({ image, ...rest }) => ({ image: source.name(image), ...rest })),
  });
  const took = duration(report.seconds);
  return {
    report,
    file: at('report.json'),
    lines: [
      `${howMany(results.length, 'seeds')} in ${took}: ${at('embedding.png')}, seeds.safetensors, seeds.npy, report.json`,
    ],
  };
}

function describe(result: SeedResult, name: string, starts: number, of: string): string {
  const which = starts > 1 ? `${name} #${result.start}` : name;
  const mse = result.mse.toFixed(6);
  const error = result.mseBefore === undefined ? mse : `${result.mseBefore.toFixed(6)} before, ${mse} after`;
  const { flags = [], notes = [] } = result.certificate ?? {};
  const remarks = [...flags.map(flag => `flagged: ${flag}`), ...notes.map(note => `note: ${note}`)];
  const { latents } = result;
  const alone = latents
    ? ` (${latents.floor.toFixed(6)} by the autoencoder alone; of latents ${latents.mse.toFixed(6)}, PSNR ${latents.psnr.toFixed(1)} dB)`
    : '';
  return `${which.padEnd(24)} squared error${of} ${error}, PSNR ${result.psnr.toFixed(1)} dB${alone}, seed variance ${result.latentVariance.toFixed(2)}${remarks.map(remark => `\n  ${remark}`).join('')}`;
}
