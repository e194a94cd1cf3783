import { expect, test } from 'vitest';
import { agreement } from '../../../src/experiments/paper/agreement.ts';
import { border } from '../../../src/experiments/paper/border.ts';
import { canonical } from '../../../src/experiments/paper/canonical.ts';
import type { Verdict } from '../../../src/experiments/paper/claims.ts';
import { connected } from '../../../src/experiments/paper/connected.ts';
import { distances } from '../../../src/experiments/paper/distances.ts';
import { fig1 } from '../../../src/experiments/paper/fig1-fig2.ts';
import { fig3, fig15 } from '../../../src/experiments/paper/fig3-fig15.ts';
import { fig4 } from '../../../src/experiments/paper/fig4.ts';
import { fig5 } from '../../../src/experiments/paper/fig5.ts';
import { fig7 } from '../../../src/experiments/paper/fig6-fig7.ts';
import { fig10 } from '../../../src/experiments/paper/fig10.ts';
import { fig11 } from '../../../src/experiments/paper/fig11.ts';
import { fig13 } from '../../../src/experiments/paper/fig13.ts';
import { fig14 } from '../../../src/experiments/paper/fig14.ts';
import { fig16, fig17, table2 } from '../../../src/experiments/paper/fig16-fig17-table2.ts';
import { fig18 } from '../../../src/experiments/paper/fig18.ts';
import { fig19 } from '../../../src/experiments/paper/fig19.ts';
import { halves as disjointHalves } from '../../../src/experiments/paper/halves.ts';
import { identifiable } from '../../../src/experiments/paper/identifiable.ts';
import type { Experiment } from '../../../src/experiments/paper/lab.ts';
import { type Sampled, shareOf } from '../../../src/experiments/paper/means.ts';
import { noisySeed } from '../../../src/experiments/paper/noisy-seed.ts';
import { rescaled } from '../../../src/experiments/paper/rescaled.ts';
import { blocks, levelInput, retrain } from '../../../src/experiments/paper/retrain-blocks-level.ts';
import { sheet } from '../../../src/experiments/paper/sheet.ts';
import { spectrum } from '../../../src/experiments/paper/spectrum.ts';
import { splitOrDescent } from '../../../src/experiments/paper/split-or-descent.ts';
import { straight } from '../../../src/experiments/paper/straight.ts';
import { trainingSize } from '../../../src/experiments/paper/training-size.ts';

