import { median } from '../src/tensor/statistics.ts';
import { ratios, shareOfPeak } from './compare.ts';
import {
  type Comparison,
  type Growth,
  type Learner,
  MOVES,
  PROMISED,
  type Profile,
  type Results,
  type Start,
} from './results.ts';

const percent = (share: number) => `${Math.round(100 * share)} %`;
const mebibytes = (bytes: number) => Math.round(bytes / 2 ** 20);

/** Beyond this factor between the matrix product's rates something else was at work on the machine. */
const QUIET = 1.3;

/** A warning where the machine itself was not the same throughout. */
export function disturbance({ comparisons }: Results): string | undefined {
  const products = comparisons.flatMap(comparison => comparison.products);
  const [low, high] = [Math.min(...products), Math.max(...products)];
  return products.length > 0 && high / low > QUIET
    ? `**The machine was not quiet**: its matrix product ran at ${Math.round(low / 1e9)} to ${Math.round(high / 1e9)} GFLOP/s. Measure again.`
    : undefined;
}

/** What the figures leave of the promises: a sentence for each that is not kept, with what the figures say of why. */
export function shortfalls(results: Results): string[] {
  return [
    ...results.comparisons.flatMap(judgeRatio),
    ...(results.learning ? judgeLearning(results.learning) : []),
    ...(results.profile ? judgeProfile(results.profile) : []),
    ...(results.start ? judgeStart(results.start) : []),
    ...(results.checkpointed ? judgeMemory('T', results.checkpointed) : []),
    ...(results.scale ? judgeScale(results.scale) : []),
  ];
}

function judgeRatio(comparison: Comparison): string[] {
  const { task, sides } = comparison;
  const promised = PROMISED.ratio[task];
  const rival = sides.find(side => side.name.startsWith('PyTorch'));
  if (!rival) return [`**${task}**: not judged, PyTorch was not measured.`];
  const { low, middle, high } = ratios(comparison, rival);
  if (low >= promised) return [];
  const figures = `promised ${promised} times PyTorch, measured ${middle.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`;
  if (middle >= promised) return [`**${task}**: ${figures}: kept in the middle, not in every repeat.`];
  const [own, theirs] = [shareOfPeak(comparison, sides[0]!), shareOfPeak(comparison, rival)];
  const needed = promised * theirs;
  const shares = `Seedbed does these operations at ${percent(own)} of the rate of the machine's matrix product, PyTorch at ${percent(theirs)}; the promise takes ${percent(needed)}`;
  const why =
    needed > 1
      ? 'more than a matrix product reaches: fewer operations could keep it, not faster ones'
      : `so ${percent(1 - own / needed)} of Seedbed's time would have to go, of what it spends on convolutions slower than that product and on all that is no product at all`;
  return [`**${task}**: ${figures}. ${shares}, ${why}.`];
}

/** Minutes of training until a held-out loss; undefined where it is not reached. */
export function minutesTo({ points }: Learner, goal: number): number | undefined {
  const first = points.find(({ heldOut }) => heldOut <= goal);
  return first && first.seconds / 60;
}

/** The last loss that Seedbed came to, in minutes, those in which PyTorch did, and their share; undefined where it did not. */
export function atItsEnd([own, other]: readonly [Learner, Learner]) {
  const { heldOut, seconds } = own.points.at(-1)!;
  const theirs = minutesTo(other, heldOut);
  return theirs === undefined
    ? undefined
    : { heldOut, minutes: seconds / 60, theirs, share: seconds / 60 / theirs };
}

function judgeLearning(learning: readonly [Learner, Learner]): string[] {
  const [own, other] = learning;
  const goal = other.points.at(-1)!;
  const first = minutesTo(own, goal.heldOut);
  const promised = `promised PyTorch's held-out loss, ${goal.heldOut.toFixed(4)}, in ${percent(PROMISED.learning)} of its time`;
  if (first === undefined) {
    const end = atItsEnd(learning);
    const share = end ? `, in ${percent(end.share)} of PyTorch's time to that` : '';
    return [`**learning**: ${promised}; it came to ${own.points.at(-1)!.heldOut.toFixed(4)}${share}.`];
  }
  const share = (60 * first) / goal.seconds;
  return share <= PROMISED.learning ? [] : [`**learning**: ${promised}, measured ${percent(share)}.`];
}

/** The part of a step's time in operators that only move numbers. */
export function movesShare({ kinds, milliseconds }: Profile): number {
  const moves = kinds.filter(({ kind }) => MOVES.includes(kind));
  return moves.reduce((sum, kind) => sum + kind.milliseconds, 0) / milliseconds;
}

function judgeProfile(profile: Profile): string[] {
  const share = movesShare(profile);
  const products = profile.kinds.find(({ kind }) => kind === 'Mul')?.nodes ?? 0;
  return [
    ...(share > PROMISED.moves
      ? [`**moves**: promised ${percent(PROMISED.moves)} of a training step, measured ${percent(share)}.`]
      : []),
    ...(products > PROMISED.multiplications
      ? [`**Mul nodes**: promised ${PROMISED.multiplications} in a training step, there are ${products}.`]
      : []),
  ];
}

function judgeStart({ first, whole, program }: Start): string[] {
  const middle = median(first);
  if (middle <= PROMISED.startSeconds) return [];
  const share = first[0]! / whole;
  const when =
    share > 0.9
      ? 'the first result comes with the last, when all pictures are done'
      : `the first result comes after ${percent(share)} of the whole run`;
  return [
    `**start**: promised ${PROMISED.startSeconds} s, measured ${middle.toFixed(1)} s. Of this the program's own start takes ${median(program).toFixed(1)} s; ${when}, which took ${whole.toFixed(1)} s.`,
  ];
}

/** Memory at the largest size against the smallest. */
function judgeMemory(of: string, rows: readonly Growth[]): string[] {
  const [first, last] = [rows[0]!, rows.at(-1)!];
  const growth = last.peakBytes / first.peakBytes;
  if (growth <= PROMISED.memoryGrowth) return [];
  const each = (last.peakBytes - first.peakBytes) / (last.size - first.size);
  return [
    `**memory over ${of}**: promised flat, measured ${growth.toFixed(2)} times as much at ${last.size} as at ${first.size}: ${mebibytes(last.peakBytes - first.peakBytes)} MiB more, ${Math.round(each / 1024)} KiB for each.`,
  ];
}

function judgeScale(rows: readonly Growth[]): string[] {
  const each = rows.map(row => row.seconds / row.size);
  const growth = each.at(-1)! / Math.min(...each);
  const time =
    growth <= PROMISED.timeGrowth
      ? []
      : [
          `**time over seeds**: promised linear, measured ${growth.toFixed(2)} times as long for each of ${rows.at(-1)!.size} seeds as at the best.`,
        ];
  return [...time, ...judgeMemory('seeds', rows)];
}
