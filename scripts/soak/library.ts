import { openDataset } from '../../src/data/open.ts';
import {
  embed,
  loadEmbedder,
  loadModel,
  SHIPPED_DENOISER,
  SHIPPED_EMBEDDER,
  sample,
} from '../../src/index.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import { judge, type Soaked } from './memory.ts';

/** Pictures that are embedded at once. */
const BATCH = 50;

/** Embeds pictures in this process. @param dataDir where Fashion-MNIST is; without it the shipped model grows the pictures. */
export async function soakLibrary(count: number, dataDir: string | undefined): Promise<Soaked> {
  const model = await loadModel(SHIPPED_DENOISER);
  const embedder = await loadEmbedder(SHIPPED_EMBEDDER);
  const dataset = dataDir ? await openDataset('fashion-mnist:test', { dataDir }) : undefined;
  const picturesFrom = async (first: number): Promise<Tensor<'float32'>> => {
    if (!dataset) return (await sample(model, { count: BATCH, rng: first })).pictures;
    return dataset.read(Array.from({ length: BATCH }, (_, i) => (first + i) % dataset.length));
  };
  const samples: number[] = [];
  let worst = 0;
  for (let first = 0; first < count; first += BATCH) {
    const { results } = await embed(model, await picturesFrom(first), { method: 'embedder', embedder });
    worst = Math.max(worst, ...results.map(({ mse }) => mse));
    samples.push(process.memoryUsage.rss());
    if (samples.length % 10 === 0)
      console.log(`${first + BATCH} of ${count} pictures, ${(samples.at(-1)! / 2 ** 20).toFixed(0)} MiB`);
  }
  // A seed that grows nothing like its picture would make the rest worthless.
  if (!(worst < 0.1)) throw new Error(`a picture was missed by a squared error of ${worst}`);
  const what = `embed, ${dataset ? 'test pictures of Fashion-MNIST' : 'pictures grown by the shipped model'}`;
  return judge(what, `${samples.length * BATCH} pictures`, 'resident', samples);
}
