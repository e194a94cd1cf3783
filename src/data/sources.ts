import { gunzip, isHidden, joinPath, listFiles, naturalOrder, readBytes } from '../runtime/files.ts';
import { fileKind } from '../runtime/kind.ts';
import { untar } from '../runtime/tar.ts';
import { unzip } from '../tensor/zip.ts';

/** A file of a folder or an archive: its path there, and how to get its contents. */
export interface FileSource {
  readonly name: string;
  read(): Promise<Uint8Array>;
}

/** The files in a folder and those in it, hidden ones left out, in natural order. */
export async function sourcesIn(folder: string): Promise<FileSource[]> {
  const names = await listFiles(folder, { recursive: true });
  return names.map(name => ({ name, read: () => readBytes(joinPath(folder, name)) }));
}

/**
 * The files of an unpacked .tar, or a .zip, that a folder would show into which it is unpacked: hidden ones are left
 * out, the last of equal names counts, in natural order.
 * @throws {SeedbedError} BadFile when the archive is damaged, or leads outside itself.
 */
export function sourcesInArchive(archive: Uint8Array, name: string): FileSource[] {
  const files = new Map<string, FileSource>();
  const put = (path: string, read: () => Uint8Array) => {
    if (!isHidden(path)) files.set(path, { name: path, read: async () => read() });
  };
  if (fileKind(archive)?.name === 'zip') for (const { path, read } of unzip(archive, name)) put(path, read);
  else for (const { path, bytes } of untar(archive, name)) put(path, () => bytes);
  return [...files.values()].sort((a, b) => naturalOrder(a.name, b.name));
}

/** The contents of a file, unpacked when it is gzip by its first bytes. */
export async function unpacked(source: FileSource): Promise<Uint8Array> {
  const bytes = await source.read();
  return fileKind(bytes)?.name === 'gzip' ? gunzip(bytes, { name: source.name }) : bytes;
}
