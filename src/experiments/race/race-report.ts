import { type NamedPoint, scatterFigure } from '../../figures/scatter.ts';
import { bestWithin, type Standing } from './race.ts';

/** The least error that the plots show: exact samplers reach less than any eye or file can tell. */
const LEAST = 1e-6;
/** The most points that are all named in a plot. */
const MOST_NAMED = 50;
/** Places that a ranking names. */
const PLACES = 6;

const error = (value: number) =>
  value === 0 ? '0' : value < 1e-8 ? value.toExponential(0) : value.toPrecision(2);
const short = (value: number) => (value < 10 ? value.toPrecision(2) : value.toFixed(0));
const share = (value: number) => `${Math.round(100 * value)} %`;

/** What a report says of the race itself. */
export interface RaceFacts {
  readonly model: string;
  readonly data: string;
  readonly pictures: number;
  /** The command that makes the report again. */
  readonly command: string;
  /** Network evaluations at which the ranking is drawn up; spread over what was spent unless given. */
  readonly budgets?: readonly number[] | undefined;
  /** Statistics of the panel that have columns of their own. */
  readonly columns: readonly string[];
}

/** The race as a page of Markdown: everything that ran, then who is first at equal evaluations and at equal time. */
export function raceReport(standings: readonly Standing[], facts: RaceFacts): string {
  const { model, data, pictures, command, columns } = facts;
  const seconds = standings.flatMap(s => (s.seconds === undefined ? [] : [s.seconds])).sort((a, b) => a - b);
  const unit = seconds[0] ?? 1;
  return [
    `# Race: ${model}, ${picturesOf({ pictures, data })}`,
    '',
    `Made by \`${command}\`.`,
    '',
    '![Squared error against network evaluations, a point for each method and setting](race.png)',
    '',
    ...table(standings, columns, unit),
    '',
    'Squared error of pixels in [0,1], mean over pictures (95 % bootstrap interval) and the worst picture. Evaluations count every network pass, the check at the end included. Time is relative to the',
    'fastest, in one run on one machine. "Told from noise" is the share of seeds that a panel of statistics tells from N(0,1) noise at a level of 1 % (1 % of true noise is), in all and by single',
    'statistics. Departure is the root mean square distance of all statistics from noise, in the deviations of noise: about 1 for noise. Exact samplers grow the picture by their own two states.',
    '',
    '## At equal network evaluations',
    ...(
      facts.budgets ??
      budgets(
        standings.map(({ evaluations }) => evaluations),
        4,
      )
    ).flatMap(budget =>
      ranking(
        `${budget} evaluations`,
        bestWithin(standings, ({ evaluations }) => evaluations, budget),
      ),
    ),
    '',
    '## At equal time',
    ...budgets(
      seconds.map(s => s / unit),
      3,
    ).flatMap(budget =>
      ranking(
        `${budget} times the fastest`,
        bestWithin(standings, s => s.seconds && s.seconds / unit, budget),
      ),
    ),
  ].join('\n');
}

function table(standings: readonly Standing[], columns: readonly string[], unit: number): string[] {
  const head = [
    'method',
    'evaluations',
    'time',
    'squared error',
    'worst',
    'seed variance',
    'told from noise',
    ...columns.map(name => `by ${name}`),
    'departure',
    'solved',
    'flagged',
  ];
  const rows = [...standings]
    .sort((a, b) => a.evaluations - b.evaluations)
    .map(s => [
      s.name,
      s.evaluations.toFixed(0),
      s.seconds === undefined ? '' : (s.seconds / unit).toPrecision(3),
      `${error(s.mse.mean)} (${error(s.mse.low)} to ${error(s.mse.high)})`,
      error(s.worst),
      s.variance.toFixed(2),
      share(s.rejected),
      ...columns.map(name => share(s.rejectedBy[name] ?? 0)),
      short(s.departure),
      `${s.converged}`,
      `${s.flagged}`,
    ]);
  return [head, head.map(() => '---'), ...rows].map(cells => `| ${cells.join(' | ')} |`);
}

function ranking(budget: string, best: readonly Standing[]): string[] {
  const places = best
    .slice(0, PLACES)
    .map(({ name, mse, departure }) => `${name} (${error(mse.mean)}, departure ${short(departure)})`);
  return ['', `**Within ${budget}:** ${places.join('; ') || 'none'}.`];
}

/** Round budgets that spread over what was spent, by factors. */
function budgets(spent: readonly number[], count: number): number[] {
  const sorted = [...spent].sort((a, b) => a - b);
  const [low, high] = [sorted[0] ?? 1, sorted.at(-1) ?? 1];
  const all = Array.from({ length: count }, (_, i) =>
    Number((low * (high / low) ** ((i + 1) / count)).toPrecision(1)),
  );
  return [...new Set(all)];
}

/** Squared error against what it cost, in network evaluations or in time. */
export function raceFigure(
  standings: readonly Standing[],
  facts: RaceFacts,
  by: 'evaluations' | 'time',
): string {
  const timed = standings.flatMap(s => (s.seconds === undefined ? [] : [s.seconds]));
  const unit = Math.min(...timed);
  const shown = standings.filter(s => by === 'evaluations' || s.seconds !== undefined);
  const points = [...shown]
    .sort((a, b) => GROUPS.indexOf(groupOf(a)) - GROUPS.indexOf(groupOf(b)))
    .map(s => ({
      ...{ name: s.name, group: groupOf(s), isBelow: s.mse.mean < LEAST },
      x: by === 'evaluations' ? s.evaluations : s.seconds! / unit,
      y: Math.max(s.mse.mean, LEAST),
    }));
  const crowded = points.length > MOST_NAMED;
  return scatterFigure({
    title: `Inverting ${facts.model}`,
    x: {
      label:
        by === 'evaluations'
          ? 'network evaluations per picture'
          : 'time per picture, relative to the fastest',
      log: true,
    },
    y: { label: 'mean squared error of pixels in [0, 1]', log: true },
    points: crowded
      ? points.map(point => (isBeaten(point, points) ? { ...point, name: '' } : point))
      : points,
    notes: `${picturesOf(facts)}. Seeds are near noise where all statistics of a panel lie within ${NEAR} of noise's deviations, root mean square, off noise within ${OFF}, and far from it beyond. Errors below ${LEAST} are drawn there.${crowded ? ' Named are those that none of their colour beats in both, those down there apart.' : ''}`,
    width: 900,
    height: 600,
  });
}

interface Place extends NamedPoint {
  /** Whether it lies below what is drawn. */
  readonly isBelow: boolean;
}

/** Whether another point of its group costs less and reaches more, or one of both with the other equal; those below what is drawn beat each other only. */
function isBeaten({ x, y, group, isBelow }: Place, all: readonly Place[]): boolean {
  return all.some(
    other =>
      other.group === group &&
      other.isBelow === isBelow &&
      other.x <= x &&
      other.y <= y &&
      (other.x < x || other.y < y),
  );
}

/** Statistics of a panel, in noise's deviations, up to which seeds are near noise, and off it. */
const NEAR = 2;
const OFF = 6;

/** The pictures of a race, in words. */
const picturesOf = ({ pictures, data }: Pick<RaceFacts, 'pictures' | 'data'>) =>
  `${pictures} picture${pictures === 1 ? '' : 's'} of ${data}`;

/** The groups of a plot, each with its colour, the last drawn over the others. */
const GROUPS = ['seeds far from noise', 'seeds off noise', 'seeds near noise'] as const;

function groupOf({ departure }: Standing): (typeof GROUPS)[number] {
  return GROUPS[departure < NEAR ? 2 : departure < OFF ? 1 : 0];
}
