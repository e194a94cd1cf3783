import type { Tensor } from '../../../tensor/tensor.ts';
import { grow, type Lab, randomSeeds, readPictures } from '../lab.ts';
import { type Reconstruction, reconstruct } from './reconstruction.ts';

/** Pictures of the data and pictures that the model generated, both embedded by the network and grown again. */
export async function bothKinds(
  lab: Lab,
  count: number,
): Promise<Readonly<Record<'data' | 'generated', Reconstruction>>> {
  const model = await lab.denoiser('fashion-mnist');
  const embedder = await lab.embedder('fashion-mnist-embedder');
  const test = await lab.data('fashion-mnist', 'test');
  const data: Tensor<'float32'> = await readPictures(test, 0, Math.min(count, test.length));
  const generated = await grow(lab, model, randomSeeds(lab, model, count, 'generated'));
  return {
    data: await reconstruct(lab, model, embedder, data),
    generated: await reconstruct(lab, model, embedder, generated),
  };
}
