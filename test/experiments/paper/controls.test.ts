import { describe, expect, test } from 'vitest';
import { gaussianDenoiser, samplerGain } from '../../../src/diffusion/oracle.ts';
import { unexplained } from '../../../src/experiments/paper/fig19.ts';
import { EXPERIMENTS } from '../../../src/experiments/paper/reproduction.ts';
import { combine } from '../../../src/tensor/rowwise.ts';
import { average } from '../../../src/tensor/statistics.ts';
import { takeRows } from '../../../src/tensor/tensor.ts';
import { gaussianPictures, run, SHAPE, scalingEmbedder, type ToyParts, toyLab, valuesIn } from '../lab.ts';

const VARIANCE = 0.5;
const GAIN = samplerGain(VARIANCE);
const gaussian = gaussianDenoiser(VARIANCE, SHAPE);
const scaled = (factor: number) => scalingEmbedder(gaussian, factor / GAIN);

/** The claims of an experiment where round Gaussian data are all that the model knows. */
async function claimsOf(name: string, parts: ToyParts = {}, variance = VARIANCE) {
  const lab = await toyLab({
    denoisers: { 'fashion-mnist': gaussian },
    embedders: { 'fashion-mnist-embedder': scaled(1), 'embedder-unet': scaled(1) },
    data: { 'fashion-mnist': gaussianPictures('test', 400, variance) },
    ...parts,
  });
  return (await run(EXPERIMENTS.find(one => one.name === name)!, lab)).claims;
}

describe('what holds by itself is no finding', () => {
  test.each(['table1', 'fig15'])('%s: one network alone has no order', async name => {
    const embedders = { 'embedder-unet': scaled(-1) };
    for (const { numbersSay } of (await claimsOf(name, { embedders })).slice(0, 2))
      expect(numbersSay).toBe('open');
  });

  test.each(['table1', 'fig15'])('%s: an order upside down fails', async name => {
    const embedders = {
      'embedder-conv-1': scaled(0.9),
      'embedder-conv-3x16': scaled(0.4),
      'embedder-unet': scaled(0.2),
    };
    for (const { numbersSay } of (await claimsOf(name, { embedders })).slice(0, 2))
      expect(numbersSay).toBe('fails');
  });

  test('fig5: strokes that a linear sampler fades keep the square of their share, and are not integrated', async () => {
    const [claim] = await claimsOf('fig5', { sizes: { sample: 1600 } });
    const { faded, left, stir } = claim!.values;
    // 400 pictures: left has a standard error of about .005 where the square is .139.
    expect(Math.abs(left! - faded! ** 2)).toBeLessThan(0.015);
    expect(stir).toBeCloseTo(1, 5);
    expect(claim!.numbersSay).toBe('partly');
  });

  test('fig4: a linear sampler takes as much from foreign pictures as from its own', async () => {
    expect((await claimsOf('fig4', { sizes: { sample: 120 } }))[0]!.numbersSay).not.toBe('holds');
  });
});

describe('numbers that sentences are made of', () => {
  test('table1: three channels explain one count of the paper, one channel three', async () => {
    const counts = (await claimsOf('table1')).at(-1);
    expect(counts!.values['embedder-unet.3']).toBe(9_577_683);
    expect(counts!.values['embedder-conv-3x16.1']).toBe(7233);
    expect(counts!.values['embedder-conv-3x64.1']).toBe(105_729);
    expect(counts!.values['embedder-conv-6x128.1']).toBe(859_009);
    expect(counts!.values['embedder-conv-1.1']).toBe(26);
    expect(counts!.numbersSay).toBe('partly');
  });

  test('fig1: a picture is said to vary like noise only where it does', async () => {
    expect((await claimsOf('fig1'))[0]!.because).not.toContain('about that of noise');
    expect((await claimsOf('fig1', {}, 1))[0]!.because).toContain('about that of noise');
  });

  test('fig2: a linear sampler keeps form and brightness whole, unrelated pictures share neither', async () => {
    const values = valuesIn(await claimsOf('fig2', { sizes: { sample: 100 } }));
    expect(values['light.0.02']).toBeCloseTo(1, 4);
    // 100 pairs: a correlation of nothing has a standard error of .1.
    expect(Math.abs(values['otherLight.0.02']!)).toBeLessThan(0.35);
    expect(Math.abs(values['more.0.02']! - 1)).toBeLessThan(0.1);
  });

  test('noisy-seed: all pairs of draws differ by 2 (level gain)^2', async () => {
    const { values } = (await claimsOf('noisy-seed', { sizes: { sample: 400 } }))[0]!;
    for (const level of [0.5, 1])
      expect(values[`spread.${level}`]! / (2 * (level * GAIN) ** 2 * 0.2 ** 2)).toBeCloseTo(1, 1);
  });

  test('fig18: what inversion leaves is a share of the error on the same pictures', async () => {
    const parts = { embedders: { 'fashion-mnist-embedder': scaled(0.5) } };
    const { before, inverted, left } = valuesIn(await claimsOf('fig18', parts));
    expect(left! / (inverted! / before!)).toBeGreaterThan(0.7);
    expect(left! / (inverted! / before!)).toBeLessThan(1.4);
  });

  test('fig19: a sum of two ends leaves nothing unexplained, a picture of its own as much as one like it', async () => {
    const images = await gaussianPictures('ends', 16, VARIANCE).read(Array.from({ length: 16 }, (_, i) => i));
    const others = await gaussianPictures('others', 8, VARIANCE).read(Array.from({ length: 8 }, (_, i) => i));
    const [even, odd] = [0, 1].map(first =>
      takeRows(
        images,
        [0, 2, 4, 6, 8, 10, 12, 14].map(i => i + first),
      ),
    );
    for (const left of unexplained(images, combine([0.5, even!], [0.5, odd!])))
      expect(left).toBeCloseTo(0, 5);
    const [own, other] = [others, takeRows(images, [4, 6, 8, 10, 12, 14, 0, 2])].map(pictures =>
      average(unexplained(images, pictures)),
    );
    expect(own! / other!).toBeGreaterThan(0.9);
    expect(own! / other!).toBeLessThan(1.1);
    const data = {
      'fashion-mnist': gaussianPictures('test', 400, VARIANCE),
      'fashion-mnist:train': gaussianPictures('train', 400, VARIANCE),
    };
    const { ratio, ratioEmbedder } = valuesIn(await claimsOf('fig19', { data }));
    expect(ratio!).toBeLessThan(0.1);
    expect(ratioEmbedder!).toBeLessThan(0.1);
  });
});
