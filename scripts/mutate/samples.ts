import { readdirSync, readFileSync, statSync } from 'node:fs';
import sharp from 'sharp';
import type { EmbedderInfo } from '../../src/diffusion/info.ts';
import { createModel, saveModel } from '../../src/diffusion/model.ts';
import { gaussianDenoiser } from '../../src/diffusion/oracle.ts';
import type { SamplerInfo } from '../../src/diffusion/sampler-info.ts';
import { writeSeeds } from '../../src/embedding/seeds.ts';
import { buildNetwork, type NetworkConfig } from '../../src/nn/networks.ts';
import { writeNpy } from '../../src/tensor/npy.ts';
import { normals } from '../../src/tensor/random.ts';
import { writeSafetensors } from '../../src/tensor/safetensors.ts';
import { float32, int64, tensor, toFloat16, toFloat64 } from '../../src/tensor/tensor.ts';
import { cifarOf, idxOf } from '../../test/data/sets.ts';
import { tarOf } from '../../test/runtime/tar.ts';

// Small sound files of every kind.

export const SHAPE = [1, 8, 8];
const count = (length: number) => Uint8Array.from({ length }, (_, i) => i % 251);

/** The model that seeds are of. */
export const oracle = gaussianDenoiser(1, SHAPE, 2);
export const latent = normals({ seed: 0, purpose: 'latent' }, [2, ...SHAPE]);

export const idx = () => [idxOf([3, 4, 5], count(60)), idxOf([2, 1, 1], [0, 255])];
export const cifar = () => [cifarOf([3, 9], i => i % 256)];
export const cifarArchive = () => [
  tarOf([
    { path: 'cifar-10-batches-bin/', type: '5', bytes: new Uint8Array(0) },
    { path: 'cifar-10-batches-bin/data_batch_1.bin', bytes: cifarOf([1], i => i % 256) },
    { path: 'cifar-10-batches-bin/data_batch_2.bin', bytes: cifarOf([2], i => i % 7) },
  ]),
];

/** A picture with some detail, of so many channels. */
function picture(channels: 1 | 2 | 3 | 4) {
  const [width, height] = [6, 5];
  return sharp(count(width * height * channels), { raw: { width, height, channels } });
}

export const png = () =>
  Promise.all([
    picture(1).png().toBuffer(),
    picture(3).png().toBuffer(),
    picture(4).png().toBuffer(),
    picture(3).png({ palette: true, progressive: true }).toBuffer(),
    picture(3).toColourspace('rgb16').png().toBuffer(),
  ]);
export const jpeg = () =>
  Promise.all([
    picture(3).jpeg().toBuffer(),
    picture(1).jpeg({ progressive: true }).toBuffer(),
    picture(3).toColourspace('cmyk').withMetadata({ orientation: 6 }).jpeg().toBuffer(),
  ]);
export const webp = () =>
  Promise.all([
    picture(3).webp().toBuffer(),
    picture(4).webp({ lossless: true }).toBuffer(),
    picture(4).webp().toBuffer(),
  ]);
export const gif = () => Promise.all([picture(3).gif().toBuffer(), picture(1).gif().toBuffer()]);
export const tiff = () =>
  Promise.all([
    picture(3).tiff({ compression: 'none' }).toBuffer(),
    picture(4).tiff({ compression: 'lzw', predictor: 'horizontal' }).toBuffer(),
    picture(1).tiff({ compression: 'jpeg', tile: true, tileWidth: 16, tileHeight: 16 }).toBuffer(),
  ]);
export const avif = () =>
  Promise.all([
    picture(3).avif({ effort: 0 }).toBuffer(),
    picture(4).avif({ lossless: true, effort: 0 }).toBuffer(),
  ]);
/** A picture of the size that the model takes. */
export const modelPicture = () =>
  sharp(count(64), { raw: { width: 8, height: 8, channels: 1 } })
    .png()
    .toBuffer();
export const pictureArchive = async () => {
  const [one, two] = await png();
  return [
    tarOf([
      { path: 'train/1.png', bytes: one! },
      { path: '././@LongLink', type: 'L', bytes: Buffer.from(`train/${'a'.repeat(120)}.png\0`) },
      { path: 'short', bytes: one! },
      { path: 'pax', type: 'x', bytes: Buffer.from('20 path=train/3.png\n') },
      { path: 'short', bytes: one! },
      { path: 'readme.txt', bytes: two! },
    ]),
  ];
};

export const npy = () => [
  writeNpy(latent),
  writeNpy(
    int64(
      Array.from({ length: 128 }, (_, i) => i),
      [2, ...SHAPE],
    ),
  ),
];