/** A mean that is known to a twentieth part, over twenty things. */
const about = (mean: number, n = 20): Sampled => {
  const off = 0.05 * Math.abs(mean);
  return { mean, low: mean - off, high: mean + off, n };
};
const title = 'made up';
const subject = { title, model: 'made-up' };
const network = (ratio: number, n?: number) => ({
  a: 'a',
  b: 'b',
  same: 1,
  different: 1,
  ratio: about(ratio, n),
});
const networks = (ratio: number, between: number, n?: number) => [
  {
    ...{
      title: 'MNIST' as const,
      names: ['a', 'b'],
      pairs: [network(ratio, n)],
      wiener: about(0.2),
      bands: [],
    },
    ratio: about(ratio, n),
    again: undefined,
    real: about(1),
    seeds: {
      ...{ between: [about(0.95)], self: about(0.5), different: about(0.1), sameNoise: about(0.88) },
      ...{ shares: [about(between)], bands: [] },
    },
  },
];
const cloud = (error: number, correlation: number, variance = 0.9) => ({
  ...{ evaluations: about(95), variance: about(variance), correlation: about(correlation) },
  ...{ apart: about(1), rejected: about(0), error: about(error), random: about(0.1) },
  share: about(error / 0.1),
});
const clouds = (error: number, correlation: number, theirs?: ReturnType<typeof cloud>) => {
  const ours = cloud(error, correlation);
  const descent = theirs && {
    ...{ ours, theirs },
    wider: about(theirs.variance.mean / ours.variance.mean),
  };
  return {
    ...{ subjects: [{ ...subject, own: ours, descent }], seeds: 64 },
    how: { pictures: 20, seeds: 4, recipe: 'seedbed', iterations: 1 } as const,
  };
};
const averages = (averaged: number, first: number, change: number, strength = 0.8, kept = 0.9) => [
  {
    ...{ ...subject, most: 16, sizes: [1, 16], curve: [about(0.01), about(averaged)], others: about(0.1) },
    short: about(0.2),
    ...{ changes: [about(first), about(change)], change: about(change), chance: about(0.05) },
    ...{ detail: { strength: about(strength), kept: about(kept) }, measured: about(0.5) },
    ...{ expected: about(0.5), correlation: about(0.4), independent: about(0.06) },
    ...{
      share: about(averaged / 0.1),
      late: { ofOthers: about(change / 0.1), ofFirst: about(change / first) },
    },
  },
];
const identified = (mean: number, named: number) => [
  {
    ...{
      ...subject,
      sizes: [1, 16],
      curve: [about(0.2), about(mean)],
      most: 16,
      others: 2,
      single: about(0.2),
    },
    ...{ mean: about(mean), none: about(0.1), theirs: about(0.1), lead: about(mean - 0.1) },
    ...{ named: about(named), nearest: about(0.3) },
  },
];
const halves = (few: number, many: number) => ({
  results: [
    { size: 30, names: ['mnist-small-30a'], ratio: about(few), memorised: about(0.9) },
    { size: 27_500, names: ['mnist-small-27500a'], ratio: about(many), memorised: about(0) },
  ],
});
const differing = (networks: number, linear: number) => {
  const level = { networks: about(networks), linear: about(linear), theory: 0.01 };
  const results = [{ size: 300, levels: [0.9, 0.7, 0.5, 0.3, 0.1].map(time => ({ time, ...level })) }];
  return { results, parting: [] };
};
const apart = (disjoint: number, n = 20) => {
  const one = 0.1;
  const between = {
    ...{ one: about(one, n), disjoint: about(disjoint, n), sameChance: null },
    ...{ times: about(disjoint / one, n), added: about(disjoint - one, n) },
  };
  const largest = {
    ...{ size: 27_500, seeds: 1000, sample: 100, names: ['mnist-small-27500a'] },
    ...{ bands: [], jointly: [about(disjoint, n)] },
    pictures: { apart: between, linear: 0.3 },
    levels: [0.9, 0.7, 0.5, 0.3, 0.1].map(time => ({ time, apart: between, linear: 0.05, theory: 0.05 })),
  };
  return { largest, smaller: [{ ...largest, size: 300 }] };
};
const noisy = (error: number, spread: number) => ({
  tried: [
    { level: 0, error: about(0.08), spread: about(0), times: about(1) },
    { level: 1, error: about(error), spread: about(spread), times: about(error / 0.08) },
  ],
  ...{ chance: about(0.15), free: about(0.15) },
});
const embedded = (correlation: number, distance: number, first: number) => ({
  ...{
    own: { correlation: about(correlation), distance: about(distance) },
    others: 20,
    quarters: about(0.9),
  },
  ...{ single: { correlation: about(0.3), distance: about(1) }, theirs: about(0.1), nearest: about(0.2) },
  ...{ random: about(0), noise: about(0.5), ownVariance: about(1), ofCommon: about(correlation) },
  ...{ close: about(distance), first: about(first) },
});
const origin: [number, number] = [0, 0];
const ways = (share: number, best: number) => ({
  planes: [
    {
      curve: 'circles' as const,
      ...{ trained: plane(share), best: plane(best), drawn: { data: [], paths: [[origin, origin]] } },
      drawnBest: { data: [], paths: [[origin, origin]] },
    },
  ],
  pictures: {
    ...{ share: certain(share), expected: certain(0.9), turned: certain(0.3) },
    ...{ free: certain(1), freeLinear: certain(1), chance: 0.01 },
    chord: { own: certain(0.5), linear: certain(0.5) },
    last: { own: certain(0.5), linear: certain(0.5) },
  },
});
const plane = (share: number) => ({
  ...{ straight: certain(share), unscaled: certain(1), jump: certain(1) },
  ...{ last: certain(0.5), lastChance: certain(0.6), chord: certain(0.5), chordChance: certain(0.6) },
});
const refined = (ratio: number) => ({
  ...{ before: about(0.002), later: about(0.001), noise: about(0.01), inverted: about(0.001) },
  ...{ ratio: about(ratio), left: about(0.4), beforePart: about(0.002) },
  ...{ count: 20, refinedCost: 100, splitCost: 95 },
});
const superposed = (ratio: number) => ({ left: about(0.1), real: about(0.1 / ratio), ratio: about(ratio) });
const between = (ratio: number, nearer: number, embedder?: number, lerp = 1) => ({
  ...{ superposed: superposed(ratio), superposedLerp: superposed(1) },
  embedder:
    embedder === undefined
      ? undefined
      : { superposed: superposed(embedder), relative: about(1), nearer: about(nearer) },
  ...{ norms: [about(1), about(0.5)], nearer: about(nearer) },
  ...{ relativePixels: about(1), relativeLerp: about(lerp), relativeSlerp: about(nearer), count: 20 },
});
const certain = (mean: number): Sampled => ({ mean, low: mean - 0.01, high: mean + 0.01, n: 20 });
const detail = (strength: number, kept: number) => ({ strength: about(strength), kept: about(kept) });
const generated = (kept: number, ratio: number) => ({
  ...{ error: about(0.001), kept: certain(kept), keptOfData: certain(0.9), ratio: about(0.5) },
  relative: about(ratio),
});
const kinds = (ratio: Sampled, relative = ratio) => ({
  ...{ own: about(0.002), made: about(0.001), ratio, byInversion: about(1), detail: 1, count: 20 },
  relative,
});
const level = (gain: number) => ({
  ...{ atInput: about(0.07), atBlocks: about(0.07), atAgain: about(0.07), gain: about(gain) },
  ...{ chance: about(0.0001), ratio: about(0.1), inputWeights: '1', blockWeights: '2' },
});
const inside = (gap: Sampled, fresh: number, lead = about(0.01 - fresh)) => [
  {
    ...{ ...subject, curve: [0.01, 0.01, 0.01, 0.01, 0.01, 0.005].map(mean => about(mean)), gap },
    ...{ fresh: about(fresh), lead, stretched: about(0.01) },
    ...{ own: about(0), shuffled: about(0) },
  },
];
const pulled = (ratio: number, after: number, away = 0.1) => [
  {
    ...{
      what: title,
      model: 'made-up',
      before: about(0.01),
      after: about(after),
      moved: about(0.01),
      ratio: about(ratio),
      ...{ unrelated: about(0.1), away: about(away), drawn: 3, steps: 10 },
    },
    known: { before: about(0.006), ratio: about(0.7), moved: about(0.01), times: about(after / 0.006) },
  },
];
const strokes = (kept: number, left: number) => [
  {
    ...{
      what: title,
      model: 'made-up',
      kept: [{ dial: 0.7, share: about(kept) }],
      left: about(left),
      faded: about(0.6),
    },
    ...{ outside: about(0.01), usual: about(0.01), stir: about(1) },
  },
];
const steps = (sensitive: number, thin: number) => [
  {
    ...{ ...subject, seeds: 20, picks: [0, 1], changes: [about(0.1), about(0.1)], some: 1, count: 2 },
    ...{ minor: about(0.01), major: about(0.01), random: about(0.01), unseen: about(0.01) },
    ...{ thin: about(thin), sensitive: about(sensitive), times: about(1) },
    sensitiveTimes: about(sensitive / 0.01),
  },
];
const shape = (top: number, along: number, data = along, seeds = 200) => {
  const variances = {
    ...{ variances: [about(2), about(1)], expected: [about(2), about(1)], least: about(1) },
    ...{ greatest: about(2), low: about(0.5), high: about(2) },
  };
  return [
    {
      ...{ ...subject, subject: 'mnist' as const, seeds, dims: 64, along: about(along), random: about(1) },
      ...{ own: { ...variances, top: about(top) }, noise: { ...variances, top: about(1) }, top: about(top) },
      ...{ share: about(along), data: about(data), across: about(data), next: about(1), rest: about(1) },
    },
  ];
};
const explained = (scaled: number, convolved: number) => [
  {
    ...{ ...subject, subject: 'mnist' as const, scaled: about(scaled), convolved: about(convolved) },
    ...{
      ofItsOwn: about(convolved),
      quarters: about(scaled),
      singles: about(0.1),
      noise: about(0),
      embedded: about(0.1),
    },
    ...{ foreign: about(0.2), lead: about(convolved - 0.2), common: about(0.9) },
    ofCommon: { scaled: about(scaled / 0.9), convolved: about(convolved / 0.9) },
  },
];

