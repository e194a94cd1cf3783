import { expect, test } from 'vitest';
import { gaussianDenoiser, mixtureDenoiser, samplerGain } from '../../src/diffusion/oracle.ts';
import { thrownBy } from '../support.ts';

test.each<[() => unknown, string, string]>([
  [() => gaussianDenoiser(-1), 'BadArgument', 'a variance is a number from 0, got -1'],
  [() => gaussianDenoiser(1, [1, 4, 4], 10, { level: 'timestep' }), 'BadArgument', 'schedule alphaBar'],
  [() => mixtureDenoiser({ means: [[0]], variance: Number.NaN }, [1, 1, 1]), 'BadArgument', 'got NaN'],
  [
    () => mixtureDenoiser({ means: [[0], [1, 2]], variance: 1 }, [1, 1, 1]),
    'BadShape',
    'have 1 numbers, got 1,2',
  ],
  [() => mixtureDenoiser({ means: [], variance: 1 }), 'BadShape', 'have 16 numbers, got none'],
  [() => samplerGain(-0.1), 'BadArgument', 'a variance is a number from 0'],
  [() => samplerGain(1, 0), 'BadArgument', 'steps is a whole number of at least 1, got 0'],
])('refuses case %#', (work, kind, message) => {
  expect(thrownBy(work)).toMatchObject({ kind, message: expect.stringContaining(message) });
});
