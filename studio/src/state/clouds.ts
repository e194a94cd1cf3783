/**
 * Seeds of one picture that were found here: they only ever become more, whichever tab or project brings them.
 * @module
 */
import { amend, type Of } from './kept.ts';
import type { Kept } from './kinds.ts';
import { joined, without } from './tensors.ts';

/** Seeds join a cloud, but those that are in it. */
export function joinCloud(of: Of, { latent, starts }: Kept['cloud']): Promise<Kept['cloud']> {
  return amend('cloud', of, now => {
    if (!now) return { latent, starts };
    const fresh = without(latent, now.latent);
    return {
      latent: fresh ? joined([now.latent, fresh]) : now.latent,
      starts: Math.max(now.starts, starts),
    };
  });
}
