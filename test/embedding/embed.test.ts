import { describe, expect, test } from 'vitest';
import type { Embedder } from '../../src/diffusion/info.ts';
import { createModel } from '../../src/diffusion/model.ts';
import { gaussianDenoiser, samplerGain } from '../../src/diffusion/oracle.ts';
import { toPixels } from '../../src/diffusion/pictures.ts';
import { embed } from '../../src/embedding/embed.ts';
import { RECIPES } from '../../src/embedding/recipes.ts';
import { decode } from '../../src/embedding/sampling.ts';
import { checkSeeds, readSeeds, writeSeeds } from '../../src/embedding/seeds.ts';
import { GraphBuilder } from '../../src/graph/builder.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import { writeNpy } from '../../src/tensor/npy.ts';
import { normals } from '../../src/tensor/random.ts';
import { writeSafetensors } from '../../src/tensor/safetensors.ts';
import { bootstrapMean, meanSquaredErrors, psnr } from '../../src/tensor/statistics.ts';
import { float32, rows, type Tensor } from '../../src/tensor/tensor.ts';
import { relativeError } from '../support.ts';
import { zipOf } from '../tensor/zip.ts';

const runtime = await createRuntime({ threads: 1 });
const model = gaussianDenoiser(1);

/** The embedder that inverts the linear sampler, up to a chosen error. */
function linearEmbedder(factor: number, denoiser = model.hash): Embedder {
  const b = new GraphBuilder('embedder');
  const x = b.input('x', 'float32', ['N', 1, 4, 4]);
  const { shape, range, padding, sampler } = model.info;
  return createModel(b.build({ latent: b.mul(x, b.scalar(factor / samplerGain(1))) }), {
    seedbed: 1,
    kind: 'embedder',
    name: 'linear',
    inputs: { image: 'x' },
    output: 'latent',
    shape,
    range,
    padding,
    sampler,
    denoiser,
  });
}

/** Pictures in [0,1] around the model's mean. */
const pictures = (n: number): Tensor<'float32'> => {
  const noise = normals({ seed: 1, purpose: 'picture' }, [n, 1, 4, 4]);
  return float32(
    noise.shape,
    noise.data.map(z => Math.min(1, Math.max(0, 0.5 + 0.1 * z))),
  );
};

describe('embed', () => {
  test('what becomes of the pictures and the seeds meanwhile does not matter', async () => {
    const images = pictures(2);
    const latent = normals({ seed: 2, purpose: 'kept' }, [2, 1, 4, 4]);
    const [found, grown] = [
      await embed(model, images, { runtime, method: 'naive' }),
      await decode(model, latent, { runtime }),
    ];
    const finding = embed(model, images, { runtime, method: 'naive' });
    const growing = decode(model, latent, { runtime });
    images.data.fill(0.9);
    latent.data.fill(-1);
    expect(await finding).toEqual(found);
    expect(await growing).toEqual(grown);
  });

  test('by the embedder: one pass, an exact inverse reconstructs', async () => {
    const images = pictures(3);
    const found = await embed(model, images, { runtime, method: 'embedder', embedder: linearEmbedder(1) });
    expect(Math.max(...found.results.map(r => r.mse))).toBeLessThan(1e-9);
    expect(relativeError(found.pictures, images)).toBeLessThan(1e-4);
    expect(found.results[0]!.evaluations).toBe(1 + 10);
    expect(found.results.map(r => r.image)).toEqual([0, 1, 2]);
  });

  test('refinement improves on an embedder that is a little off, and says by how much', async () => {
    const found = await embed(model, pictures(3), { runtime, embedder: linearEmbedder(0.9), batch: 2 });
    expect(found.method.name).toBe('embedder+descent');
    for (const { mse, mseBefore } of found.results) expect(mse).toBeLessThan(mseBefore! / 5);
    expect(found.results[0]!.evaluations).toBe(1 + 10 + RECIPES.refine.iterations * 20 + 10);
  });

  test('several starts of a picture are different seeds that grow it, whatever the batch', async () => {
    const images = pictures(2);
    const options = { method: 'descent', starts: 3, rng: 5 } as const;
    const found = await embed(model, images, { runtime, ...options });
    expect(found.latent.shape).toEqual([6, 1, 4, 4]);
    expect(found.results.map(r => [r.image, r.start])).toEqual([
      [0, 0],
      [0, 1],
      [0, 2],
      [1, 0],
      [1, 1],
      [1, 2],
    ]);
    expect(Math.max(...found.results.map(r => r.mse))).toBeLessThan(1e-4);
    const inPairs = await embed(model, images, { runtime, ...options, batch: 4 });
    expect(relativeError(inPairs.latent, found.latent)).toBeLessThan(1e-5);
  });

  test('a part of a set draws the starts that the whole set draws', async () => {
    const images = pictures(3);
    const whole = await embed(model, images, { runtime, method: 'descent', starts: 2 });
    const last = await embed(model, rows(images, 2, 3), { runtime, method: 'descent', starts: 2 });
    expect(relativeError(last.latent, rows(whole.latent, 4, 6))).toBeLessThan(1e-5);
    const other = rows(whole.latent, 2, 4);
    expect(relativeError(last.latent, other)).toBeGreaterThan(0.1);
  });

  test('what does not fit is refused in words', async () => {
    const wrong = float32([1, 3, 4, 4], new Float32Array(48));
    await expect(embed(model, wrong, { runtime })).rejects.toThrow(
      'embeds pictures [n, 1,4,4], got [1,3,4,4]',
    );
    await expect(embed(model, pictures(1), { runtime, method: 'embedder' })).rejects.toThrow(
      "method 'embedder' needs an embedder",
    );
    const foreign = linearEmbedder(1, 'f'.repeat(64));
    await expect(embed(model, pictures(1), { runtime, embedder: foreign })).rejects.toThrow(
      /trained for denoiser f{64}/,
    );
  });
});