const spread = (euclidean: number, apart: number) => {
  const of = (euclidean: number, apart: number) => ({
    ...{ euclidean: about(euclidean), least: about(1), apart: about(apart), correlation: about(0.2) },
    ...{ norm: about(30), fromMean: about(0.7) },
  });
  return [
    { ...subject, dims: 1024, own: of(euclidean, apart), none: of(45, 1.41), share: about(apart / 1.41) },
  ];
};
const bent = (share: number, budget: number, thicker = 20) => [
  {
    ...{ ...subject, subject: 'mnist' as const, descent: undefined },
    own: {
      ...{
        spread: about(0.001),
        flat: about(0.003),
        part: about(share),
        chance: about(2),
        share: about(share),
      },
      ...{ along: about(0.01), posterior: about(0.01 / thicker), thicker: about(thicker) },
      ...{ variances: [about(0.01)], posteriors: [about(0.001)], error: about(0.001), budget: about(budget) },
    },
  },
];
const paths = (kept: number, joined = kept) => {
  const curve = [about(0.001)];
  return {
    planes: [],
    clouds: [
      {
        ...{ ...subject, subject: 'mnist' as const, random: about(0.1), lerp: about(kept), slerp: about(0) },
        ...{ joined: about(joined), control: about(0), astray: about(0.1), chance: about(0) },
        lead: { joined: about(joined - 0.1), lerp: about(kept - 0.1) },
        ...{ lerpWithin: [about(kept), about(kept)], slerpWithin: [about(0), about(0)] },
        worst: { straight: about(0.001), arcs: about(0.01) },
        curves: { straight: curve, arcs: curve, towards: curve, foreign: curve },
      },
    ],
  };
};
const duels = (...ratios: number[]) => {
  const ended = { name: 'a', evaluations: 100, seconds: 1, error: about(0.001), variance: about(1) };
  const all = ratios.map(ratio => ({ split: 'a', descent: 'a', ratio: about(ratio) }));
  return [
    {
      ...{ ...subject, subject: 'mnist' as const, atEvaluations: all, inTime: all, random: about(0.1) },
      standings: (['split inversion', 'descent'] as const).map(way => ({
        ...ended,
        way,
        rejected: about(0.1),
      })),
    },
  ];
};

