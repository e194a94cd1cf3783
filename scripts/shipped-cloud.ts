/**
 * Makes the cloud that ships with the studio: 256 seeds of the ankle boot by `npx seedbed cloud --count 256 --out out/cloud`,
 * kept in half precision, which their pictures do not tell from single: the program says by how much.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { decode, float32, loadModel, meanSquaredErrors, SHIPPED_DENOISER } from '../src/index.ts';
import { readSafetensors, writeSafetensors } from '../src/tensor/safetensors.ts';
import { toFloat16, toFloat32 } from '../src/tensor/tensor.ts';

const from = process.argv[2] ?? 'out/cloud/seeds.safetensors';
const to = new URL('../studio/src/shipped/ankle-boot-cloud.safetensors', import.meta.url);

const { tensors, metadata } = readSafetensors(new Uint8Array(readFileSync(from)), from);
const latent = toFloat32(tensors.get('latent')!);
const half = toFloat16(latent);
writeFileSync(to, writeSafetensors({ latent: half }, metadata));

const model = await loadModel(SHIPPED_DENOISER);
const [single, rounded] = [latent, toFloat32(half)].map(seeds =>
  decode(model, float32(seeds.shape, seeds.data)),
);
const errors = meanSquaredErrors(await rounded!, await single!);
process.stdout.write(`${errors.length} seeds; squared error by rounding at most ${Math.max(...errors)}\n`);
