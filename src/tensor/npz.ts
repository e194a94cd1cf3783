import { isSeedbedError } from '../errors.ts';
import { readNpy } from './npy.ts';
import type { Tensor } from './tensor.ts';
import { unzip } from './zip.ts';

/** What a .npz archive holds. */
export interface Npz {
  /** By name, in the order of the archive. */
  readonly arrays: Map<string, Tensor>;
  /** Why not, by name, of the members that are not arrays that Seedbed reads: text, Python objects. */
  readonly unread: Map<string, string>;
}

/**
 * The arrays of NumPy's .npz file, a zip archive of .npy files, as `numpy.savez` and `numpy.savez_compressed` write it.
 * @param name the file's, for messages.
 * @throws {SeedbedError} BadFile when the archive is damaged, or would unpack to more than memory holds.
 * @example readNpz(await readFile('mnist.npz'), 'mnist.npz').arrays.get('x_train')
 */
export function readNpz(bytes: Uint8Array, name: string): Npz {
  const arrays = new Map<string, Tensor>();
  const unread = new Map<string, string>();
  for (const { path, read } of unzip(bytes, name)) {
    const key = path.replace(/\.npy$/, '');
    const contents = read();
    try {
      arrays.set(key, readNpy(contents, `${name}: ${path}`));
    } catch (error) {
      if (!isSeedbedError(error, 'BadFile')) throw error;
      unread.set(key, error.message);
    }
  }
  return { arrays, unread };
}

/** The arrays of an archive in words, for messages: `x_train uint8 [60000,28,28], names (not read)`. */
export function arraysInWords({ arrays, unread }: Npz): string {
  const read = Array.from(arrays, ([key, { dtype, shape }]) => `${key} ${dtype} [${shape}]`);
  return [...read, ...Array.from(unread.keys(), key => `${key} (not read)`)].join(', ') || 'nothing';
}
