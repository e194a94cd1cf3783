import { arrayDataset, onlyPictures } from '../data/arrays.ts';
import { type Dataset, slice } from '../data/dataset.ts';
import { isImageName } from '../data/folder.ts';
import { openDataset } from '../data/open.ts';
import { contactSheet } from '../data/sheet.ts';
import type { Denoiser } from '../diffusion/info.ts';
import { seedPictures } from '../diffusion/pictures.ts';
import { pictureShape } from '../embedding/checks.ts';
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
import { bytesOf, concatRows, type Floats, float32, type Tensor, unstack } from '../tensor/tensor.ts';

/** Pictures to work on, ready for a model. */
export interface Pictures {
  /** [n, C, H, W], pixels in [0,1]. */
  readonly images: Floats;
  readonly names: string[];
  /** sha256 of the files, or of the pixels of a data set's items. */
  readonly hashes: string[];
}

/** Pictures a row of a sheet, and rows of pictures at most. */
const ACROSS = 10;
const MOST_BLOCKS = 5;

/**
 * Reads picture files, all pictures of folders, or arrays of pictures (.npy or .npz: [n, C, H, W], in [0,1] as `sample`
 * writes them or bytes), at the size and colour that a model takes.
 * @param note told what was done to a picture that did not fit.
 */
export async function readPictures(
  paths: readonly string[],
  model: Denoiser,
  fit: Fit,
  note: (text: string) => void,
): Promise<Pictures> {
  checkPictureModel(model);
  const [channels, ...size] = pictureShape(model) as [1 | 3, number, number];
  const files: string[] = [];
  for (const path of paths) {
    const found = (await isDirectory(path))
      ? (await listFiles(path)).filter(isImageName).map(name => joinPath(path, name))
      : [path];
    if (found.length === 0)
      throw new SeedbedError(
        'BadArgument',
        `${path}: a folder without pictures (PNG, JPEG, WebP, GIF, TIFF or AVIF)`,
      );
    files.push(...found);
  }
  const parts: Floats[] = [];
  const hashes: string[] = [];
  const names: string[] = [];
  for (const file of files) {
    const bytes = await readBytes(file);
    const kind = fileKind(bytes)?.name;
    if (kind === 'npy' || kind === 'zip' || (!kind && file.endsWith('.npy'))) {
      const stored = kind === 'zip' ? onlyPictures(readNpz(bytes, file), file) : readNpy(bytes, file);
      const { array, changes } = await fromArray(stored, pictureShape(model), file);
      if (changes.length > 0) note(`${baseName(file)}: ${changes.join(', ')}`);
      for (const [i, picture] of unstack(array).entries()) {
        parts.push(float32([1, ...picture.shape], picture.data));
        names.push(`${baseName(file)}#${i}`);
        hashes.push(sha256Hex(bytesOf(picture)));
      }
      continue;
    }
    const { pixels, changes } = await decodeImage(bytes, file, { size, fit, channels });
    if (changes.length > 0) note(`${baseName(file)}: ${changes.join(', ')}`);
    parts.push(float32([1, ...pixels.shape], pixels.data));
    names.push(baseName(file));
    hashes.push(sha256Hex(bytes));
  }
  return { images: concatRows(parts), names, hashes };
}

/** Pictures from an array, of the model's size and in [0,1]. */
async function fromArray(stored: Tensor, wanted: readonly number[], file: string) {
  const dataset = arrayDataset(baseName(file), stored, file);
  if (dataset.shape.join() !== wanted.join())
    throw new SeedbedError('BadShape', `${file}: expected pictures [n, ${wanted}], got [${stored.shape}]`);
  const array = await dataset.read(Array.from({ length: dataset.length }, (_, i) => i));
  return { array, changes: dataset.changes ?? [] };
}

/** Items `from` to `to` of a data set. */
export async function readItems(
  spec: string,
  model: Denoiser,
  range: OpenFlags & { from: number; to?: number | undefined },
): Promise<Pictures> {
  const dataset = await openFor(spec, model, range);
  const part = slice(dataset, range.from, Math.min(range.to ?? dataset.length, dataset.length));
  const indices = Array.from({ length: part.length }, (_, i) => i);
  const images = await part.read(indices);
  const hashes = unstack(images).map(image => sha256Hex(bytesOf(image)));
  return { images, names: indices.map(i => part.itemName(i)), hashes };
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
  const rows = [unstack(originals), seeds, unstack(pictures)];
  const blocks = Math.min(MOST_BLOCKS, Math.ceil(seeds.length / ACROSS));
  const sheet = Array.from({ length: blocks }, (_, block) =>
    rows.map(row => row.slice(block * ACROSS, (block + 1) * ACROSS)),
  ).flat();
  await writeAtomic(path, await encodePng(contactSheet(sheet)));
}

/** Writes pictures in rows of ten, at most fifty. */
export async function writeSheet(path: string, pictures: Floats): Promise<void> {
  const all = unstack(pictures);
  const rows = Array.from({ length: Math.min(MOST_BLOCKS, Math.ceil(all.length / ACROSS)) }, (_, i) =>
    all.slice(i * ACROSS, (i + 1) * ACROSS),
  );
  await writeAtomic(path, await encodePng(contactSheet(rows)));
}

function checkPictureModel(model: Denoiser): void {
  if (model.info.shape.length !== 3 || ![1, 3].includes(model.info.shape[0]!)) {
    throw new SeedbedError(
      'BadArgument',
      `model '${model.info.name}' works on [${model.info.shape}], not on grey or colour pictures`,
    );
  }
}
