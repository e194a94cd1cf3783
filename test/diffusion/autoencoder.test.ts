import { expect, test } from 'vitest';
import { openAutoencoder } from '../../src/diffusion/autoencoder.ts';
import { openConversion } from '../../src/diffusion/conversion.ts';
import { autoencoderOf } from '../../src/diffusion/diffusers/autoencoder.ts';
import { type ForeignHalf, importAutoencoder } from '../../src/diffusion/foreign-autoencoder.ts';
import type { Denoiser } from '../../src/diffusion/info.ts';
import { asAutoencoder, createModel, readModel, saveModel } from '../../src/diffusion/model.ts';
import { gaussianDenoiser } from '../../src/diffusion/oracle.ts';
import { GraphBuilder, type Value } from '../../src/graph/builder.ts';
import type { Graph } from '../../src/graph/ir.ts';
import { withAutoencoder } from '../../src/index.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import { normals } from '../../src/tensor/random.ts';
import { float32, type Tensor } from '../../src/tensor/tensor.ts';
import { relativeError } from '../support.ts';

const runtime = await createRuntime({ threads: 1 });
const CHANNELS = 2;
const PICTURE = [CHANNELS, 4, 4];

/** A denoiser of latents [2, 4, 4] of unit variance. */
const denoiser: Denoiser = (() => {
  const { graph, info } = gaussianDenoiser(1, PICTURE);
  return createModel(graph, { ...info, range: { from: null, mean: [0, 0], std: [1, 1] } });
})();

function half(
  make: (b: GraphBuilder, x: Value) => Value,
  count: number | 'N' = 'N',
  shape: readonly number[] = PICTURE,
): ForeignHalf {
  const b = new GraphBuilder('half');
  const x = b.input('sample', 'float32', [count, ...shape]);
  return { graph: b.build({ out: make(b, x) }), file: 'half.onnx' };
}

/** Means 2 x + 1, and log-variances of -5; and what undoes the means. */
const means = (b: GraphBuilder, x: Value) => b.add(b.mul(x, b.scalar(2)), b.scalar(1));
const encoder = half((b, x) => b.concat([means(b, x), b.sub(b.mul(x, b.scalar(0)), b.scalar(5))], 1));
const decoder = half((b, z) => b.div(b.sub(z, b.scalar(1)), b.scalar(2)));
const about = {
  range: { from: [-1, 1] as [number, number], mean: [0, 0], std: [1, 1] },
  latents: { mean: [0.5, -1], std: [2, 4] },
};
const pixels = float32(
  [3, ...PICTURE],
  normals({ seed: 1, purpose: 'sample' }, [3, ...PICTURE]).data.map(z => 1 / (1 + Math.exp(-z))),
);

/** What the denoiser sees of a picture: (2 (2 pixel - 1) + 1 - mean) / std, channel by channel. */
const seen = float32(
  pixels.shape,
  pixels.data.map((pixel, i) => {
    const channel = Math.floor(i / 16) % CHANNELS;
    return (2 * (2 * pixel - 1) + 1 - about.latents.mean[channel]!) / about.latents.std[channel]!;
  }),
);

async function bothWays(read: Parameters<typeof openAutoencoder>[1]): Promise<Tensor<'float32'>[]> {
  const coder = openAutoencoder(runtime, read, 2);
  const encoded = await coder.encode(pixels);
  const decoded = await coder.decode(encoded);
  await coder.dispose();
  return [encoded, decoded];
}

test('the mean of the latents is taken, and their scale is worked into both halves', async () => {
  const made = importAutoencoder({ encoder, decoder }, denoiser, about);
  const read = asAutoencoder(readModel(saveModel(made), 'a.onnx'), 'a.onnx');
  expect(read.info).toMatchObject({ kind: 'autoencoder', shape: PICTURE, latentShape: PICTURE });
  expect(read.info).toMatchObject({
    inputs: { image: 'picture', latent: 'latent' },
    denoiser: denoiser.hash,
  });
  expect(read.hash).toBe(made.hash);
  const [encoded, decoded] = await bothWays(read);
  expect(relativeError(encoded!, seen)).toBeLessThan(1e-6);
  expect(relativeError(decoded!, pixels)).toBeLessThan(1e-6);
});

test('an encoder that gives latents, and halves made for one picture, are taken', async () => {
  const halves = { encoder: half(means, 1), decoder: { ...decoder } };
  const [encoded, decoded] = await bothWays(importAutoencoder(halves, denoiser, about));
  expect(relativeError(encoded!, seen)).toBeLessThan(1e-6);
  expect(relativeError(decoded!, pixels)).toBeLessThan(1e-6);
});