describe('seed files', () => {
  const latent = normals({ seed: 0, purpose: 'latent' }, [2, 1, 4, 4]);
  const provenance = {
    model: model.hash,
    sampler: model.info.sampler,
    method: { name: 'descent' },
    images: [{ name: 'a.png' }],
    rng: 7,
    createdBy: 'seedbed test',
  };

  test('come back as they were, and grow the same pictures', async () => {
    const seeds = readSeeds(writeSeeds(latent, provenance), 'seeds.safetensors');
    expect(seeds).toEqual({ latent, provenance });
    checkSeeds(seeds, model, model.info.sampler, 'seeds.safetensors');
    expect((await decode(model, seeds.latent, { runtime })).shape).toEqual([2, 1, 4, 4]);
  });

  test('of another model or sampler are refused with both values, unless forced', () => {
    const seeds = readSeeds(writeSeeds(latent, provenance), 'seeds.safetensors');
    const other = gaussianDenoiser(2);
    expect(() => checkSeeds(seeds, other, other.info.sampler, 's')).toThrow(
      new RegExp(`${model.hash}.*${other.hash}`),
    );
    expect(() => checkSeeds(seeds, model, { ...model.info.sampler, steps: 20 }, 's')).toThrow(
      /"steps":10.*"steps":20/,
    );
    expect(() => checkSeeds(seeds, other, other.info.sampler, 's', true)).not.toThrow();
    // The advice is what is then accepted, of a sampler with a list of levels too.
    const listed = { ...model.info.sampler, steps: 3, grid: [0.9, 0.5, 0.1] };
    const byEdict = writeSeeds(latent, { ...provenance, sampler: { ...listed, kind: 'edict' } });
    expect(() => checkSeeds(readSeeds(byEdict, 's'), model, listed, 's')).toThrow(
      /Give --sampler edict, or --force/,
    );
    expect(() => checkSeeds(seeds, model, { ...model.info.sampler, steps: 20 }, 's')).toThrow(
      /Give --sampler ddim, --sampler-steps 10, or --force/,
    );
  });

  test('with a description that is not valid are refused as a bad file', () => {
    const file = (changes: Record<string, string>) =>
      writeSafetensors(
        { latent },
        { seedbed: '1', model: model.hash, sampler: JSON.stringify(model.info.sampler), ...changes },
      );
    for (const changes of [{ sampler: 'null' }, { images: '{}' }, { method: '[' }, { rng: 'x' }] as Record<
      string,
      string
    >[]) {
      expect(() => readSeeds(file(changes), 's.safetensors')).toThrow(
        /^s\.safetensors: its description of the seeds is not valid/,
      );
    }
    expect(() => readSeeds(writeNpy(float32([0, 1, 4, 4], [])), 'z.npy')).toThrow('holds no seeds');
  });

  test('come from an archive of arrays, where it is plain which; of other files it is said what they are', () => {
    const of = (...names: string[]) =>
      zipOf(
        names.map(name => ({ path: `${name}.npy`, bytes: writeNpy(latent), method: 8 })),
        { zip64: true },
      );
    expect(readSeeds(of('arr_0'), 'z.npz')).toEqual({ latent, provenance: undefined });
    expect(readSeeds(of('other', 'latent'), 'z.npz').latent).toEqual(latent);
    expect(() => readSeeds(of('a', 'b'), 'z.npz')).toThrow(
      /^z\.npz: which .* holds a float32 \[2,1,4,4\], b float32 .* numpy\.save\('seeds\.npy', numpy\.load\('z\.npz'\)\['NAME'\]\)/,
    );
    expect(() => readSeeds(Uint8Array.from([0x1f, 0x8b, ...new Array(30).fill(0)]), 's.gz')).toThrow(
      's.gz: is a gzip file. Seeds are read from .safetensors, .npy and .npz files',
    );
  });

  test('of a type that is not computed with are refused by its name', () => {
    const json = '{"latent":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}';
    const file = Uint8Array.from([json.length, 0, 0, 0, 0, 0, 0, 0, ...Buffer.from(json), 0]);
    expect(() => readSeeds(file, 's')).toThrow(
      "s: not a seed file: its tensor 'latent' is of type F8_E4M3, which Seedbed does not compute with. Save it as one of F64, F32",
    );
  });

  test('a bare array has no origin; NaN and foreign shapes are refused', () => {
    expect(readSeeds(writeNpy(latent), 'z.npy').provenance).toBeUndefined();
    expect(readSeeds(writeNpy(latent), 'any-name').latent).toEqual(latent);
    const broken = float32([1, 1, 4, 4], new Float32Array(16).fill(Number.NaN));
    expect(() => writeSeeds(broken, provenance)).toThrow('not numbers');
    expect(() => readSeeds(writeNpy(broken), 'z.npy')).toThrow('element 0 of the seeds is NaN');
    const small = readSeeds(writeNpy(float32([1, 2], [1, 2])), 'z.npy');
    expect(() => checkSeeds(small, model, model.info.sampler, 'z.npy')).toThrow(
      "model 'gaussian' takes [1,4,4]",
    );
  });
});

