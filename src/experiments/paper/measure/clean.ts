import { standardise, unstandardise } from '../../../data/pixels.ts';
import { prepare } from '../../../diffusion/batches.ts';
import { levelAt } from '../../../diffusion/grid.ts';
import type { Denoiser } from '../../../diffusion/info.ts';
import { createNetwork } from '../../../diffusion/network.ts';
import type { GridStep, Level } from '../../../diffusion/schedule.ts';
import { stepBy } from '../../../diffusion/solvers.ts';
import { normals } from '../../../tensor/random.ts';
import { combine, inBatches } from '../../../tensor/rowwise.ts';
import type { Floats } from '../../../tensor/tensor.ts';
import { BATCH, type Lab } from '../lab.ts';

/** Diffusion times at which clean pictures are compared; 1 is noise. Claims are of the middle one. */
const TIMES = [0.9, 0.7, 0.5, 0.3, 0.1];
export const HALF_TIME = TIMES.indexOf(0.5);

/** The noise levels at which clean pictures are compared. */
export function levelsOf({ info }: Denoiser): Level[] {
  return TIMES.map(time => levelAt(info, time));
}

/** Pictures [n, C, H, W] as a network is shown them: padded, and standardised as what it learned. */
export function shownTo({ info }: Denoiser, images: Floats): Floats {
  return prepare(images, info.padding, info.range);
}

/** Pictures in the noise of a level, which of one time is the same for all. */
export function inNoise(lab: Lab, pictures: Floats, { time, signalRate, noiseRate }: Level): Floats {
  const noise = normals({ seed: lab.rng, purpose: `agreement ${time}` }, pictures.shape);
  return combine([signalRate, pictures], [noiseRate, noise]);
}

/**
 * The clean pictures that a network sees in the same noise at each of the levels, standardised as another's. The noise is the same in
 * units of each one's own standardisation.
 */
export async function cleanBy(
  lab: Lab,
  model: Denoiser,
  images: Floats,
  common: Denoiser,
): Promise<Floats[]> {
  const network = await createNetwork(lab.runtime, model, BATCH);
  const seen: Floats[] = [];
  try {
    const levels = levelsOf(model);
    for (const [k, at] of levels.entries()) {
      lab.report?.(k, levels.length);
      const noisy = inNoise(lab, shownTo(model, images), at);
      const clean = await inBatches(noisy, BATCH, part => network.clean(part, at));
      seen.push(standardise(unstandardise(clean, model.info.range), common.info.range));
    }
  } finally {
    await network.dispose();
  }
  return seen;
}

/** The state that a step of DDIM leads to from x, if what is seen in it is this clean picture. */
export function stepOnwards(x: Floats, { from, to }: GridStep, clean: Floats): Floats {
  const { alpha, beta } = stepBy(from, to, { ...from, target: { clean: 1, noise: 0 } });
  return combine([alpha, x], [beta, clean]);
}
