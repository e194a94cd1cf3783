import { SeedbedError } from '../../errors.ts';
import { type Findings, type Gates, gated } from './claims.ts';
import type { Experiment } from './lab.ts';
import type { Reproduced } from './page.ts';

/** What one experiment measured, as report.json keeps it: all that its words, verdicts and plots are made of. */
export interface Saved {
  readonly name: string;
  /** What it took, clouds and models that it was the first to need among it. */
  readonly seconds: number;
  readonly numbers: unknown;
  /** What the gates said of the denoisers of pictures that it asked for. */
  readonly gates: Gates;
  /** The sheets of pictures beside the report, which were drawn when they were measured. */
  readonly sheets: readonly { readonly file: string; readonly caption: string }[];
}

/** What is said of the numbers now, whenever they were measured. @throws {SeedbedError} Mismatch where they are those of another version. */
export function reported(
  experiment: Experiment,
  { seconds, numbers, gates, sheets }: Saved,
): Reproduced & { readonly plots: NonNullable<Findings['plots']> } {
  const { name, title } = experiment;
  const { claims, tables = [], notes = [], plots = [] } = findingsOf(experiment, numbers);
  const pictures = [
    ...sheets.map(({ file, caption }) => ({ file, caption, svg: false })),
    ...plots.map(({ file, caption }) => ({ file, caption, svg: true })),
  ];
  const held = claims.map(claim => gated(claim, gates));
  return { name, title, seconds, claims: held, gates, tables, notes, pictures, plots };
}

function findingsOf(experiment: Experiment, numbers: unknown): Findings {
  try {
    return experiment.report(numbers);
  } catch (cause) {
    throw new SeedbedError(
      'Mismatch',
      `the saved numbers of ${experiment.name} are not those that this version reports on; measure them again: seedbed reproduce ${experiment.name}`,
      { cause },
    );
  }
}

/** Text of JSON in which numbers that are not finite stand as words, as JSON has none for them. */
export function writeNumbers(value: unknown, space?: number): string {
  const worded = (_: string, item: unknown) =>
    typeof item === 'number' && !Number.isFinite(item) ? String(item) : item;
  return JSON.stringify(value, worded, space);
}

/** A value of JSON with its words for numbers that are not finite read back. */
export function readNumbers(value: unknown): unknown {
  if (typeof value === 'string') return /^(NaN|-?Infinity)$/.test(value) ? Number(value) : value;
  if (Array.isArray(value)) return value.map(readNumbers);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, readNumbers(item)]));
}
