import type { Claim, Findings, GatedClaim, Gates, Verdict } from './claims.ts';
import { LEAST } from './means.ts';

/** What one experiment found, with its pictures as files. */
export interface Reproduced {
  readonly name: string;
  readonly title: string;
  /** What it took, clouds and models that it was the first to need among it. */
  readonly seconds: number;
  readonly claims: readonly GatedClaim[];
  /** Of the denoisers of pictures that it asked for. */
  readonly gates: Gates;
  readonly tables: NonNullable<Findings['tables']>;
  readonly notes: NonNullable<Findings['notes']>;
  readonly pictures: readonly { readonly file: string; readonly caption: string; readonly svg: boolean }[];
}

/** An experiment that was not run, and why. */
export interface Omitted {
  readonly name: string;
  readonly title: string;
  readonly reason: string;
}

/** A model that took part. */
export interface ModelFacts {
  readonly name: string;
  readonly network: string;
  readonly data: string;
  readonly seen: string;
  readonly hash: string;
}

/** What the report says of the run itself. */
export interface ReportFacts {
  /** The command that makes the report again. */
  readonly command: string;
  readonly sizes: string;
  readonly models: readonly ModelFacts[];
}

const WORD: Readonly<Record<Verdict, string>> = {
  holds: 'holds',
  partly: 'in part',
  fails: 'does not hold',
  open: 'open',
};
const VERDICT: Readonly<Record<Verdict, string>> = {
  holds: '**holds**',
  partly: '**in part**',
  fails: '**does not hold**',
  open: '*open*',
};

/** The reproduction as a page of Markdown: every claim in one table, then each experiment with its pictures. */
export function reproductionReport(
  done: readonly Reproduced[],
  omitted: readonly Omitted[],
  { command, sizes, models }: ReportFacts,
): string {
  return [
    '# The paper, measured again',
    '',
    'Figures, tables and claims of Asperti, Evangelista, Marro and Merizzi, *Image embedding for denoising generative models* (2023), and some beyond it, regenerated, each with a number, a control and a verdict.',
    `Made by \`${command}\`; no number on this page was typed by hand.`,
    '',
    `${sizes} Squared errors are of pixels in [0,1]; in brackets stand 95 % intervals, from the bootstrap (of shares Wilson's, of \`halves\` the jackknife's), and n, the independent things (pictures, seeds of noise, trainings) that the mean goes over. Under n = ${LEAST} there is no interval and no verdict: the claim stays open, with what the numbers alone would say. So does one that leaving out any single one of these things would leave open, and one whose models fail their gate ([decision 17](../decisions/0017-gate.md)): beside each stands how many of its conditions they meet, and [below](#the-models) which they do not. A claim about one network speaks of the network at hand, over pictures; one that compares kinds of networks or trainings counts trainings. A ratio of what clouds of seeds show is each picture's, averaged over pictures, and so need not be the ratio of the means beside it. Of intervals of 95 % one in twenty misses what it is of, and here are many. The paper's absolute errors belong to its own models: compare ratios and orders.`,
    '',
    tally(done.flatMap(({ claims }) => claims)),
    '',
    ...rows(
      ['', 'the paper', 'verdict', 'here', 'control', 'gate'],
      done.flatMap(({ name, claims }) =>
        claims.map(claim => [
          `[${name}](#${name})`,
          claim.paper,
          verdictOf(claim),
          claim.number,
          claim.against,
          claim.gate,
        ]),
      ),
    ),
    '',
    ...(omitted.length > 0
      ? ['Not run:', '', ...omitted.map(({ name, title, reason }) => `- ${name} (${title}): ${reason}`), '']
      : []),
    '## The models',
    '',
    ...rows(
      ['model', 'network', 'data', 'trained on', 'hash'],
      models.map(({ name, network, data, seen, hash }) => [
        name,
        network,
        data,
        seen,
        `\`${hash.slice(0, 12)}\``,
      ]),
    ),
    '',
    ...unmet(Object.assign({}, ...done.map(({ gates }) => gates)) as Gates),
    ...done.flatMap(section),
  ].join('\n');
}

/** What denoisers lack to pass their gate. */
function unmet(gates: Gates): string[] {
  const lacking = Object.entries(gates).flatMap(([name, gate]) =>
    gate && gate.fails.length > 0 ? [[name, gate.fails.join('; ')]] : [],
  );
  if (lacking.length === 0) return [];
  return [...rows(['denoiser', 'conditions of its gate that it does not meet'], lacking), ''];
}

/** How every claim begins that the paper does not make. */
const BEYOND = 'Beyond the paper';

/** How many claims there are, of how many statements, and how they came out: those of the paper, and those beyond it. */
export function tally(claims: readonly Claim[]): string {
  const [own, beyond] = [false, true].map(is =>
    claims.filter(({ paper }) => paper.startsWith(BEYOND) === is),
  );
  return [
    ...(own!.length > 0 ? [counted('of the paper', own!)] : []),
    ...(beyond!.length > 0 ? [counted('beyond it', beyond!)] : []),
  ].join(' ');
}

function counted(what: string, claims: readonly Claim[]): string {
  const count = (verdict: Verdict) => claims.filter(claim => claim.verdict === verdict).length;
  // What a claim says of one data set or network stands in brackets.
  const statements = new Set(claims.map(({ paper }) => paper.replaceAll(/\s*\([^()]*\)/g, ''))).size;
  const many = (number: number, one: string) => `${number} ${one}${number === 1 ? '' : 's'}`;
  return `${many(statements, 'statement')} ${what}, on one to three data sets each, ${statements === 1 ? 'makes' : 'make'} ${many(claims.length, 'claim')}: ${count('holds')} hold, ${count('partly')} hold in part, ${count('fails')} do not hold, and ${count('open')} stay open.`;
}

function verdictOf({ verdict, numbersSay }: Pick<Claim, 'verdict' | 'numbersSay'>): string {
  return verdict === numbersSay
    ? VERDICT[verdict]
    : `${VERDICT[verdict]} (numbers alone: ${WORD[numbersSay]})`;
}

function section({ name, title, claims, tables, notes, pictures }: Reproduced): string[] {
  return [
    `<a id="${name}"></a>`,
    '',
    `## ${name}: ${title}`,
    '',
    ...claims.flatMap(({ paper, ours, control, asked, because, ...claim }) => [
      `> ${paper}`,
      '',
      `${verdictOf(claim)}: ${because}`,
      '',
      `- here: ${ours}`,
      `- control: ${control}`,
      `- asked: ${asked}`,
      '',
    ]),
    ...pictures.flatMap(({ file, caption, svg }) => [
      `![${caption}](${file}.png)`,
      '',
      `*${caption}*${svg ? ` ([SVG](${file}.svg))` : ''}`,
      '',
    ]),
    ...tables.flatMap(({ title: heading, columns, rows: cells }) => [
      `**${heading}**`,
      '',
      ...rows(columns, cells),
      '',
    ]),
    ...(notes.length > 0 ? [notes.join(' '), ''] : []),
  ];
}

/** A table of Markdown. */
function rows(columns: readonly string[], cells: readonly (readonly string[])[]): string[] {
  const line = (row: readonly string[]) => `| ${row.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(columns), line(columns.map(() => '---')), ...cells.map(line)];
}
