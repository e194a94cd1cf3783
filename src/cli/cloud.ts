import type { Command } from 'commander';
import type { Denoiser } from '../diffusion/info.ts';
import { joinSought, rowOf } from '../embedding/seek.ts';
import { SeedbedError } from '../errors.ts';
import { type Cloud, reportCloud } from './cloud-report.ts';
import { packaged } from './files.ts';
import { type FlagsOf, options, withOptions } from './flags.ts';
import { type Done, type Frame, runReported } from './frame.ts';
import { inLanes, type LaneFlags, withLanes } from './lanes.ts';
import { embedOptions, type MethodFlags, withMethod } from './method.ts';
import { dataDirOption, fitOption, whole } from './options.ts';
import { type Pictures, readItems, readPictures } from './pictures.ts';
import { seekShown } from './seek.ts';
import { withShards } from './shards.ts';

const own = () =>
  options()
    .option('--data <name or path>', 'a data set instead of a file, such as fashion-mnist:test')
    .addOption(dataDirOption())
    .option('--from <n>', 'the item of the data set', whole(0), 0)
    .option('--count <n>', 'seeds', whole(2, MOST), 256)
    .addOption(fitOption())
    .option('--out <folder>', 'where to write', 'cloud');

type Flags = FlagsOf<typeof own> & MethodFlags & LaneFlags;

/** Seeds between two writings of what is done, about; and seeds of a cloud, at most. */
const PIECE = 16;
const MOST = 100_000;

export function addCloud(program: Command): void {
  const command = withOptions(withMethod(program.command('cloud')), own())
    .description('find many seeds of one picture, and measure how they lie')
    .argument('[picture]', 'a picture file (default: the ankle boot that ships with Seedbed)');
  withLanes(withShards(command))
    .addHelpText('after', '\nExample: seedbed cloud my.png --count 256')
    .action((path: string | undefined, flags: Flags) =>
      runReported('cloud', flags, frame => run(frame, path, flags)),
    );
}

async function run(frame: Frame, path: string | undefined, flags: Flags): Promise<Done | undefined> {
  const { terminal } = frame;
  const { model, options, sampler, settings } = await embedOptions(flags, {
    starts: flags.count,
    ofOneState: 'cloud',
  });
  const { batch } = options;
  const picture = await onePicture(path, model, flags, terminal.note);
  const runtime = await frame.runtime();
  const { count, rng, out } = flags;
  const work = await frame.open(flags, {
    ...settings,
    item: flags.from,
    fit: flags.fit,
    count,
    picture: picture.sha256,
  });
  const found = await seekShown(
    terminal,
    { runtime, model },
    { count, piece: Math.ceil(PIECE / batch!) * batch! },
    (first, last) => ({ images: picture.image, options, firstStart: first, starts: last - first }),
    (pieces, doPiece) => inLanes(terminal, flags, work, pieces, doPiece),
  );
  if (!found) return undefined;
  const { latent, method, results } = joinSought(found);
  const cloud: Cloud = { latent, method, rows: results.map(rowOf), picture, sampler, rng };
  return reportCloud({ frame, runtime, model, out }, cloud);
}

async function onePicture(
  path: string | undefined,
  model: Denoiser,
  flags: Flags,
  note: (text: string) => void,
): Promise<Cloud['picture']> {
  if (!flags.data && flags.from > 0)
    throw new SeedbedError('BadArgument', '--from is of --data, which was not given');
  if (path !== undefined && flags.data)
    throw new SeedbedError('BadArgument', `a cloud has one picture: give ${path} or --data, not both`);
  const pictures: Pictures = flags.data
    ? await readItems(flags.data, model, { ...flags, to: flags.from + 1, note })
    : await readPictures(
        [path ?? packaged('examples/fashion-mnist/9-ankle-boot.png')],
        model,
        flags.fit,
        note,
      );
  if (pictures.names.length > 1)
    throw new SeedbedError(
      'BadArgument',
      `a cloud has one picture; ${path} holds ${pictures.names.length}. Give one of them`,
    );
  return { image: pictures.images, name: pictures.names[0]!, sha256: pictures.hashes[0]! };
}
