import type { EmbedOptions } from '../embedding/embedding.ts';
import { requireWhole, SeedbedError } from '../errors.ts';

/** Where the dial goes over from fitting the picture to replacing steps by draws. */
const TURN = 0.4;
/** How far off the picture may be at both ends of the first part, standardised. */
const [STRICT, LOOSE] = [0.03, 3];
/** Least squares on the first part: where tau is small the picture needs more conjugate gradients. */
const SQUARES = { outer: 2, inner: 8 };

/**
 * How to seek the seed of a picture that somebody drew on, on a dial from faithful to natural. The seed stands for noise
 * z = (s x + n e) of the picture at the level of the state before some step, e standard normal: what is drawn is natural,
 * what is fitted faithful.
 *
 * From 0 to 0.4 it is split inversion, with tau from 0.03 to 3, evenly in its logarithm: the state before the last step
 * begins as such a draw and is fitted to the picture as well as tau asks. A large tau leaves the draw as it is, and there
 * the second part goes on: from 0.4 to 1 the k steps next to the picture are not fitted but replaced by a draw, k
 * from 1 to T - 1, evenly, and the sampler grows them again (Meng et al. 2022, "SDEdit", with the steps above undone
 * instead of drawn anew, so that the result is a seed). All positions share one draw e, so that they lead into each other.
 * @param dial from 0, the picture with every stroke, to 1, what the model takes it for.
 * @param steps T of the sampler, from 1.
 * @returns options for {@link embed}: the method and its settings.
 * @throws {SeedbedError} BadArgument for a dial outside [0,1].
 * @group Embedding
 * @example
 * import { naturalness } from 'seedbed';
 * console.log(naturalness(0, 10).inversion.lastStep?.tau); // prints 0.03
 * console.log(naturalness(0.7, 10).inversion.diffused); // prints 5
 */
export function naturalness(
  dial: number,
  steps: number,
): Required<Pick<EmbedOptions, 'method'>> & { inversion: NonNullable<EmbedOptions['inversion']> } {
  requireWhole('steps', steps, 1);
  if (!(dial >= 0 && dial <= 1))
    throw new SeedbedError('BadArgument', `naturalness is a number from 0 to 1, got ${dial}`);
  const most = steps - 1;
  if (dial > TURN && most > 0) {
    const diffused = 1 + Math.round(((dial - TURN) / (1 - TURN)) * (most - 1));
    return { method: 'fixed-point', inversion: { diffused } };
  }
  const part = Math.min(1, dial / TURN);
  const tau = STRICT * (LOOSE / STRICT) ** part;
  return { method: 'auto', inversion: { lastStep: { tau, ...SQUARES } } };
}
