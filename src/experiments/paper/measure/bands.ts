import { prepare } from '../../../diffusion/batches.ts';
import type { Denoiser } from '../../../diffusion/info.ts';
import { coordinates, type PrincipalComponents } from '../../../latent/pca.ts';
import type { Floats } from '../../../tensor/tensor.ts';
import type { Grown } from './siblings.ts';

/** Components of the data from which bands begin. */
const BANDS = [0, 4, 16, 64, 256];

/** The bands that the data's components are looked at in. */
export function bandsIn({ variances }: PrincipalComponents): (readonly [first: number, last: number])[] {
  const number = variances.length;
  const firsts = BANDS.filter(first => first < number);
  return firsts.map((first, i) => [first, firsts[i + 1] ?? number] as const);
}

/** What each has grown, along the components of each band, standardised as pictures that the model is shown. */
export function inBands(
  grown: readonly Pick<Grown, 'pictures'>[],
  { info: { padding, range } }: Denoiser,
  moments: PrincipalComponents,
): { readonly first: number; readonly last: number; readonly parts: readonly Floats[] }[] {
  const standard = grown.map(({ pictures }) => prepare(pictures, padding, range));
  return bandsIn(moments).map(([first, last]) => ({
    ...{ first, last },
    parts: standard.map(x => coordinates(x, moments, first, last)),
  }));
}
