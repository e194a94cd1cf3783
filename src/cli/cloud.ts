import { type Command, InvalidArgumentError } from 'commander';
import { z } from 'zod';
import { chooseSampler, type Denoiser } from '../diffusion/info.ts';
import { pictureShape } from '../embedding/checks.ts';
import { checkMethod, inversionFor } from '../embedding/methods.ts';
import { checkSeeds, readSeeds } from '../embedding/seeds.ts';
import { joinSought, seedRow } from '../embedding/seek.ts';
import { SeedbedError } from '../errors.ts';
import { loadModel } from '../index.ts';
import { joinPath, readBytes, readJson } from '../runtime/files.ts';
import type { Fit } from '../runtime/picture.ts';
import { readNpy } from '../tensor/npy.ts';
import { concatRows, rows, toFloat32 } from '../tensor/tensor.ts';
import { openUnfinished, type UnfinishedOptions } from '../work/unfinished.ts';
import { type Cloud, writeCloud } from './cloud-report.ts';
import { embedOptions, type MethodFlags, withMethod } from './embed.ts';
import { packaged } from './files.ts';
import { fitOption, openRuntime, refusePairs, whole, withUnfinished } from './options.ts';
import { type Pictures, readItems, readPictures } from './pictures.ts';
import { seekShown } from './seek.ts';
import { openTerminal } from './terminal.ts';

interface Flags extends MethodFlags, UnfinishedOptions {
  data?: string;
  dataDir?: string;
  from: number;
  count: number;
  shard?: Shard;
  join?: string[];
  fit: Fit;
}

/** Part `part` of `of`, from 1. */
interface Shard {
  readonly part: number;
  readonly of: number;
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
    .option('--shard <i/n>', 'find only the i-th of n parts of them, as on one of n machines', shardOf)
    .option('--join <folders...>', 'put together the parts that lie in these folders')
    .addOption(fitOption())
    .option('--out <folder>', 'where to write', 'cloud');
  withUnfinished(command)
    .addHelpText(
      'after',
      `
Example: seedbed cloud my.png --count 256
Four machines: seedbed cloud my.png --count 2000 --shard 1/4 --out part1 (to 4/4), and then
  seedbed cloud --join part1 part2 part3 part4 --out cloud`,
    )
    .action((path: string | undefined, flags: Flags) => (flags.join ? join(path, flags) : seek(path, flags)));
}

function shardOf(text: string): Shard {
  const [part = 0, of = 0] = (/^(\d+)\/(\d+)$/.exec(text)?.slice(1) ?? []).map(Number);
  if (!(part >= 1 && part <= of))
    throw new InvalidArgumentError('expected a part and how many there are, such as 2/4.');
  return { part, of };
}

/** The starts of a shard: whole batches, so that every seed has the neighbours that it has in the whole cloud. */
export function startsOf({ part, of }: Shard, count: number, batch: number): [from: number, to: number] {
  const batches = Math.ceil(count / batch);
  const [from, to] = [part - 1, part].map(i => Math.min(count, Math.floor((i * batches) / of) * batch));
  if (to! - from! >= 2) return [from!, to!];
  const few = `${count} seeds in batches of ${batch} cannot be shared by ${of} with two seeds or more for each`;
  throw new SeedbedError('BadArgument', `${few}; ask for fewer parts, or give a smaller --batch`);
}

