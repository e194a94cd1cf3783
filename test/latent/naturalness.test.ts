import { expect, test } from 'vitest';
import { samplerGrid } from '../../src/diffusion/grid.ts';
import { gaussianDenoiser, mixtureDenoiser } from '../../src/diffusion/oracle.ts';
import { embed } from '../../src/embedding/embed.ts';
import { naturalness } from '../../src/latent/naturalness.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import { float32 } from '../../src/tensor/tensor.ts';

test('the dial goes from a small tau over a large one to draws of all steps but one', () => {
  const at = (dial: number, steps = 10) => {
    const { method, inversion } = naturalness(dial, gaussianDenoiser(0.5, [1, 4, 4], steps));
    return [method, inversion.lastStep?.tau ?? inversion.diffused];
  };
  expect(at(0)).toEqual(['auto', 0.03]);
  expect(at(0.2)).toEqual(['auto', expect.closeTo(0.3, 12)]);
  expect(at(0.4)).toEqual(['auto', expect.closeTo(3, 12)]);
  expect(at(0.41)).toEqual(['fixed-point', 1]);
  expect(at(1)).toEqual(['fixed-point', 9]);
  expect(at(1, 2)).toEqual(['fixed-point', 1]);
  expect(at(1, 1)).toEqual(['auto', expect.closeTo(3, 12)]);
  for (const dial of [-0.1, 1.1, Number.NaN])
    expect(() => at(dial)).toThrow(/naturalness is a number from 0 to 1/);
});

test('where steps are uneven in the angle of the noise the dial is not: it draws the level that is nearest', () => {
  const model = gaussianDenoiser(0.5);
  const sampler = { ...model.info.sampler, grid: 'logSnr' as const };
  const angles = samplerGrid(model.info, sampler).map(({ from }) =>
    Math.atan2(from.noiseRate, from.signalRate),
  );
  const [first, last] = [angles[9]!, angles[1]!];
  for (const dial of [0.41, 0.5, 0.6, 0.7, 0.8, 0.9, 1]) {
    const wanted = first + ((dial - 0.4) / 0.6) * (last - first);
    const drawn = angles[10 - naturalness(dial, model, sampler).inversion.diffused!]!;
    for (const other of angles.slice(1))
      expect(Math.abs(drawn - wanted)).toBeLessThanOrEqual(Math.abs(other - wanted));
  }
  expect(naturalness(0.7, model, sampler).inversion.diffused).toBeLessThan(
    naturalness(0.7, model).inversion.diffused!,
  );
});

test('the dial goes one way: ever farther from the scribbled picture, and its strokes ever nearer to a likely one', async () => {
  // Likely are pictures near 0.5 + 0.2 (1, 1, ...) and 0.5 - 0.2 (1, 1, ...); the scribble is on the first.
  const means = [1, -1].map(sign => new Array(16).fill(sign));
  const model = mixtureDenoiser({ means, variance: 0.25 });
  const scribbled = float32([1, 1, 4, 4], new Array(16).fill(0.7));
  scribbled.data.fill(0.4, 0, 3);
  const runtime = await createRuntime({ threads: 1 });
  const far: number[] = [];
  const mended: number[] = [];
  for (const dial of [0, 0.2, 0.4, 0.55, 0.7, 0.85, 1]) {
    // Many draws of the noise, so that what is compared are means.
    const options = { ...naturalness(dial, model), ...(dial > 0 && { starts: 8 }) };
    const { pictures, results } = await embed(model, scribbled, { runtime, ...options });
    far.push(results.reduce((sum, r) => sum + r.mse, 0) / results.length);
    const strokes = pictures.data.filter((_, i) => i % 16 < 3);
    mended.push(strokes.reduce((sum, value) => sum + value, 0) / strokes.length);
  }
  expect(far).toEqual([...far].sort((a, b) => a - b));
  expect(far[0]).toBeLessThan(2e-3);
  // At 1 some draws become a picture of the other kind altogether.
  const alike = mended.slice(0, -1);
  expect(alike).toEqual([...alike].sort((a, b) => a - b));
  expect(alike.at(-1)).toBeGreaterThan(0.65);
});
