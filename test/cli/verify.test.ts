import { afterEach, expect, test, vi } from 'vitest';
import { noise } from '../../src/experiments/verify/statistics.ts';
import * as verification from '../../src/experiments/verify/verify.ts';
import { normals } from '../../src/tensor/random.ts';
import { combine } from '../../src/tensor/rowwise.ts';
import { seedbed } from './in-process.ts';

vi.mock('../../src/experiments/verify/verify.ts', { spy: true });
const { verify } = await vi.importActual<typeof verification>('../../src/experiments/verify/verify.ts');

/** Only what is soon done, with noise of another size. */
const only = (size: number) =>
  vi.mocked(verification.verify).mockImplementation((runtime, options = {}) =>
    verify(runtime, {
      ...options,
      checks: [noise],
      wrong: {
        noise: (shape, purpose) => combine([size, normals({ seed: options.rng ?? 0, purpose }, shape)]),
      },
    }),
  );
afterEach(() => void vi.mocked(verification.verify).mockReset());

test('explains itself with an example', async () => {
  const { code, out } = await seedbed('verify', '--help');
  expect(code).toBe(0);
  expect(out).toContain('Example: seedbed verify');
});

test('prints what was expected and what was measured, a line for each', async () => {
  only(1);
  const { code, out, err } = await seedbed('verify', '--rng', '3', '--threads', '1');
  expect([code, err]).toEqual([0, '']);
  expect(out).toMatch(/^ +expected +measured\n\nrandom normal numbers\n {2}mean +0 +-?[\d.e-]+ +ok\n/);
  expect(out).toMatch(/\n {2}mean fourth power +3 +(2\.9|3\.0)\d+ +ok\n/);
  expect(out).toMatch(/\n6 of 6 as expected, \d+ s on cpu\n$/);
});

test('what is off is named, with what would do, and is an error', async () => {
  only(1.2);
  const { code, out, err } = await seedbed('verify', '--threads', '1');
  expect(code).toBe(1);
  expect(out).toMatch(/mean square +1 +1\.4\d+ +OFF: 0\.98\d+ to 1\.0\d+ would do\n/);
  expect(err).toMatch(/^seedbed: \d of 6 are otherwise than expected: mean square; mean fourth power/);
});

test('--json gives every row, of what is off too', async () => {
  only(1.2);
  const { code, out } = await seedbed('verify', '--json', '--threads', '1');
  expect(code).toBe(1);
  const report = JSON.parse(out);
  expect(report).toMatchObject({ command: 'verify', rng: 0, device: 'cpu' });
  const [{ title, rows }] = report.results;
  expect(title).toBe('random normal numbers');
  expect(rows.map(({ passed }: { passed: boolean }) => passed)).toContain(false);
  expect(Object.keys(rows[0])).toEqual(['what', 'expected', 'got', 'low', 'high', 'passed']);
});

test.each([
  [['--rng', 'x'], /expected a whole number/],
  [['more'], /too many arguments/],
])('says what is wrong with %j', async (args, message) => {
  const { code, err } = await seedbed('verify', ...args);
  expect(code).toBe(2);
  expect(err).toMatch(message);
});
