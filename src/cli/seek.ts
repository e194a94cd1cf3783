import type { Denoiser } from '../diffusion/info.ts';
import { pieceSeeker, type Question, type Sought, soughtCodec } from '../embedding/seek.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { DoPiece, Pieces } from '../work/unfinished.ts';
import type { Terminal } from './terminal.ts';

/** What is sought: `count` items whose seeds are sought, pictures or starts of one, `piece` at a time; each of `starts` seeds, 1 unless given. */
interface Items {
  readonly count: number;
  readonly piece: number;
  readonly starts?: number;
  /** Says what was found, and what its first item is. */
  readonly say?: (found: Sought, first: number) => void;
}

/**
 * Finds seeds piece by piece, and shows how it goes.
 * @param ask what is sought for the items `first` to `last`.
 * @param keep does the pieces and keeps them: `inPieces`, or `inPart` where they may be cut into shards.
 */
export async function seekShown<R>(
  terminal: Terminal,
  { runtime, model }: { runtime: Runtime; model: Denoiser },
  { count, piece, starts = 1, say = () => {} }: Items,
  ask: (first: number, last: number) => Question | Promise<Question>,
  keep: (pieces: Pieces<Sought>, doPiece: DoPiece<Sought>) => Promise<R>,
): Promise<R> {
  const { signal } = terminal;
  const progress = terminal.progress('embedding', 'seeds');
  const onProgress = (first: number, last: number, share: number, loss: number) =>
    progress.update(
      Math.floor((first + share * (last - first)) * starts),
      count * starts,
      loss > 0 ? `loss ${loss.toPrecision(4)}` : '',
    );
  const seeker = pieceSeeker(
    { runtime, model, most: Math.min(piece, count) * starts, signal, onProgress },
    ask,
  );
  const onPiece = (found: Sought, first: number) => progress.above(() => say(found, first));
  const pieces = { count, piece, signal, codec: soughtCodec(model, starts), onPiece };
  return keep(pieces, seeker.doPiece).finally(async () => {
    progress.stop();
    await seeker.close();
  });
}
