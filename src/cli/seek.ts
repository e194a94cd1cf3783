import { type Seeking, type Sought, seekInPieces } from '../embedding/seek.ts';
import type { Terminal } from './terminal.ts';

/** Finds seeds piece by piece, as {@link seekInPieces} does, and shows how it goes. */
export async function seekShown(
  terminal: Terminal,
  where: Omit<Seeking, 'signal' | 'onProgress'>,
  ...[pieces, ask]: [Parameters<typeof seekInPieces>[1], Parameters<typeof seekInPieces>[2]]
): Promise<Sought[]> {
  const progress = terminal.progress('embedding', 'seeds');
  const onProgress = (done: number, total: number, loss: number) =>
    progress.update(done, total, loss > 0 ? `loss ${loss.toPrecision(4)}` : '');
  return seekInPieces({ ...where, signal: terminal.signal, onProgress }, pieces, ask).finally(() =>
    progress.stop(),
  );
}
