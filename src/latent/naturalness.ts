import { samplerGrid } from '../diffusion/grid.ts';
import type { Denoiser } from '../diffusion/info.ts';
import type { SamplerInfo } from '../diffusion/sampler-info.ts';
import type { GridStep } from '../diffusion/schedule.ts';
import type { EmbedOptions } from '../embedding/embedding.ts';
import { SeedbedError } from '../errors.ts';

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
 * from 1 to T - 1, so that the angle of the noise drawn, atan(n / s), grows evenly with the dial as far as the sampler's
 * levels allow, and the sampler grows them again (Meng et al. 2022, "SDEdit", with the steps above undone
 * instead of drawn anew, so that the result is a seed). All positions share one draw e, so that they lead into each other.
 * @param dial from 0, the picture with every stroke, to 1, what the model takes it for.
 * @param model whose levels the noise is drawn at.
 * @param sampler the model's own unless given.
 * @returns options for {@link embed}: the method and its settings.
 * @throws {SeedbedError} BadArgument for a dial outside [0,1], and for a sampler other than DDIM, whose steps cannot be drawn.
 * @group Embedding
 * @example
 * import { gaussianDenoiser, naturalness } from 'seedbed';
 * const model = gaussianDenoiser(0.5);
 * console.log(naturalness(0, model).inversion.lastStep?.tau); // prints 0.03
 * console.log(naturalness(0.7, model).inversion.diffused); // prints 5
 */
export function naturalness(
  dial: number,
  { info }: Pick<Denoiser, 'info'>,
  sampler: SamplerInfo = info.sampler,
): Required<Pick<EmbedOptions, 'method'>> & { inversion: NonNullable<EmbedOptions['inversion']> } {
  if (!(dial >= 0 && dial <= 1))
    throw new SeedbedError('BadArgument', `naturalness is a number from 0 to 1, got ${dial}`);
  if (sampler.kind !== 'ddim')
    throw new SeedbedError(
      'BadArgument',
      `the dial undoes and draws the steps of sampler 'ddim', this model's is '${sampler.kind}': import it, or measure it by quality --into, with that one`,
    );
  if (dial > TURN && sampler.steps > 1) {
    const diffused = drawn((dial - TURN) / (1 - TURN), samplerGrid(info, sampler));
    return { method: 'fixed-point', inversion: { diffused } };
  }
  const part = Math.min(1, dial / TURN);
  const tau = STRICT * (LOOSE / STRICT) ** part;
  return { method: 'auto', inversion: { lastStep: { tau, ...SQUARES } } };
}

/** How many steps next to the picture are drawn, from 1 to T - 1, for the angle of their noise to be nearest to a part of its way. */
function drawn(part: number, grid: readonly GridStep[]): number {
  const angles = grid
    .map(({ from }) => Math.atan2(from.noiseRate, from.signalRate))
    .toReversed()
    .slice(0, -1);
  const wanted = angles[0]! + part * (angles.at(-1)! - angles[0]!);
  const off = angles.map(angle => Math.abs(angle - wanted));
  return 1 + off.indexOf(Math.min(...off));
}