const provenance = {
  model: oracle.hash,
  sampler: oracle.info.sampler,
  method: { name: 'descent', recipe: { iterations: 100, learningRate: 0.1 }, evaluations: 2000 },
  images: [{ name: 'a.png', sha256: 'f'.repeat(64) }, { name: 'b.png' }],
  rng: 7,
  createdBy: 'seedbed',
};
export const seeds = () => [writeSeeds(latent, provenance)];

/** A sampler that keeps two states. */
export const pairSampler: SamplerInfo = { ...oracle.info.sampler, kind: 'edict' };
export const pairs = () => {
  const { sampler: _, ...about } = provenance;
  const latent2 = normals({ seed: 1, purpose: 'latent' }, [2, ...SHAPE]);
  return [
    writeSeeds(
      latent,
      { ...about, sampler: pairSampler },
      { latent: toFloat64(latent), latent2: toFloat64(latent2) },
    ),
  ];
};
export const tensors = () => [
  writeSafetensors(
    {
      weight: latent,
      half: toFloat16(float32([3], [1, 2, 3])),
      step: int64([9]),
      mask: tensor('bool', [3], count(3)),
    },
    { seedbed: '1', about: '{"rng":0}' },
  ),
];

const golden = new URL('../../test/fixtures/golden/', import.meta.url);
export const graphs = () =>
  readdirSync(golden)
    .map(name => new URL(name, golden))
    .filter(file => file.pathname.endsWith('.onnx') && statSync(file).size < 3000)
    .map(file => new Uint8Array(readFileSync(file)));

const network = (config: Partial<NetworkConfig>, shape: readonly number[], output: string) =>
  buildNetwork(
    { kind: 'unet', channels: [4, 4], blocks: 1, embedding: 4, attention: null, ...config },
    { name: 'small', shape, level: output === 'latent' ? null : 'noise_variance', output },
    0,
  );

export const denoisers = () => {
  const unet = createModel(network({ attention: 'spatial' }, SHAPE, 'epsilon'), oracle.info);
  const mlp = createModel(network({ kind: 'mlp' }, [2], 'epsilon'), {
    ...oracle.info,
    shape: [2],
    range: { from: [0, 1], mean: [0.5, 0.5], std: [0.2, 0.2] },
    schedule: { kind: 'alphaBar', values: [0.9, 0.5, 0.1] },
    training: { data: 'moons', steps: 3, rng: 0, config: { training: { batch: 4 } } },
  });
  return [oracle, unet, mlp].flatMap(model => [saveModel(model), saveModel(model, true)]);
};

export const embedders = () => {
  const { shape, range, padding, sampler } = oracle.info;
  const info: EmbedderInfo = {
    ...{ seedbed: 1, kind: 'embedder', name: 'small', inputs: { image: 'x' }, output: 'latent' },
    ...{ shape, range, padding, sampler, denoiser: oracle.hash },
  };
  const model = createModel(network({ kind: 'conv' }, SHAPE, 'latent'), info);
  return [saveModel(model), saveModel(model, true)];
};

export const json = (value: unknown) => Buffer.from(JSON.stringify(value));
const training = { loss: 'mse', learningRate: 0.002, batch: 16, steps: 4, warmup: 2, decay: 'cosine' };

export const denoiserConfig = {
  data: 'moons:train',
  heldOut: 16,
  network: { kind: 'mlp', channels: [8, 8], blocks: 2, embedding: 4, attention: null },
  schedule: 'continuousCosine',
  training,
};
export const denoiserConfigs = () =>
  [
    {
      ...denoiserConfig,
      network: { ...denoiserConfig.network, kind: 'unet', attention: 'se' },
      image: { size: 8, channels: 1, crop: true, padding: 2 },
      schedule: { kind: 'linearBeta', timesteps: 100, betaStart: 0.0001, betaEnd: 0.02 },
    },
    {
      ...denoiserConfig,
      network: { ...denoiserConfig.network, kind: 'unet' },
      schedule: { kind: 'cosineBeta', timesteps: 50 },
    },
  ].map(json);
export const embedderConfigs = () => [
  json({
    data: 'fashion-mnist',
    heldOut: 16,
    network: { kind: 'conv', channels: [4, 4], kernels: [3, 5, 3] },
    training: { ...training, objective: 'pairs', pairs: 64 },
  }),
];

export const projects = () => {
  const data = Buffer.from(count(64)).toString('base64');
  const kept = {
    '["picture","own-1"]': { id: 'own-1', title: 'mine.png', file: { packed: 'file', data } },
    '["cloud","own-1","hash"]': {
      latent: { dtype: 'float32', shape: [4, 1, 2, 2], data: { packed: 'float32', data } },
      starts: 4,
    },
    '["plane","drawn","AAAA"]': { file: { packed: 'bytes', data }, losses: [[1, 0.5]] },
  };
  const rooms = { embed: 'picture=own-1', cloud: '' };
  return [json({ seedbed: 'studio project', version: 2, address: '#/embed?picture=own-1', rooms, kept })];
};
