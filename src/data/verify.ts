import { messageOf } from '../errors.ts';
import { exists, gunzip, joinPath, listFiles, md5OfFile, readBytes, sha256Hex } from '../runtime/files.ts';
import type { CatalogueFile } from './catalogue.ts';
import { entryOf } from './catalogue.ts';
import { parseCifar } from './cifar.ts';

/** What was found of one file. */
export interface Verification {
  readonly file: string;
  readonly ok: boolean;
  readonly message: string;
}

/**
 * Compares the files of a named data set in `folder` with what was published; what they hold decides, not how
 * it is packed.
 * @throws {SeedbedError} BadArgument when there is no set of that name.
 */
export async function verifyDataset(name: string, folder: string): Promise<Verification[]> {
  const { files } = entryOf(name);
  if (files.length === 0)
    return [{ file: name, ok: true, message: 'is computed; there is nothing to verify' }];
  if (name === 'cifar10' && !(await exists(joinPath(folder, files[0]!.name)))) return verifyRecords(folder);
  return Promise.all(files.map(file => verifyFile(file, folder)));
}

async function verifyFile(published: CatalogueFile, folder: string): Promise<Verification> {
  const packed = joinPath(folder, published.name);
  const plain = packed.replace(/\.gz$/, '');
  const report = (file: string, ok: boolean, message: string) => ({ file, ok, message });
  try {
    if (await exists(packed)) {
      const md5 = await md5OfFile(packed);
      if (md5 === published.md5) return report(packed, true, 'as published');
      if (published.unpackedSha256) {
        const sha256 = sha256Hex(await gunzip(await readBytes(packed), { name: packed }));
        const message =
          'packed differently from the published file (its md5 differs), its contents are as published';
        if (sha256 === published.unpackedSha256) return report(packed, true, message);
      }
      return report(
        packed,
        false,
        `is not the published file: md5 ${md5}, expected ${published.md5}; fetch it again`,
      );
    }
    if (!published.unpackedSha256 || !(await exists(plain))) return report(packed, false, 'is missing');
    const ok = sha256Hex(await readBytes(plain)) === published.unpackedSha256;
    return report(
      plain,
      ok,
      ok ? 'unpacked, as published' : 'is not what the published file holds; fetch it again',
    );
  } catch (error) {
    return report(packed, false, messageOf(error));
  }
}

/** The files of CIFAR-10 unpacked, and the pictures in each. */
const BATCHES = [1, 2, 3, 4, 5].map(n => `data_batch_${n}.bin`).concat('test_batch.bin');
const RECORDS = 10_000;

/** CIFAR-10 unpacked: its publisher gives checksums of the archive only, so the records' form is what can be checked. */
async function verifyRecords(folder: string): Promise<Verification[]> {
  const names = (await listFiles(folder, { recursive: true })).filter(name => name.endsWith('.bin'));
  const missing = 'neither the archive nor .bin files are there';
  if (names.length === 0) return [{ file: folder, ok: false, message: missing }];
  const absent = BATCHES.filter(batch => !names.some(name => name.endsWith(batch)));
  const found = await Promise.all(
    names.map(async name => {
      const file = joinPath(folder, name);
      try {
        const { length } = parseCifar(await readBytes(file), file).labels;
        if (BATCHES.some(batch => name.endsWith(batch)) && length !== RECORDS)
          return { file, ok: false, message: `has ${length} of ${RECORDS} records; fetch it again` };
        const message = `${length} well-formed records; no checksum is published for unpacked files, so not compared`;
        return { file, ok: true, message };
      } catch (error) {
        return { file, ok: false, message: messageOf(error) };
      }
    }),
  );
  const gone = absent.map(batch => ({ file: joinPath(folder, batch), ok: false, message: 'is missing' }));
  return [...found, ...gone];
}
