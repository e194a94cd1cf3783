import { describe, expect, test } from 'vitest';
import { samplerGrid } from '../../src/diffusion/grid.ts';
import type { Denoiser, DenoiserInfo } from '../../src/diffusion/info.ts';
import { gaussianDenoiser, samplerGain } from '../../src/diffusion/oracle.ts';
import type { OracleForm } from '../../src/diffusion/oracle-form.ts';
import { createSampler } from '../../src/diffusion/sampler.ts';
import { ddim } from '../../src/diffusion/sampler-info.ts';
import { embed } from '../../src/embedding/embed.ts';
import { RECIPES } from '../../src/embedding/recipes.ts';
import { decode } from '../../src/embedding/sampling.ts';
import { createStepper } from '../../src/embedding/stepper.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import { normals } from '../../src/tensor/random.ts';
import { combine } from '../../src/tensor/rowwise.ts';
import { float32, type Tensor, zeros } from '../../src/tensor/tensor.ts';
import { relativeError } from '../support.ts';

const runtime = await createRuntime({ threads: 1 });
const seeds = normals({ seed: 2, purpose: 'seeds' }, [3, 1, 4, 4]);
const variance = 0.3;

/** Pictures of the seeds, in batches that they do not fill. */
async function grow(model: Denoiser, latent: Tensor<'float32'> = seeds): Promise<Tensor<'float32'>> {
  const sampler = await createSampler(runtime, model, model.info.sampler, 2);
  const pictures = await sampler.sample(latent);
  await sampler.dispose();
  return pictures;
}

/** Timesteps whose rates are those of the continuous schedule's times n / 10, so that ten steps visit the same levels. */
const timesteps: DenoiserInfo['schedule'] = {
  kind: 'alphaBar',
  values: Array.from({ length: 20 }, (_, n) => {
    const [first, last] = [Math.acos(0.95), Math.acos(0.02)];
    return Math.cos(first + ((n + 1) / 20) * (last - first)) ** 2;
  }),
};
const byTimestep = { level: 'timestep', schedule: timesteps } as const;

const forms: [string, OracleForm][] = [
  ['predicts epsilon', { predicts: 'epsilon' }],
  ['predicts x0', { predicts: 'x0' }],
  ['predicts v', { predicts: 'v' }],
  ['is fed the noise rate', { level: 'noiseRate' }],
  ['is fed sigma', { level: 'sigma' }],
  ['is fed the logarithm of the signal-to-noise ratio', { level: 'logSnr' }],
  ['is fed the diffusion time', { level: 'diffusionTime' }],
  ['is fed a whole timestep for each picture', { ...byTimestep, levelType: 'int64' }],
  ['is fed a timestep as a fraction', byTimestep],
  ['takes one level for all, as a number', { levelShape: [] }],
  ['takes one whole timestep for all', { ...byTimestep, levelType: 'int64', levelShape: [] }],
  ['takes one level for all, as a vector', { levelShape: [1] }],
  ['takes levels as a column', { levelShape: ['N', 1] }],
  ['sees pictures whose noise explodes', { sees: 'exploding', level: 'sigma' }],
  ['sees exploding noise and predicts x0', { sees: 'exploding', level: 'sigma', predicts: 'x0' }],
  ['sees exploding noise and predicts v', { sees: 'exploding', level: 'logSnr', predicts: 'v' }],
];

describe('the same denoiser grows the same pictures when it', () => {
  const known = combine([samplerGain(variance), seeds]);

  test.each(forms)('%s', async (_, form) => {
    expect(relativeError(await grow(gaussianDenoiser(variance, [1, 4, 4], 10, form)), known)).toBeLessThan(
      1e-5,
    );
  });

  test('sees points, not pictures', async () => {
    const points = float32([12, 4], seeds.data);
    const pictures = await grow(gaussianDenoiser(variance, [4], 10, { levelShape: ['N', 1] }), points);
    expect(relativeError(pictures, float32([12, 4], known.data))).toBeLessThan(1e-5);
  });
});

describe('a sampler that clips predicted pictures', () => {
  const clipX0: [number, number] = [-0.4, 0.25];

  /** DDIM by hand: every predicted x0 is clipped, and the noise is what then remains of x. */
  function clippedPixel(seed: number): number {
    const clip = (value: number) => Math.min(clipX0[1], Math.max(clipX0[0], value));
    let x = seed;
    for (const { from, to } of samplerGrid(gaussianDenoiser(1).info, ddim(10))) {
      const { signalRate: s, noiseRate: n } = from;
      const x0 = clip((s * variance * x) / (s * s * variance + n * n));
      x = to.signalRate * x0 + to.noiseRate * ((x - s * x0) / n);
    }
    return x;
  }
  const known = float32(seeds.shape, seeds.data.map(clippedPixel));

  test.each(forms.filter(([, form]) => form.predicts))(
    'clips each, whatever the network predicts: it %s',
    async (_, form) => {
      const clipping = gaussianDenoiser(variance, [1, 4, 4], 10, { ...form, sampler: { clipX0 } });
      const pictures = await grow(clipping);
      expect(relativeError(pictures, known)).toBeLessThan(1e-5);
      expect([Math.min(...pictures.data), Math.max(...pictures.data)]).toEqual(
        clipX0.map(v => expect.closeTo(v, 5)),
      );
      expect(relativeError(pictures, combine([samplerGain(variance), seeds]))).toBeGreaterThan(0.1);
    },
  );

  test('does so where it is not the own one of the model, and does not where only that one clips', async () => {
    const plain = gaussianDenoiser(variance);
    const clipping = gaussianDenoiser(variance, [1, 4, 4], 10, { sampler: { clipX0 } });
    const pixels = (x0: Tensor<'float32'>) =>
      combine(
        [0.2, x0],
        [
          0.5,
          float32(
            x0.shape,
            x0.data.map(() => 1),
          ),
        ],
      );
    const withClip = await decode(plain, seeds, { runtime, sampler: clipping.info.sampler });
    expect(relativeError(withClip, pixels(known))).toBeLessThan(1e-5);
    const without = await decode(clipping, seeds, { runtime, sampler: ddim(10) });
    expect(relativeError(without, pixels(combine([samplerGain(variance), seeds])))).toBeLessThan(1e-5);
  });

  test('is inverted and descended through with its clipping', async () => {
    const wide = gaussianDenoiser(1, [1, 4, 4], 10, { sampler: { clipX0 } });
    const { stepper } = await createStepper(runtime, wide, 3, RECIPES.seedbed, wide.info.sampler);
    const state = { latent: seeds, m: zeros('float32', seeds.shape), v: zeros('float32', seeds.shape) };
    const { errors } = await stepper.advance(state, await grow(wide), 0, 1);
    await stepper.dispose();
    expect(Math.max(...errors)).toBeLessThan(1e-10);
    // Beyond the range nothing can be grown: what is missed is all that lies outside.
    const white = float32([1, 1, 4, 4], new Array(16).fill(0.75));
    const { results } = await embed(wide, white, { runtime, method: 'gauss-newton' });
    expect(results[0]!.certificate!.miss).toBeGreaterThanOrEqual((1.25 - 0.25) ** 2 - 1e-5);
  });
});
