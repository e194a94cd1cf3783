import { z } from 'zod';
import { arrayDataset, onlyPictures } from '../data/arrays.ts';
import { type Dataset, slice } from '../data/dataset.ts';
import { isImageName } from '../data/folder.ts';
import { openDataset } from '../data/open.ts';
import { contactSheet } from '../data/sheet.ts';
import { type Denoiser, givesLatents } from '../diffusion/info.ts';
import { drawing, pictureShape, seedPictures } from '../diffusion/pictures.ts';
import { isSeedbedError, SeedbedError } from '../errors.ts';
import {
  baseName,
  isDirectory,
  joinPath,
  listFiles,
  readBytes,
  sha256Hex,
  writeAtomic,
} from '../runtime/files.ts';
import { decodeImage, encodePng } from '../runtime/images.ts';
import { fileKind } from '../runtime/kind.ts';
import type { Fit } from '../runtime/picture.ts';
import { readNpy } from '../tensor/npy.ts';
import { readNpz } from '../tensor/npz.ts';
import { bytesOf, concatRows, type Floats, float32, rows, type Tensor, unstack } from '../tensor/tensor.ts';
import { packaged } from './files.ts';
import { latentsIn, notLatents } from './latents.ts';

/** Pictures to work on, ready for a model. */
export interface Pictures {
  /** [n, C, H, W], pixels in [0,1]; or latents. */
  readonly images: Floats;
  readonly names: string[];
  /** sha256 of the files, or of the pixels of a data set's items. */
  readonly hashes: string[];
}

/** Pictures per row of a sheet, and rows of pictures at most. */
const ACROSS = 10;
const MOST_BLOCKS = 5;
/** Pictures that a sheet shows at most. */
export const MOST_SHOWN = ACROSS * MOST_BLOCKS;

/**
 * Reads picture files, all pictures of folders, or arrays of pictures (.npy or .npz: [n, C, H, W], in [0,1] as `sample`
 * writes them or bytes), at the size and colour that a model takes; arrays alone for a model of latents.
 * @param note told what was done to a picture that did not fit.
 */
export async function readPictures(
  paths: readonly string[],
  model: Denoiser,
  fit: Fit,
  note: (text: string) => void,
): Promise<Pictures> {
  if (!givesLatents(model)) checkPictureModel(model);
  const [channels, ...size] = pictureShape(model) as [1 | 3, number, number];
  const files: string[] = [];
  for (const path of paths) {
    const found = (await isDirectory(path))
      ? (await listFiles(path)).filter(isImageName).map(name => joinPath(path, name))
      : [path];
    if (found.length === 0)
      throw new SeedbedError(
        'BadArgument',
        'a folder without pictures (PNG, JPEG, WebP, GIF, TIFF or AVIF)',
        { at: path },
      );
    files.push(...found);
  }
  const parts: Floats[] = [];
  const hashes: string[] = [];
  const names: string[] = [];
  const called = new Map<string, number>();
  for (const file of files) called.set(baseName(file), (called.get(baseName(file)) ?? 0) + 1);
  for (const file of files) {
    // By its name alone where no other of another folder has the same.
    const name = called.get(baseName(file)) === 1 ? baseName(file) : file;
    const bytes = await readBytes(file);
    const kind = fileKind(bytes)?.name;
    if (kind === 'npy' || kind === 'zip' || (!kind && file.endsWith('.npy'))) {
      const stored = kind === 'zip' ? onlyPictures(readNpz(bytes, file), file) : readNpy(bytes, file);
      const { array, changes } = givesLatents(model)
        ? { array: latentsIn(stored, model, file), changes: [] }
        : await fromArray(stored, pictureShape(model), file);
      if (changes.length > 0) note(`${name}: ${changes.join(', ')}`);
      for (const [i, picture] of unstack(array).entries()) {
        parts.push(float32([1, ...picture.shape], picture.data));
        names.push(`${name}#${i}`);
        hashes.push(sha256Hex(bytesOf(picture)));
      }
      continue;
    }
    if (givesLatents(model)) throw notLatents(model, file);
    const { pixels, changes } = await decodeImage(bytes, file, { size, fit, channels });
    if (changes.length > 0) note(`${name}: ${changes.join(', ')}`);
    parts.push(float32([1, ...pixels.shape], pixels.data));
    names.push(name);
    hashes.push(sha256Hex(bytes));
  }
  return { images: concatRows(parts), names, hashes };
}

