import type { Denoiser } from '../../diffusion/info.ts';
import { inversionFor } from '../../embedding/methods.ts';
import { scatterFigure } from '../../figures/scatter.ts';
import type { Contestant } from './contestants.ts';
import type { Standing } from './race.ts';

/** Positions of the dial tau, from faithful to Gaussian. */
const TAUS = [0.03, 0.1, 0.3, 1, 3];

/** The dials that trade a faithful picture for a likely seed, each at several positions; their names are the positions. */
export function dials(model: Denoiser, embedder: boolean): Contestant[] {
  const { steps } = model.info.sampler;
  const { lastStep } = inversionFor('split');
  const undo = inversionFor('fixed-point');
  const cost = Number.POSITIVE_INFINITY;
  const split = (family: string, method: 'split' | 'embedder+split') =>
    TAUS.map(tau => ({
      family,
      name: `tau ${tau}`,
      options: {
        method,
        inversion: { lastStep: { ...lastStep, tau, ...(tau < 0.1 && { outer: 4, inner: 24 }) } },
      },
      cost,
    }));
  return [
    ...split('split', 'split'),
    ...(embedder ? split('embedder + split', 'embedder+split') : []),
    ...[0, 1, 2, 4]
      .filter(diffused => diffused < steps)
      .map(diffused => ({
        family: 'fixed point after noise',
        name: `${diffused} ${diffused === 1 ? 'step' : 'steps'}`,
        options: { method: 'fixed-point' as const, inversion: { interior: undo.interior, diffused } },
        cost,
      })),
  ];
}

/** Distortion against departure from noise, a line for each dial. */
export function frontierFigure(standings: readonly Standing[], about: string): string {
  return scatterFigure({
    title: 'Faithful pictures against likely seeds',
    x: { label: 'departure of seeds from noise (1: as noise departs from itself)', log: true },
    y: { label: 'PSNR of the grown pictures (dB)' },
    points: standings.map(({ family, name, departure, mse }) => ({
      name,
      x: departure,
      y: -10 * Math.log10(Math.max(mse.mean, 1e-12)),
      group: family,
    })),
    joined: true,
    notes: `${about}. Departure is the root mean square over a panel of statistics, in the deviations that noise has in each. Up and to the left is better.`,
    width: 800,
    height: 560,
  });
}