describe('figures of merit', () => {
  test('pictures are clipped to [0,1], points are not', () => {
    const picture = {
      range: { from: [0, 1] as [number, number], mean: [0.5], std: [1] },
      padding: 0,
      shape: [1, 1, 2],
    };
    expect(Array.from(toPixels(float32([1, 1, 1, 2], [-3, 0.25]), picture).data)).toEqual([0, 0.75]);
    const points = {
      range: { from: [0, 1] as [number, number], mean: [0, 0], std: [2, 2] },
      padding: 0,
      shape: [2],
    };
    expect(Array.from(toPixels(float32([1, 2], [-3, 2]), points).data)).toEqual([-6, 4]);
  });

  test('squared errors are by row, PSNR is in decibels', () => {
    expect(meanSquaredErrors(float32([2, 2], [0, 0, 1, 1]), float32([2, 2], [0.1, 0.1, 0.5, 1]))).toEqual([
      expect.closeTo(0.01, 6),
      expect.closeTo(0.125, 6),
    ]);
    expect(psnr(0.001)).toBeCloseTo(30, 9);
  });

  test('the bootstrap interval covers a normal mean about as often as it says', () => {
    const covered = Array.from({ length: 60 }, (_, i) => {
      const sample = Array.from(normals({ seed: i, purpose: 'coverage' }, [1, 40]).data);
      const { low, high } = bootstrapMean(sample, i);
      return low < 0 && high > 0;
    }).filter(Boolean).length;
    expect(covered).toBeGreaterThan(50);
  });
});
