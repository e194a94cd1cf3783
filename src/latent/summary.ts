import { SeedbedError } from '../errors.ts';
import { average } from '../tensor/statistics.ts';
import { LEVEL, type Panel, type SeedVerdict } from './gaussianity.ts';

/**
 * One statistic over many seeds, compared with what Gaussian noise gives.
 * @group Statistics
 */
export interface StatisticSummary {
  /** The seeds' mean. */
  readonly mean: number;
  /** Of `spectrum` and `bands`: the seeds' mean energy in each band. */
  readonly energies?: readonly number[];
  /** The share of seeds with a p-value of 0.01 or less: 0.01 for Gaussian ones. */
  readonly rejected: number;
  /** The mean for Gaussian noise and the range that holds 95 % of its seeds. */
  readonly expected: { readonly mean: number; readonly low: number; readonly high: number };
}

/**
 * Sums up what a panel says of many seeds.
 * @param verdicts the panel's own, at least one.
 * @returns for each statistic its mean, and the share of seeds rejected at a level of 0.01; `rejected` is that share by the
 * combined p-value.
 * @throws {SeedbedError} BadArgument without verdicts.
 * @group Statistics
 * @example
 * import { createPanel, float32, summarise } from 'seedbed';
 * const panel = createPanel([2]);
 * const { statistics, rejected } = summarise(panel, panel.judge(float32([2, 2], [0.5, -1, 5, 5])));
 * console.log(statistics.mean.mean, rejected); // prints 2.375 0.5
 */
export function summarise(
  panel: Panel,
  verdicts: readonly SeedVerdict[],
): { statistics: Readonly<Record<string, StatisticSummary>>; rejected: number } {
  if (verdicts.length === 0) throw new SeedbedError('BadArgument', 'summarise: there are no verdicts');
  const statistics = panel.statistics.map(name => [name, summaryOf(panel, verdicts, name)]);
  return {
    statistics: Object.fromEntries(statistics),
    rejected: average(verdicts.map(({ gaussian }) => (gaussian ? 0 : 1))),
  };
}

function summaryOf(panel: Panel, verdicts: readonly SeedVerdict[], name: string): StatisticSummary {
  const results = verdicts.map(({ statistics }) => statistics[name]!);
  const bands = results[0]!.energies?.map((_, b) => average(results.map(({ energies }) => energies![b]!)));
  return {
    mean: average(results.map(({ value }) => value)),
    ...(bands && { energies: bands }),
    rejected: average(results.map(({ p }) => (p <= LEVEL ? 1 : 0))),
    expected: panel.expected[name]!,
  };
}
