import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { slice } from '../../src/data/dataset.ts';
import { openDataset } from '../../src/data/open.ts';
import { measureStandardisation } from '../../src/data/pixels.ts';
import { denoiserProblem } from '../../src/diffusion/denoiser-problem.ts';
import { createModel } from '../../src/diffusion/model.ts';
import { ratesAt } from '../../src/diffusion/schedule.ts';
import { heldOutLoss, heldOutNoisy } from '../../src/diffusion/train-denoiser.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import { writeSafetensors } from '../../src/tensor/safetensors.ts';
import { float32, type Tensor, tensor } from '../../src/tensor/tensor.ts';
import { authorsRecipe, LESSON } from './learning.ts';

// Writes what two programs need to learn from the same pictures, beginning at the same weights, and to be measured alike:
// lesson.ts FOLDER [DATA_DIR] makes FOLDER/lesson.safetensors.
const [folder, dataDir] = process.argv.slice(2) as [string, string?];
const config = authorsRecipe();
const dataset = await openDataset(config.data, { dataDir });
const learned = slice(dataset, 0, dataset.length - config.heldOut);
const kept = slice(dataset, learned.length, dataset.length);
const range = await measureStandardisation(learned, config.image.padding);
const { network, info } = denoiserProblem({ config, learned, name: dataset.name, range, rng: 0 });

/** As many pictures as are read at once. */
const PIECE = 10_000;
const pixels = new Uint8Array(dataset.length * dataset.shape.reduce((a, b) => a * b, 1));
for (let from = 0, at = 0; from < dataset.length; from += PIECE) {
  const indices = Array.from({ length: Math.min(PIECE, dataset.length - from) }, (_, i) => from + i);
  const { data } = await dataset.read(indices);
  pixels.set(
    Uint8Array.from(data, value => Math.round(255 * value)),
    at,
  );
  at += data.length;
}

const parts = await heldOutNoisy(info, kept, 0);
const each = parts[0]!.noise.shape[0]!;
const together = (key: 'noisy' | 'noise') =>
  float32(
    [parts.length * each, ...info.shape],
    parts.flatMap(part => [...part[key].data]),
  );

const tensors: Record<string, Tensor> = {
  pixels: tensor('uint8', [dataset.length, ...dataset.shape], pixels),
  noisy: together('noisy'),
  noise: together('noise'),
  variance: float32(
    [parts.length * each],
    parts.flatMap(({ level }) => Array(each).fill(level.fed)),
  ),
};
for (const [name, weights] of network.initializers) tensors[`fresh/${name}`] = weights;
const runtime = await createRuntime();
const { heldOut } = await heldOutLoss(runtime, createModel(network, info), kept, 0);
const angle = (time: number) => Math.acos(ratesAt(info.schedule, time).signalRate);
const settings = {
  shape: info.shape,
  network: config.network,
  range,
  padding: info.padding,
  pictures: learned.length,
  angles: [angle(0), angle(1)],
  training: config.training,
  heldOut,
};
writeFileSync(join(folder, LESSON), writeSafetensors(tensors, { settings: JSON.stringify(settings) }));