/** Pictures from an array, of the model's size and in [0,1]. */
async function fromArray(stored: Tensor, wanted: readonly number[], file: string) {
  const dataset = arrayDataset(baseName(file), stored, file);
  if (dataset.shape.join() !== wanted.join())
    throw new SeedbedError('BadShape', `expected pictures [n, ${wanted}], got [${stored.shape}]`, {
      at: file,
    });
  const array = await dataset.read(Array.from({ length: dataset.length }, (_, i) => i));
  return { array, changes: dataset.changes ?? [] };
}

/** Pictures that are read as they are needed, ready for a model. */
export interface PictureSource {
  readonly length: number;
  /** By what the pictures are known again: sha256 over all files, or the {@link fingerprint} of a data set. */
  readonly hash: string;
  name(index: number): string;
  /** Pictures `first` to `last`, excluded. */
  read(first: number, last: number): Promise<Pictures>;
  /** Names and hashes of all, for records. */
  images(): Promise<{ name: string; sha256: string }[]>;
}

/** Pictures read at once where only hashes are wanted. */
const HASHED = 256;

/** @throws {SeedbedError} BadArgument where pictures are named beside `--data`. */
export function refuseBoth(data: string | undefined, paths: readonly string[]): void {
  if (data && paths.length > 0)
    throw new SeedbedError(
      'BadArgument',
      `pictures come from --data ${data} or from ${paths.join(' ')}, not from both`,
    );
}

/** Opens items of `--data`, or reads what the paths name; the ten that ship where nothing is named. */
export async function openSource(
  paths: readonly string[],
  model: Denoiser,
  flags: PartFlags & { data?: string | undefined },
): Promise<PictureSource> {
  refuseBoth(flags.data, paths);
  if (flags.data) return itemSource(await openPart(flags.data, model, flags));
  if (flags.from > 0 || flags.to !== undefined)
    throw new SeedbedError('BadArgument', '--from and --to cut a data set: give one by --data');
  const given = paths.length > 0 ? paths : [packaged('examples/fashion-mnist')];
  const all = await readPictures(given, model, flags.fit ?? 'crop', flags.note);
  return {
    length: all.names.length,
    hash: sha256Hex(new TextEncoder().encode(all.hashes.join())),
    name: index => all.names[index]!,
    read: async (first, last) => ({
      images: rows(all.images, first, last),
      names: all.names.slice(first, last),
      hashes: all.hashes.slice(first, last),
    }),
    images: async () => all.names.map((name, i) => ({ name, sha256: all.hashes[i]! })),
  };
}

/**
 * By what a data set is known again: sha256 over its items' names and its pixels, of large ones of {@link HASHED} items from the
 * first to the last, spread evenly.
 */
export async function fingerprint(dataset: Dataset): Promise<string> {
  const { length } = dataset;
  const names = Array.from({ length }, (_, i) => dataset.itemName(i));
  const some = Math.min(length, HASHED);
  const chosen = Array.from({ length: some }, (_, i) =>
    Math.round((i * (length - 1)) / Math.max(1, some - 1)),
  );
  const pixels = sha256Hex(bytesOf(await dataset.read(chosen)));
  return sha256Hex(new TextEncoder().encode(JSON.stringify([pixels, ...names])));
}

/** The items of a data set. */
async function itemSource(dataset: Dataset): Promise<PictureSource> {
  const { length } = dataset;
  async function read(first: number, last: number): Promise<Pictures> {
    const indices = Array.from({ length: last - first }, (_, i) => first + i);
    const images = await dataset.read(indices);
    const hashes = unstack(images).map(image => sha256Hex(bytesOf(image)));
    return { images, names: indices.map(i => dataset.itemName(i)), hashes };
  }
  return {
    length,
    hash: await fingerprint(dataset),
    name: index => dataset.itemName(index),
    read,
    async images() {
      const all: { name: string; sha256: string }[] = [];
      for (let first = 0; first < length; first += HASHED) {
        const { names, hashes } = await read(first, Math.min(first + HASHED, length));
        all.push(...names.map((name, i) => ({ name, sha256: hashes[i]! })));
      }
      return all;
    },
  };
}

/** Items `from` to `to` of a data set. */
export async function readItems(spec: string, model: Denoiser, range: PartFlags): Promise<Pictures> {
  const source = await itemSource(await openPart(spec, model, range));
  return source.read(0, source.length);
}

/** Seeds of one run at most: what is reported of more is no text that JavaScript holds. */
const MOST_SEEDS = 250_000;

