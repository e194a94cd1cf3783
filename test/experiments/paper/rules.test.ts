import { describe, expect, test } from 'vitest';
import {
  above,
  below,
  gated,
  judged,
  less,
  type Measurement,
} from '../../../src/experiments/paper/claims.ts';
import { fig12, RADII } from '../../../src/experiments/paper/fig12.ts';
import {
  curveOf,
  LEAST,
  meansOf,
  ofOne,
  ratioOfMeans,
  resampled,
  type Sampled,
  sampled,
  shareOf,
  withInterval,
} from '../../../src/experiments/paper/means.ts';
import { tally } from '../../../src/experiments/paper/page.ts';
import { reported } from '../../../src/experiments/paper/saved.ts';
import { recordedGate } from '../../../src/quality/gate.ts';
import { normals } from '../../../src/tensor/random.ts';
import { correlation } from '../../../src/tensor/statistics.ts';

const spread = (n: number) => Array.from({ length: n }, (_, i) => 1 + (i % 3));
const words = {
  ...{ paper: 'so it is (here)', ours: 'so', control: 'not so', asked: 'more', because: 'It is so.' },
  values: {},
};
const verdict = (more: Pick<Measurement, 'number' | 'against' | 'rests' | 'n'>) =>
  judged({ ...words, numbersSay: 'holds', ...more });

describe('a verdict takes ten independent things', () => {
  test.each([
    ['ten pictures', { number: sampled(spread(LEAST), 0), against: 1 }, 'holds'],
    ['nine pictures', { number: sampled(spread(LEAST - 1), 0), against: 1 }, 'open'],
    ['a control of two', { number: sampled(spread(100), 0), against: sampled(spread(2), 0) }, 'open'],
    ['many seeds of one picture', { number: ofOne(spread(1000), 0), against: 1 }, 'open'],
    [
      'one small number among those it rests on',
      { number: 1, against: 2, rests: [ofOne([1, 2], 0)] },
      'open',
    ],
    ['a number of one picture, without an interval', { number: 1, against: 2, n: 1 }, 'open'],
    ['a closed form', { number: 1, against: 2 }, 'holds'],
  ] as const)('%s', (_, numbers, expected) => {
    const claim = verdict(numbers);
    expect(claim.verdict).toBe(expected);
    expect(claim.numbersSay).toBe('holds');
    expect(claim.because.startsWith('Open, as n = ')).toBe(expected === 'open');
  });

  test('n stands with every number, the interval only with enough of them', () => {
    expect(withInterval(sampled(spread(30), 0))).toMatch(/^2\.00 \(1\.\d+ to 2\.\d+, n = 30\)$/);
    expect(withInterval(sampled(spread(3), 0))).toBe('2.00 (n = 3)');
    expect(withInterval(ofOne(spread(300), 0))).toBe('2.00 (n = 1, 300 points)');
  });
});

test('claims of one statement on several data sets are told as one statement, those beyond the paper apart', () => {
  const papers = ['so (MNIST).', 'so (CIFAR-10).', 'other.', 'Beyond the paper: more (MNIST).'];
  const claims = papers.map(paper => judged({ ...words, paper, numbersSay: 'fails', number: 1, against: 2 }));
  expect(tally(claims)).toBe(
    '2 statements of the paper, on one to three data sets each, make 3 claims: 0 hold, 0 hold in part, 3 do not hold, and 0 stay open. 1 statement beyond it, on one to three data sets each, makes 1 claim: 0 hold, 0 hold in part, 1 do not hold, and 0 stay open.',
  );
});