async function seek(path: string | undefined, flags: Flags): Promise<void> {
  const started = performance.now();
  const terminal = openTerminal(flags);
  const { model, options, settings } = await embedOptions(flags);
  const { batch, method, embedder } = options;
  const sampler = chooseSampler(model.info.sampler, options);
  refusePairs('cloud', sampler);
  const inversion = inversionFor(method, options.inversion);
  checkMethod({ method, sampler, inversion, model, embedder, starts: flags.count });
  const picture = await onePicture(path, model, flags, terminal.note);
  const [from, to] = startsOf(flags.shard ?? { part: 1, of: 1 }, flags.count, batch!);
  const runtime = await openRuntime(terminal, flags);
  const about = {
    command: 'cloud',
    ...settings,
    item: flags.from,
    starts: [from, to],
    picture: picture.sha256,
  };
  const unfinished = await openUnfinished(flags, about, terminal.note);
  const pieces = { count: to - from, piece: Math.ceil(PIECE / batch!) * batch! };
  const found = joinSought(
    await seekShown(terminal, { runtime, model, unfinished }, pieces, (first, last) => ({
      images: picture.image,
      options: { ...options, firstStart: from + first, starts: last - first },
    })),
  );
  const { count, rng, out } = flags;
  const cloud: Cloud = { ...found, picture, sampler, rng, count };
  await writeCloud({ terminal, runtime, model, out, started }, cloud);
  await unfinished.remove();
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

const reportSchema = z.object({
  command: z.literal('cloud'),
  of: z.int().gte(2).lte(MOST),
  picture: z.object({ name: z.string(), sha256: z.string() }),
  results: z.array(seedRow),
});

/** A folder that `cloud` wrote. */
async function readPart(folder: string, model: Denoiser): Promise<Cloud> {
  const file = joinPath(folder, 'report.json');
  const parsed = reportSchema.safeParse(await readJson(file));
  if (!parsed.success)
    throw new SeedbedError(
      'BadFile',
      `${file}: not the report of a cloud:\n${z.prettifyError(parsed.error)}\nGive folders that seedbed cloud wrote`,
    );
  const at = joinPath(folder, 'seeds.safetensors');
  const seeds = readSeeds(await readBytes(at), at);
  const { of: count, picture, results } = parsed.data;
  if (!seeds.provenance || seeds.latent.shape[0] !== results.length)
    throw new SeedbedError('BadFile', `${at}: not the ${results.length} seeds that ${file} tells of`);
  checkSeeds(seeds, model, seeds.provenance.sampler, at);
  const from = joinPath(folder, 'picture.npy');
  const image = toFloat32(readNpy(await readBytes(from), from));
  if (image.shape.join() !== [1, ...pictureShape(model)].join())
    throw new SeedbedError('BadFile', `${from}: expected [1,${pictureShape(model)}], got [${image.shape}]`);
  const { evaluations: _, ...method } = seeds.provenance.method;
  const { sampler, rng } = seeds.provenance;
  const latent = seeds.latent;
  return { latent, rows: results, method, picture: { image, ...picture }, sampler, rng, count };
}

/** What parts of one cloud have in common. */
const commonOf = ({ picture, method, sampler, rng }: Cloud) =>
  Object.entries({ picture: picture.sha256, method, sampler, rng });

async function join(path: string | undefined, flags: Flags): Promise<void> {
  const started = performance.now();
  const terminal = openTerminal(flags);
  if (path !== undefined || flags.data || flags.shard)
    throw new SeedbedError('BadArgument', '--join takes folders only: they know picture and method');
  const model = await loadModel(flags.model);
  const folders = flags.join!;
  const parts = await Promise.all(folders.map(folder => readPart(folder, model)));
  const first = parts[0]!;
  parts.forEach((part, i) => {
    const theirs = commonOf(part);
    commonOf(first).forEach(([name, ours], k) => {
      const [a, b] = [JSON.stringify(ours), JSON.stringify(theirs[k]![1])];
      if (a !== b)
        throw new SeedbedError(
          'Mismatch',
          `${folders[0]} and ${folders[i]} are not parts of one cloud: their ${name} is ${a} and ${b}`,
        );
    });
  });
  const count = Math.max(...parts.map(part => part.count));
  const order = placesOf(parts, count);
  const cloud: Cloud = {
    ...first,
    count,
    latent: concatRows(order.map(({ part, row }) => rows(part.latent, row, row + 1))),
    rows: order.map(({ part, row }) => part.rows[row]!),
  };
  const runtime = await openRuntime(terminal, flags);
  await writeCloud({ terminal, runtime, model, out: flags.out, started }, cloud);
}

/** Where the seed of each start is. @throws {SeedbedError} BadArgument when some are missing or there twice. */
function placesOf(parts: readonly Cloud[], count: number): { part: Cloud; row: number }[] {
  const places: ({ part: Cloud; row: number } | undefined)[] = new Array(count).fill(undefined);
  for (const part of parts)
    for (const [row, { start }] of part.rows.entries()) {
      if (start >= count)
        throw new SeedbedError('BadFile', `a report tells of start ${start}, where the cloud has ${count}`);
      if (places[start])
        throw new SeedbedError('BadArgument', `start ${start} is in two of the folders; give each part once`);
      places[start] = { part, row };
    }
  const missing = places.findIndex(place => !place);
  if (missing >= 0) {
    const end = places.findIndex((place, i) => i > missing && place);
    const range = `starts ${missing} to ${(end < 0 ? count : end) - 1} of ${count}`;
    throw new SeedbedError('BadArgument', `${range} are in none of the folders; name that part's too`);
  }
  return places as { part: Cloud; row: number }[];
}
