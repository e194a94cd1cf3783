import { SeedbedError } from '../errors.ts';
import type { Dataset } from './dataset.ts';
import { imagesInMemory } from './dataset.ts';

const PIXELS = 3 * 32 * 32;
const RECORD = 1 + PIXELS;

/**
 * Reads CIFAR-10's binary records: a label, 0 to 9, then the red, the green and the blue plane of 32x32 bytes.
 * @returns labels [N] and pixels [N, 3, 32, 32].
 * @throws {SeedbedError} BadFile when the file does not consist of such records.
 */
export function parseCifar(bytes: Uint8Array, name: string): { labels: Uint8Array; pixels: Uint8Array } {
  const count = bytes.length / RECORD;
  if (count === 0 || !Number.isInteger(count)) {
    const fault = `has ${bytes.length} bytes, which are not whole records of ${RECORD}; fetch it again`;
    throw new SeedbedError('BadFile', `${name} is not a CIFAR-10 binary file, or is cut short: it ${fault}`);
  }
  const labels = new Uint8Array(count);
  const pixels = new Uint8Array(count * PIXELS);
  for (let i = 0; i < count; i++) {
    const label = bytes[i * RECORD]!;
    if (label > 9)
      throw new SeedbedError(
        'BadFile',
        `${name} is not CIFAR-10: record ${i} has label ${label}, not 0 to 9`,
      );
    labels[i] = label;
    pixels.set(bytes.subarray(i * RECORD + 1, (i + 1) * RECORD), i * PIXELS);
  }
  return { labels, pixels };
}

/** The pictures and classes of CIFAR-10 binary files, one file after the other, as a set of shape [3, 32, 32]. */
export function cifarImages(files: readonly { bytes: Uint8Array; file: string }[], name: string): Dataset {
  const parts = files.map(({ bytes, file }) => parseCifar(bytes, file));
  const labels = joined(parts.map(part => part.labels));
  return {
    ...imagesInMemory(name, [3, 32, 32], joined(parts.map(part => part.pixels))),
    labels: async () => labels,
  };
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
