import { openDataset } from '../../src/data/open.ts';
import { readBytes } from '../../src/runtime/files.ts';
import { decodeImage } from '../../src/runtime/images.ts';
import { mutateBytes } from './bytes.ts';
import * as formats from './formats.ts';
import { type Kind, kind } from './kind.ts';
import * as samples from './samples.ts';

/** Opens a data set and reads its first and last item. */
async function readDataset(path: string): Promise<void> {
  const dataset = await openDataset(path);
  await dataset.read([0, dataset.length - 1]);
}

/** Reads a picture by itself, brought to the size that a model takes. */
async function readPicture(path: string): Promise<void> {
  await decodeImage(await readBytes(path), path, { size: 4, channels: 1 });
}

/** Reads a picture by itself, and as a set of one, as it is. */
async function readPictureAndSet(path: string): Promise<void> {
  await readPicture(path);
  await readDataset(path);
}

const { packed, mutateIdx, mutateTar } = formats;

/** Data sets and pictures. */
export const DATA_KINDS: readonly Kind[] = [
  kind('IDX', 'openDataset', 'spoilt-idx3-ubyte', mutateIdx, samples.idx, readDataset),
  kind('IDX, gzip', 'openDataset', 'spoilt-idx3-ubyte.gz', packed(mutateIdx), samples.idx, readDataset),
  kind('CIFAR-10', 'openDataset', 'spoilt.bin', mutateBytes, samples.cifar, readDataset),
  kind(
    'archive of CIFAR-10',
    'openDataset',
    'spoilt.tar.gz',
    packed(mutateTar),
    samples.cifarArchive,
    readDataset,
    ['data_batch'],
  ),
  kind(
    'archive of pictures',
    'openDataset',
    'spoilt.tgz',
    packed(mutateTar),
    samples.pictureArchive,
    readDataset,
    ['.png'],
  ),
  kind('PNG', 'decodeImage', 'spoilt.png', formats.mutatePng, samples.png, readPictureAndSet),
  kind('JPEG', 'decodeImage', 'spoilt.jpg', formats.mutateJpeg, samples.jpeg, readPictureAndSet),
  kind('WebP', 'decodeImage', 'spoilt.webp', formats.mutateWebp, samples.webp, readPictureAndSet),
  kind('GIF', 'decodeImage', 'spoilt.gif', formats.mutateGif, samples.gif, readPicture),
  kind('TIFF', 'decodeImage', 'spoilt.tiff', formats.mutateTiff, samples.tiff, readPicture),
  kind('AVIF', 'decodeImage', 'spoilt.avif', formats.mutateBoxes, samples.avif, readPicture),
];