describe('no one thing decides a verdict', () => {
  // Nineteen of 1 and one of 3: their mean is 1.1, without the last 1.
  const lopsided = [...new Array(19).fill(1), 3];

  test('the ends move with the mean as the one that tells most is left out', () => {
    const { mean, low, high, withoutOne } = sampled(lopsided, 0);
    expect(mean).toBeCloseTo(1.1, 12);
    expect(low - withoutOne!.low).toBeCloseTo(0.1, 12);
    // Without one of the others the mean is 21 / 19.
    expect(withoutOne!.high - high).toBeCloseTo(21 / 19 - 1.1, 12);
    expect(sampled(lopsided.slice(11), 0).withoutOne).toBeUndefined();
  });

  test('a mean of a ratio, of shares, of a statistic', () => {
    const ones = lopsided.map(() => 1);
    expect(ratioOfMeans(lopsided, ones, 0, true).withoutOne).toEqual(sampledLike(lopsided));
    expect(ratioOfMeans(lopsided, ones, 0).withoutOne!.low).toBeLessThan(ratioOfMeans(lopsided, ones, 0).low);
    const { low, withoutOne } = shareOf([...new Array(19).fill(0), 1]);
    expect([low > 0, withoutOne!.low]).toEqual([true, 0]);
    const [a, b] = ['a', 'b'].map(purpose => Array.from(normals({ seed: 4, purpose }, [200]).data));
    const sum = a!.map((value, i) => value + b![i]!);
    const of = ([drawn]: readonly (readonly number[])[]) =>
      correlation(
        drawn!.map(i => a![i]!),
        drawn!.map(i => sum[i]!),
      );
    const found = resampled([200], of, 0);
    // By Fisher's transformation the ends are .63 and .77 of a correlation of .71.
    expect(found.mean).toBeCloseTo(Math.SQRT1_2, 1);
    expect(found.high - found.low).toBeGreaterThan(0.1);
    expect(found.high - found.low).toBeLessThan(0.18);
  });

  test('a cut-off between the ends with and without it leaves open what the interval alone would tell', () => {
    const mean = sampled(lopsided, 0);
    const cut = (mean.low + mean.withoutOne!.low) / 2;
    const { withoutOne: _, ...alone } = mean;
    expect([above(alone, cut), above(mean, cut)]).toEqual(['holds', 'open']);
    expect([below(alone, cut), below(mean, cut)]).toEqual(['fails', 'open']);
    const other = sampled(new Array(20).fill(cut), 0);
    expect([less(other, alone), less(other, mean)]).toEqual(['holds', 'open']);
  });

  const sampledLike = (values: readonly number[]) => {
    const { low, high, mean } = ratioOfMeans(values, new Array(values.length).fill(1), 0, true);
    return { low: expect.closeTo(low - (mean - 1), 9), high: expect.closeTo(high + 21 / 19 - mean, 9) };
  };
});

describe('fig12 on made-up numbers', () => {
  const about = (mean: number): Sampled => ({ mean, low: 0.9 * mean, high: 1.1 * mean, n: 20 });
  const numbersOf = (inside: number, n = 20) => ({
    ...{
      title: 'made up',
      model: 'made-up',
      inside: { ...about(inside), n },
      sparse: [1, 1, 1].map(() => about(0.002)),
    },
    ...{ own: about(0.001), matched: about(0.1), unrelated: about(0.1), stretched: about(0.001) },
    times: [inside, 0.002, 0.002, 0.002].map(error => ({ ...about(error / 0.001), n })),
    shares: [inside, 0.002, 0.002, 0.002].map(error => ({ ...about(error / 0.1), n })),
    worst: [inside, 0.002, 0.002, 0.002].map(error => ({ ...about(error / 0.1), n })),
    ...{ curve: RADII.map(() => about(0.001)), inner: about(0), outer: about(1.2) },
  });
  const verdictsOf = (inside: number, n?: number) =>
    fig12.report([numbersOf(inside, n)]).claims.map(({ verdict }) => verdict);

  test.each([
    [0.001, ['holds', 'holds']],
    [0.006, ['holds', 'fails']],
    [0.05, ['fails', 'fails']],
  ])('combinations with error %d: %s', (inside, expected) => {
    expect(verdictsOf(inside)).toEqual(expected);
  });

  test('nothing is decided on one picture', () => {
    expect(verdictsOf(0.001, 1)).toEqual(['open', 'open']);
  });

  test('numbers of another version are refused in words', () => {
    const saved = { name: 'fig12', seconds: 1, numbers: [{ title: 'old' }], gates: {}, sheets: [] };
    expect(() => reported(fig12, saved)).toThrow(/measure them again: seedbed reproduce fig12/);
  });
});