/** What the numbers say of a claim. */
const says = <Numbers>(one: Experiment<Numbers>, numbers: Numbers, claim = 0): Verdict =>
  one.report(numbers).claims[claim]!.numbersSay;
/** A mean of which next to nothing is known. */
const unsure = (mean: number): Sampled => ({ mean, low: mean - 1, high: mean + 1, n: 20 });

test.each<[string, () => Verdict[], Verdict[]]>([
  [
    'fig1: grown from itself a picture is far, about a tenth of the way, near; weaker it comes nearer or not',
    () => {
      const itself = (own: number, weaker = 0.5) => ({
        ...{ own: about(own), chance: about(0.16), pairs: about(0.18), variance: about(1) },
        ...{ weak: about(0.05), weaker: about(weaker) },
      });
      return [
        ...[0.15, 0.016, 0.001].map(own => says(fig1, itself(own))),
        ...[0.5, 1, 1.2].map(weaker => says(fig1, itself(0.15, weaker), 1)),
      ];
    },
    ['holds', 'open', 'fails', 'holds', 'open', 'fails'],
  ],
  [
    'fig3: an embedder is ten times nearer than another picture, nearer, no nearer',
    () => [0.002, 0.1, 0.2].map(own => says(fig3, { own: about(own), others: about(0.18), count: 20 })),
    ['holds', 'partly', 'fails'],
  ],
  [
    'fig4: what comes back is less strange by more than usual, so but strange still, as usual, more; it is the picture or another',
    () => [
      says(fig4, pulled(0.5, 0.005)),
      says(fig4, pulled(0.5, 0.015)),
      says(fig4, pulled(0.7, 0.007)),
      says(fig4, pulled(1.2, 0.012)),
      says(fig4, pulled(0.5, 0.005), 1),
      says(fig4, pulled(0.5, 0.005, 0.9), 1),
    ],
    ['holds', 'partly', 'open', 'fails', 'holds', 'fails'],
  ],
  [
    'fig5: strokes are integrated, only fade, are stranger than by fading, are removed',
    () =>
      [
        [0.6, 0.1],
        [0.6, 0.36],
        [0.6, 0.6],
        [0, 0.1],
      ].map(([kept, left]) => says(fig5, strokes(kept!, left!))),
    ['holds', 'partly', 'fails', 'fails'],
  ],
  [
    'fig7: both cosines are more even, it cannot be told, one of them is less',
    () =>
      [0.8, 1, 1.3].map(ratio =>
        says(fig7, {
          ...{ linear: about(0.3), quadratic: about(0.2), cosine: about(0.15), continuous: about(0.14) },
          ratio: about(ratio),
        }),
      ),
    ['holds', 'open', 'fails'],
  ],
  [
    'fig10: networks agree to two orders, somewhat, not',
    () => [0.005, 0.1, 0.6].map(ratio => says(fig10, networks(ratio, 0.9))),
    ['holds', 'partly', 'fails'],
  ],
  [
    'fig10: seeds of networks are one, nearer than those of other pictures, no nearer',
    () => [0.05, 0.5, 1.1].map(share => says(fig10, networks(0.1, share), 1)),
    ['holds', 'partly', 'fails'],
  ],
  [
    'fig11: many seeds of a picture, one again and again, none',
    () => [says(fig11, clouds(0.001, 0.4)), says(fig11, clouds(0.001, 0.99)), says(fig11, clouds(0.2, 0.4))],
    ['holds', 'fails', 'fails'],
  ],
  [
    'fig11: descent finds seeds or none, as wide as those of split inversion or wider',
    () => [
      ...[cloud(0.001, 0.4), cloud(0.2, 0.4)].map(one => says(fig11, clouds(0.001, 0.4, one), 1)),
      ...[0.9, 1.1, 2].map(variance => says(fig11, clouds(0.001, 0.4, cloud(0.001, 0.4, variance)), 2)),
    ],
    ['holds', 'fails', 'holds', 'open', 'fails'],
  ],
  [
    'split-or-descent: split inversion is nearer at every cost, at some, at none, untold, never as cheap',
    () =>
      [duels(0.1, 0.9), duels(0.1, 1.1), duels(1.2), duels(0.1, 1), duels()].map(all =>
        says(splitOrDescent, all),
      ),
    ['holds', 'partly', 'fails', 'open', 'open'],
  ],
  [
    'fig13: means grow the picture or not; settle, still change, change as ever; are smoother, untold, as sharp, dull',
    () => [
      ...[0.005, 0.05].map(error => says(fig13, averages(error, 0.01, 0.001))),
      ...[
        [0.01, 0.001],
        [0.1, 0.05],
        [0.001, 0.0012],
      ].map(([first, change]) => says(fig13, averages(0.005, first!, change!), 1)),
      ...[
        [0.85, 0.9],
        [1, 0.9],
        [1.2, 0.9],
        [0.8, 0.5],
      ].map(([strength, kept]) => says(fig13, averages(0.005, 0.01, 0.001, strength, kept), 2)),
    ],
    ['holds', 'fails', 'holds', 'fails', 'fails', 'holds', 'open', 'fails', 'fails'],
  ],
  [
    'fig14: what changes the picture is thin, about half as wide, as wide; nothing changes it more',
    () =>
      [
        [0.1, 0.1],
        [0.1, 0.5],
        [0.1, 1],
        [0.01, 0.1],
      ].map(([sensitive, thin]) => says(fig14, steps(sensitive!, thin!))),
    ['holds', 'open', 'fails', 'fails'],
  ],
  [
    'fig15: the U-Net wins on most pictures, about half, few; those before it are each better, or one is not',
    () => {
      const won = (wins: number, step: number) => ({
        wins: about(wins),
        steps: [about(0.9), about(step)],
        titles: ['small', 'larger', 'largest', 'U-Net'],
      });
      return [
        ...[0.9, 0.5, 0.3].map(wins => says(fig15, won(wins, 0.9))),
        ...[0.9, 0.3].map(step => says(fig15, won(0.9, step), 1)),
      ];
    },
    ['holds', 'open', 'fails', 'holds', 'fails'],
  ],
  [
    'fig16: just slightly blurred, slightly but not just, much, not; hard edges for lost texture',
    () =>
      [
        [0.8, 0.9],
        [0.94, 0.85],
        [0.4, 0.5],
        [1.2, 0.9],
        [1, 0.5],
      ].map(([strength, kept]) =>
        says(fig16, {
          ...{ embedder: detail(strength!, kept!), same: detail(strength!, kept!), inverted: detail(1, 1) },
          ...{ lead: about(1 - kept!), beyond: about(strength! - kept!), error: about(0.001) },
          byBlur: about(1 - 2 * strength! + kept!),
        }),
      ),
    ['holds', 'partly', 'fails', 'fails', 'fails'],
  ],
  [
    'fig17: generated pictures keep nearly all detail, untold, less',
    () =>
      [generated(0.98, 0.5), generated(0.95, 0.5), generated(0.8, 2)].map(numbers => says(fig17, numbers)),
    ['holds', 'open', 'fails'],
  ],
  [
    'table2: generated pictures are easier, untold, harder; at equal contrast too',
    () => [
      ...[about(0.5), unsure(1), about(2)].map(ratio => says(table2, kinds(ratio))),
      ...[about(0.5), unsure(1), about(2)].map(relative => says(table2, kinds(about(0.5), relative), 1)),
    ],
    ['holds', 'open', 'fails', 'holds', 'open', 'fails'],
  ],
  [
    'fig18: descent refines, untold, not; as much as the paper’s, untold, less',
    () => [
      ...[0.8, 1, 1.2].map(ratio => says(fig18, refined(ratio))),
      ...[0.3, 0.39, 0.8].map(ratio => says(fig18, refined(ratio), 1)),
    ],
    ['holds', 'open', 'fails', 'holds', 'open', 'fails'],
  ],
  [
    'fig19: middles are pictures of their own, untold, superpositions; so are the embedder’s; nearer to pictures or not, or by a measure that likes what is smooth',
    () => [
      ...[0.9, 0.5, 0.1].map(ratio => says(fig19, between(ratio, 0.9))),
      ...[0.9, 0.1].map(embedder => says(fig19, between(0.9, 0.9, embedder), 1)),
      ...[0.9, 1, 1.5].map(nearer => says(fig19, between(0.9, nearer), 1)),
      ...[0.9, 1, 1.5].map(nearer => says(fig19, between(0.9, nearer, 0.9), 3)),
      says(fig19, between(0.9, 0.9, undefined, 0.6), 1),
    ],
    [
      'holds',
      'open',
      'fails',
      'holds',
      'fails',
      ...Array(2).fill(['holds', 'open', 'fails']).flat(),
      'partly',
    ],
  ],
  [
    'identifiable: the mean names its picture, others as well, none',
    () => [identified(0.6, 1), identified(0.6, 0.5), identified(0.05, 0)].map(one => says(identifiable, one)),
    ['holds', 'partly', 'fails'],
  ],
  [
    'border: seeds are better than what is inside, untold, worse; so is what is as far out, untold, not',
    () => [
      ...[about(0.005), unsure(0), about(-0.005)].map(gap => says(border, inside(gap, 0.02))),
      says(border, inside(about(0.005), 0.005), 1),
      says(border, inside(about(0.005), 0.01, unsure(0)), 1),
      says(border, inside(about(0.005), 0.02), 1),
    ],
    ['holds', 'open', 'fails', 'holds', 'open', 'fails'],
  ],
  [
    'straight: less than half the detour of a quarter circle, less than all of it, more; so in the plane',
    () => [
      ...[0.97, 0.92, 0.88].map(share => says(straight, ways(share, 0.97), 2)),
      ...[0.97, 0.92, 0.88].map(best => says(straight, ways(0.97, best))),
    ],
    ['holds', 'partly', 'fails', 'holds', 'partly', 'fails'],
  ],
  [
    'canonical: the seed is the mean, nearer to it than seeds are, no nearer; it is nearer to it than others are, or no more often than not',
    () => [
      ...[0.97, 0.9, 0.3].map(correlation => says(canonical, embedded(correlation, 0.1, 1))),
      ...[1, 0.5, 0.3].map(first => says(canonical, embedded(0.6, 0.9, first), 1)),
    ],
    ['holds', 'partly', 'fails', 'holds', 'open', 'fails'],
  ],
  [
    'spectrum: thin somewhere, untold, nowhere; wide somewhere, nowhere, untold by few seeds',
    () => [
      ...[0.1, 0.5, 1].map(along => says(spectrum, shape(1, along))),
      says(spectrum, shape(4, 1), 1),
      says(spectrum, shape(1, 1), 1),
      says(spectrum, shape(1, 1, 1, 20), 1),
    ],
    ['holds', 'open', 'fails', 'holds', 'fails', 'open'],
  ],
  [
    'spectrum: across the data, a little, not',
    () => [0.1, 0.8, 1].map(data => says(spectrum, shape(1, 0.1, data), 2)),
    ['holds', 'partly', 'fails'],
  ],
  [
    'sheet: seeds spread their picture far less than random steps, somewhat less, as a flat set would',
    () => [bent(0.3, 1), bent(0.8, 1), bent(1, 1)].map(one => says(sheet, one)),
    ['holds', 'partly', 'fails'],
  ],
  [
    'sheet: thicker than the posterior of a linear sampler or not, than any flat set of that error or not',
    () => [
      ...[20, 10, 2].map(thicker => says(sheet, bent(1, 1, thicker), 1)),
      ...[1.5, 1, 0.7].map(budget => says(sheet, bent(1, budget), 2)),
    ],
    ['holds', 'open', 'fails', 'holds', 'open', 'fails'],
  ],
  [
    'connected: all pairs are joined, many are, no more than by chance; by straight paths all, arcs alone, none',
    () => [
      ...[1, 0.6, 0.05].map(joined => says(connected, paths(joined))),
      ...[1, 0.6, 0.05].map(kept => says(connected, paths(kept, 1), 1)),
    ],
    ['holds', 'open', 'fails', 'holds', 'fails', 'fails'],
  ],
  [
    'distances: far apart, near each other; at the paper’s number or not',
    () => [
      ...[1.2, 0.1].map(apart => says(distances, spread(40, apart))),
      ...[0.9, 40].map(euclidean => says(distances, spread(euclidean, euclidean / 32), 1)),
    ],
    ['holds', 'fails', 'holds', 'fails'],
  ],
  [
    'rescaled: one factor explains the seed or not, a convolution does or not',
    () => [
      ...[0.7, 0.45, 0.2].map(scaled => says(rescaled, explained(scaled, 0.8))),
      ...[0.8, 0.1].map(convolved => says(rescaled, explained(0.1, convolved), 1)),
    ],
    ['holds', 'open', 'fails', 'holds', 'fails'],
  ],
  [
    'noisy-seed: noise only spreads, helps too, does nothing',
    () => [noisy(0.14, 0.15), noisy(0.02, 0.15), noisy(0.14, 0)].map(one => says(noisySeed, one)),
    ['holds', 'fails', 'fails'],
  ],
  [
    'retrain: the same to two orders, somewhat, not',
    () =>
      [0.005, 0.1, 0.6].map(ratio => says(retrain, [{ how: title, linear: about(0.2), ...network(ratio) }])),
    ['holds', 'partly', 'fails'],
  ],
  [
    'blocks: the same to two orders, somewhat, not',
    () =>
      [0.005, 0.1, 0.6].map(ratio =>
        says(blocks, {
          linear: about(0.2),
          chance: about(0.1),
          others: [{ name: 'mnist-small-1-block', ratio: about(ratio) }],
        }),
      ),
    ['holds', 'partly', 'fails'],
  ],
  [
    'level-input: nothing gained, a little, much',
    () => [-0.01, 0.001, 0.01].map(gain => says(levelInput, level(gain))),
    ['holds', 'partly', 'fails'],
  ],
  [
    'training-size: halves agree better, no better',
    () => [halves(0.9, 0.05), halves(0.9, 0.9)].map(one => says(trainingSize, one)),
    ['holds', 'open'],
  ],
  [
    'agreement: linear denoisers differ as theory says, nearly, not',
    () => [0.01, 0.015, 0.03].map(linear => says(agreement, differing(0.01, linear))),
    ['holds', 'partly', 'fails'],
  ],
  [
    'halves: pictures as alike as of one half, less, not half as much',
    () => [0.105, 0.16, 0.3].map(disjoint => says(disjointHalves, apart(disjoint))),
    ['holds', 'partly', 'fails'],
  ],
  [
    'halves: images add less than to linear denoisers, as much, more',
    () => [0.12, 0.15, 0.3].map(disjoint => says(disjointHalves, apart(disjoint), 1)),
    ['holds', 'open', 'fails'],
  ],
])('%s', (_, verdicts, expected) => expect(verdicts()).toEqual(expected));

test('connected: clouds all of whose paths stay hold, as do those of which two paths in 80 leave, and half do not', () => {
  const made = paths(1).clouds[0]!;
  const shares = [new Array(20).fill(1), [0.5, ...new Array(19).fill(1)], new Array(20).fill(0.5)];
  const verdicts = shares.map(kept => {
    const of = shareOf(kept);
    const cloud = { ...made, lerp: of, joined: of, lead: { joined: of, lerp: of } };
    return [0, 1].map(claim => says(connected, { planes: [], clouds: [cloud] }, claim));
  });
  expect(verdicts).toEqual([
    ['holds', 'holds'],
    ['holds', 'holds'],
    ['open', 'fails'],
  ]);
});

test('one pair of trainings decides nothing, whatever its number', () => {
  const [claim] = fig10.report(networks(0.005, 0.9, 1)).claims;
  expect(claim).toMatchObject({ verdict: 'open', numbersSay: 'holds' });
});