/** Which items of a data set are worked on, and how many seeds are sought of each: one unless given. */
interface PartFlags extends OpenFlags {
  readonly from: number;
  readonly to?: number | undefined;
  readonly starts?: number;
}

/** The items of a data set that the flags ask for. @throws {SeedbedError} BadArgument for more than one run reports. */
export async function openPart(
  spec: string,
  model: Denoiser,
  { from, to, starts = 1, ...flags }: PartFlags,
): Promise<Dataset> {
  const dataset = await openFor(spec, model, flags);
  const { length } = dataset;
  if (from >= length)
    throw new SeedbedError(
      'BadArgument',
      `${dataset.name} has ${length} items; --from ${from} lies beyond them`,
    );
  if (to !== undefined && to > length)
    flags.note(`${dataset.name} ends at ${length}: --to ${to} asks for more`);
  const part = slice(dataset, from, Math.min(to ?? length, length));
  if (part.length * starts > MOST_SEEDS)
    throw new SeedbedError(
      'BadArgument',
      `${part.name} makes ${part.length * starts} seeds; one run has ${MOST_SEEDS} at most. Cut it into runs by --from and --to, each with an --out of its own`,
    );
  return part;
}

interface OpenFlags {
  readonly dataDir?: string | undefined;
  readonly fit?: Fit | undefined;
  /** Told what was done to all items. */
  readonly note: (text: string) => void;
}

/** A data set whose pictures have the model's size: a set's own, or a folder of pictures that are made to fit. */
export async function openFor(
  spec: string,
  model: Denoiser,
  { dataDir, fit, note }: OpenFlags,
): Promise<Dataset> {
  checkPictureModel(model);
  const wanted = pictureShape(model);
  const [channels, ...size] = wanted as [1 | 3, number, number];
  let dataset: Dataset | undefined = await openDataset(spec, { dataDir }).catch(error => {
    if (isSeedbedError(error, 'BadArgument') || isSeedbedError(error, 'BadShape')) return undefined;
    throw error;
  });
  if (dataset?.shape.join() !== wanted.join())
    dataset = await openDataset(spec, { dataDir, size, channels, fit });
  noteChanges(dataset, note);
  return dataset;
}

const croppedSchema = z.object({ config: z.object({ image: z.object({ crop: z.boolean() }) }) });

/** How the pictures that a denoiser learned were made to fit: its embedder sees them alike, and it is measured on such. */
export function learnedFit({ info }: Pick<Denoiser, 'info'>): Fit {
  const learned = croppedSchema.safeParse(info.training);
  return learned.success && !learned.data.config.image.crop ? 'squeeze' : 'crop';
}

/** Says what was done to a data set's items. */
export function noteChanges({ name, changes = [] }: Dataset, note: (text: string) => void): void {
  if (changes.length > 0) note(`${name}: ${changes.join(', ')}`);
}

/** Writes rows picture / seed / reconstruction, ten across, at most fifty pictures. */
export async function writeEmbeddingSheet(
  path: string,
  model: Denoiser,
  originals: Floats,
  latent: Floats,
  pictures: Floats,
): Promise<void> {
  const seeds = seedPictures(model, latent);
  const drawn = drawing(model, originals);
  const kinds = [drawn(originals), seeds, drawn(pictures)];
  const blocks = Math.min(MOST_BLOCKS, Math.ceil(seeds.length / ACROSS));
  const sheet = Array.from({ length: blocks }, (_, block) =>
    kinds.map(row => row.slice(block * ACROSS, (block + 1) * ACROSS)),
  ).flat();
  await writeAtomic(path, await encodePng(contactSheet(sheet)));
}

/** Writes pictures in rows of ten, at most fifty. */
export async function writeSheet(path: string, model: Denoiser, pictures: Floats): Promise<void> {
  const all = drawing(model, pictures)(pictures);
  const lines = Array.from({ length: Math.min(MOST_BLOCKS, Math.ceil(all.length / ACROSS)) }, (_, i) =>
    all.slice(i * ACROSS, (i + 1) * ACROSS),
  );
  await writeAtomic(path, await encodePng(contactSheet(lines)));
}

function checkPictureModel(model: Denoiser): void {
  const { name, shape } = model.info;
  const pictures = pictureShape(model);
  if (givesLatents(model) || pictures.length !== 3 || ![1, 3].includes(pictures[0]!)) {
    throw new SeedbedError(
      'BadArgument',
      `model '${name}' works on ${givesLatents(model) ? "an autoencoder's latents " : ''}[${shape}], not on grey or colour pictures`,
    );
  }
}