test('pictures are clipped to their range, unless asked for as they are', async () => {
  const autoencoder = importAutoencoder({ encoder, decoder }, denoiser, about);
  const conversion = openConversion(runtime, withAutoencoder(denoiser, autoencoder), 2);
  const far = float32([1, ...PICTURE], new Float32Array(32).fill(9));
  expect(new Set((await conversion.toPictures(far)).data)).toEqual(new Set([1]));
  expect(Math.min(...(await conversion.unclipped(far)).data)).toBeGreaterThan(1.5);
});

const three = half((b, x) => b.concat([x, x, x], 1));
const two = (() => {
  const b = new GraphBuilder('two');
  const x = b.input('sample', 'float32', ['N', ...PICTURE]);
  return b.build({ mean: x, variance: b.exp(x) });
})();
const newer = (graph: Graph): Graph => ({ ...graph, opset: 18 });

test.each<[string, Partial<Record<'encoder' | 'decoder', ForeignHalf>>, string]>([
  ['latents of other channels', { encoder: three }, 'gives 6 channels of latents, where the denoiser sees 2'],
  [
    'two outputs',
    { encoder: { graph: two, file: 'e.onnx' } },
    "e.onnx: takes 'sample' and gives 'mean', 'variance'",
  ],
  [
    'two operator sets',
    { encoder: { graph: newer(encoder.graph), file: 'e.onnx' } },
    'e.onnx is of operator set 18, half.onnx of 17. Export both in one',
  ],
  [
    'a decoder of other latents',
    { decoder: half((b, x) => b.mul(x, b.constant(float32([3, 1, 1], [1, 2, 3]))), 'N', [3, 4, 4]) },
    'half.onnx',
  ],
])('%s is refused', (_, changed, said) => {
  expect(() => importAutoencoder({ encoder, decoder, ...changed }, denoiser, about)).toThrow(said);
});

test('the autoencoder of another denoiser is refused', () => {
  const autoencoder = importAutoencoder({ encoder, decoder }, denoiser, about);
  const other = { ...denoiser, hash: 'f'.repeat(64) };
  expect(() => withAutoencoder(other, autoencoder)).toThrow(
    /belongs to denoiser .*, but this one, 'gaussian'/,
  );
  expect(withAutoencoder(denoiser, autoencoder).autoencoder).toBe(autoencoder);
});

test.each([
  [{ _class_name: 'AutoencoderKL' }, 0, 1 / 0.18215],
  [{ _class_name: 'AutoencoderTiny' }, 0, 1],
  [{ _class_name: 'AutoencoderKL', scaling_factor: 0.5, shift_factor: 0.1 }, 0.1, 2],
  [{ scaling_factor: 0.5, latents_mean: [3, 3], latents_std: [7, 7], shift_factor: null }, 3, 14],
  [{ scaling_factor: 0.5, latents_mean: [3, 3], latents_std: null }, 0, 2],
])('%j sees latents about %d over %d', (config, mean, std) => {
  const { latents } = autoencoderOf(config, 2, 'vae/config.json');
  expect(latents).toEqual({ mean: [mean, mean], std: [std, std] });
});

test('latents of a movq are taken as they are', () => {
  const config = { _class_name: 'VQModel', scaling_factor: 0.18215 };
  expect(autoencoderOf(config, 2, 'movq/config.json', false).latents.std).toEqual([1, 1]);
});

test.each([
  [
    { _class_name: 'ConsistencyDecoderVAE' },
    'its class, ConsistencyDecoderVAE, is not read; known are AutoencoderKL',
  ],
  [{ latents_mean: [0], latents_std: [1] }, '1 latents_mean and 1 latents_std for 2 channels'],
  [{ scaling_factor: 0 }, 'scaling_factor'],
])('%j is refused', (config, said) => {
  expect(() => autoencoderOf(config, 2, 'vae/config.json')).toThrow(said);
});

test('a file that says what its graph does not do is refused', () => {
  const { graph, info } = importAutoencoder({ encoder, decoder }, denoiser, about);
  const broken = (changed: object) => () =>
    readModel(saveModel(createModel(graph, { ...info, ...changed })), 'a.onnx');
  expect(broken({ latentShape: [2, 2, 2] })).toThrow("a.onnx: says that 'latent' is [2,2,2]");
  expect(broken({ outputs: { latent: 'nothing', image: 'decoded' } })).toThrow("no output 'nothing'");
  expect(broken({ range: { ...info.range, from: null } })).toThrow('its pictures have no range');
  const read = readModel(saveModel(denoiser), 'm.onnx');
  expect(() => asAutoencoder(read, 'm.onnx')).toThrow('m.onnx: a denoiser; an autoencoder is needed here');
});
