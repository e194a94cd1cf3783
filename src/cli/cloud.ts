import type { Command } from 'commander';
import { chooseSampler, type Denoiser } from '../diffusion/info.ts';
import { checkMethod, inversionFor } from '../embedding/methods.ts';
import { joinSought, rowOf } from '../embedding/seek.ts';
import { SeedbedError } from '../errors.ts';
import type { Fit } from '../runtime/picture.ts';
import { type Cloud, writeCloud } from './cloud-report.ts';
import { packaged } from './files.ts';
import { inLanes, type LaneFlags, withLanes } from './lanes.ts';
import { embedOptions, type MethodFlags, withMethod } from './method.ts';
import { fitOption, openRuntime, refusePairs, whole } from './options.ts';
import { type Pictures, readItems, readPictures } from './pictures.ts';
import { seekShown } from './seek.ts';
import { openWork, secondsOf, withShards } from './shards.ts';
import { openTerminal } from './terminal.ts';

interface Flags extends MethodFlags, LaneFlags {
  data?: string;
  dataDir?: string;
  from: number;
  count: number;
  fit: Fit;
}

/** Seeds between two writings of what is done, about; and seeds of a cloud, at most. */
const PIECE = 16;
const MOST = 100_000;

export function addCloud(program: Command): void {
  const command = withMethod(program.command('cloud'))
    .description('find many seeds of one picture, and measure how they lie')
    .argument('[picture]', 'a picture file (default: the ankle boot that ships with Seedbed)')
    .option('--data <name or path>', 'a data set instead of a file, such as fashion-mnist:test')
    .option('--data-dir <folder>', 'where data sets are looked for first')
    .option('--from <n>', 'the item of the data set', whole(0), 0)
    .option('--count <n>', 'seeds', whole(2, MOST), 256)
    .addOption(fitOption())
    .option('--out <folder>', 'where to write', 'cloud');
  withLanes(withShards(command))
    .addHelpText('after', '\nExample: seedbed cloud my.png --count 256')
    .action((path: string | undefined, flags: Flags) => run(path, flags));
}

async function run(path: string | undefined, flags: Flags): Promise<void> {
  const started = performance.now();
  const terminal = openTerminal(flags);
  const { model, options, settings } = await embedOptions(flags);
  const { batch, method: name, embedder } = options;
  const sampler = chooseSampler(model.info.sampler, options);
  refusePairs('cloud', sampler);
  const inversion = inversionFor(name, options.inversion);
  checkMethod({ method: name, sampler, inversion, model, embedder, starts: flags.count });
  const picture = await onePicture(path, model, flags, terminal.note);
  const runtime = await openRuntime(terminal, flags);
  const { count, rng, out } = flags;
  const about = { command: 'cloud', ...settings, item: flags.from, count, picture: picture.sha256 };
  const work = await openWork(flags, about, terminal);
  const found = await seekShown(
    terminal,
    { runtime, model },
    { count, piece: Math.ceil(PIECE / batch!) * batch! },
    (first, last) => ({ images: picture.image, options, firstStart: first, starts: last - first }),
    (pieces, doPiece) => inLanes(terminal, flags, work, pieces, doPiece),
  );
  if (!found) return;
  const { latent, method, results } = joinSought(found);
  const cloud: Cloud = { latent, method, rows: results.map(rowOf), picture, sampler, rng };
  const seconds = () => secondsOf(started, work);
  await writeCloud({ terminal, runtime, model, out, seconds }, cloud);
  await work.remove();
}

async function onePicture(
  path: string | undefined,
  model: Denoiser,
  flags: Flags,
  note: (text: string) => void,
): Promise<Cloud['picture']> {
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
