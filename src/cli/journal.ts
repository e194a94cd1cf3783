import type { DescentState } from '../embedding/descent.ts';
import type { Journal } from '../embedding/embed.ts';
import { SeedbedError } from '../errors.ts';
import { exists, joinPath, readBytes, readText, removeFolder, writeAtomic } from '../runtime/files.ts';
import { readSafetensors, writeSafetensors } from '../tensor/safetensors.ts';
import { float32, rows, type Tensor } from '../tensor/tensor.ts';

/** Seconds between two writings of unfinished work. */
const SECONDS = 20;

/**
 * Keeps the state of unfinished descent in a folder, so that a stopped command goes on to the same bits.
 * @param about what the work is; another command's journal is not taken for this one's.
 * @throws {SeedbedError} Mismatch when `resume` finds a journal of other work.
 */
export async function openJournal(
  folder: string,
  about: unknown,
  resume: boolean,
): Promise<Journal & { remove(): Promise<void> }> {
  const title = joinPath(folder, 'about.json');
  const text = JSON.stringify(about);
  if (resume && (await exists(title))) {
    if ((await readText(title)) !== text) {
      throw new SeedbedError(
        'Mismatch',
        `${folder}: unfinished work of another command. Repeat that command with --resume, or drop --resume to start again`,
      );
    }
  } else {
    await removeFolder(folder);
    await writeAtomic(title, text);
  }
  let written = performance.now();
  const pathOf = (batch: number) => joinPath(folder, `batch-${batch}.safetensors`);
  return {
    due: () => performance.now() - written > SECONDS * 1000,
    async read(batch) {
      const path = pathOf(batch);
      return (await exists(path)) ? readState(await readBytes(path), path) : undefined;
    },
    async write(batch, state) {
      await writeAtomic(pathOf(batch), writeState(state));
      written = performance.now();
    },
    remove: () => removeFolder(folder),
  };
}

function writeState({ latent, m, v, losses, converged }: DescentState): Uint8Array {
  const curve = float32([losses.length, converged.length], losses.flat());
  return writeSafetensors({ latent, m, v, losses: curve }, { converged: JSON.stringify(converged) });
}

function readState(bytes: Uint8Array, path: string): DescentState {
  const { tensors, metadata } = readSafetensors(bytes, path);
  const take = (name: string): Tensor<'float32'> => {
    const t = tensors.get(name);
    if (t?.dtype !== 'float32')
      throw new SeedbedError(
        'BadFile',
        `${path}: damaged: '${name}' is missing. Start again without --resume`,
      );
    return t as Tensor<'float32'>;
  };
  const losses = take('losses');
  const count = losses.shape[0] ?? 0;
  return {
    latent: take('latent'),
    m: take('m'),
    v: take('v'),
    losses: Array.from({ length: count }, (_, i) => Array.from(rows(losses, i, i + 1).data)),
    converged: JSON.parse(metadata.converged ?? '[]') as boolean[],
  };
}