describe('a gate beside a claim', () => {
  const claim = judged({
    ...words,
    models: ['sound'],
    numbersSay: 'holds',
    number: 1,
    against: 2,
  });
  const sound = { passed: 7, of: 7, fails: [] };
  const flat = { passed: 6, of: 7, fails: ['has their contrast'] };

  test('that is passed leaves the verdict; other models of the experiment do not count', () => {
    expect(gated(claim, { sound, flat })).toMatchObject({ verdict: 'holds', gate: 'sound 7 of 7' });
  });

  test('that is failed, or was never measured, leaves the claim open, with what was seen', () => {
    const failed = gated(claim, { sound: flat });
    expect(failed).toMatchObject({ verdict: 'open', numbersSay: 'holds', gate: 'sound 6 of 7' });
    expect(failed.because).toContain('Open, as sound fails its gate. What was seen: ');
    const unmeasured = gated({ ...claim, models: undefined }, { sound, other: null });
    expect(unmeasured).toMatchObject({ verdict: 'open', gate: 'sound 7 of 7, other not measured' });
  });

  test('is none where no denoiser was asked for', () => {
    expect(gated(claim, {})).toMatchObject({ verdict: 'holds', gate: '' });
  });

  test('is read from what quality --into has recorded', () => {
    const conditions = [{ passed: true, text: 'sees' }];
    expect(recordedGate({ steps: 1, quality: { count: 100, features: 'x', conditions } })).toEqual(
      conditions,
    );
    expect(recordedGate({ steps: 1 })).toBeUndefined();
  });
});

describe('an interval', () => {
  test('of ten values covers about as often as it says, where plain percentiles cover nine times in ten', () => {
    const trials = 600;
    const draws = normals({ seed: 11, purpose: 'coverage' }, [trials, LEAST]).data;
    let covered = 0;
    for (let i = 0; i < trials; i++) {
      const { low, high } = sampled(Array.from(draws.subarray(i * LEAST, (i + 1) * LEAST)), 0);
      if (low <= 0 && high >= 0) covered++;
    }
    // .95 of 600 trials, three deviations of chance; plain percentiles cover .90.
    expect(Math.abs(covered / trials - 0.95)).toBeLessThan(0.027);
  });

  test('of a share that was seen every time is of some width', () => {
    const { mean, low, high } = shareOf(new Array(20).fill(1));
    expect([mean, high]).toEqual([1, 1]);
    // Wilson: n / (n + z^2).
    expect(low).toBeCloseTo(20 / (20 + 1.959964 ** 2), 6);
    // A share that is less is not told more surely.
    expect(shareOf([0.75, ...new Array(19).fill(1)]).low).toBeLessThan(low);
    const all = meansOf(
      new Array(20).fill(0).map(() => ({ share: { ofOne: 1 }, number: 1, list: [{ ofOne: 0 }] })),
      0,
    );
    expect(all.share.low).toBeCloseTo(low, 6);
    expect(all.number).toMatchObject({ low: 1, high: 1 });
    expect(all.list[0]!.high).toBeCloseTo(1 - low, 6);
  });

  test('is a band of a curve only where it goes over enough', () => {
    expect(curveOf('', [1, 2], [sampled(spread(10), 0), sampled(spread(10), 0)]).band).toHaveLength(2);
    expect(curveOf('', [1, 2], [sampled(spread(10), 0), sampled(spread(9), 0)]).band).toBeUndefined();
  });

  test('that could not be computed leaves its claim open', () => {
    const claim = verdict({ number: sampled(new Array(20).fill(Number.NaN), 0), against: 1 });
    expect(claim).toMatchObject({ verdict: 'open', because: 'Open, as a number could not be computed.' });
  });
});
