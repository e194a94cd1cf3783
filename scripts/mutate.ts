/**
 * Feeds thousands of damaged and lying files to the code that reads them, and counts what came of it:
 * npm run mutate [-- --count 10000 --rng 0 --kind NAME --number N]
 */
import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import type { Kind } from './mutate/kind.ts';
import { KINDS } from './mutate/kinds.ts';
import { watch } from './mutate/watch.ts';
import type { Outcome } from './mutate/worker.ts';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '10000' },
    rng: { type: 'string', default: '0' },
    kind: { type: 'string' },
    number: { type: 'string' },
  },
});
const rng = Number(values.rng);
const kinds = KINDS.filter(({ name }) => values.kind === undefined || name === values.kind);
if (kinds.length === 0) throw new Error(`--kind is one of: ${KINDS.map(({ name }) => name).join(', ')}`);

interface Tally {
  readonly kind: Kind;
  readonly outcomes: Outcome[];
}

if (values.number !== undefined) {
  const number = Number(values.number);
  for await (const { outcome, text } of watch(kinds[0]!.name, rng, number, number + 1))
    process.stdout.write(`${outcome}: ${text}\n`);
} else {
  const tallies = await attemptAll(Number(values.count));
  const table = tableOf(tallies);
  process.stdout.write(`${table}\n`);
  const faults = tallies.flatMap(({ kind, outcomes }) =>
    outcomes.filter(({ outcome }) => outcome === 'fault').map(({ number, text }) => ({ kind, number, text })),
  );
  for (const { kind, number, text } of faults) {
    process.stdout.write(
      `\nnpm run mutate -- --rng ${rng} --kind '${kind.name}' --number ${number}\n${text.slice(0, 1500)}\n`,
    );
  }
  if (values.kind === undefined)
    await writeFile(new URL('../docs/hostile-input.md', import.meta.url), pageOf(table));
  process.exitCode = faults.length > 0 ? 1 : 0;
}

async function attemptAll(count: number): Promise<Tally[]> {
  const tallies = kinds.map((kind): Tally => ({ kind, outcomes: [] }));
  // As many of each kind, but for what does not divide.
  const shares = new Map(tallies.map((tally, i) => [tally, Math.floor((count + i) / kinds.length)]));
  const waiting = [...tallies];
  const work = async () => {
    for (let tally = waiting.shift(); tally; tally = waiting.shift()) {
      const started = performance.now();
      const each = shares.get(tally)!;
      for await (const outcome of watch(tally.kind.name, rng, 0, each)) tally.outcomes.push(outcome);
      const seconds = ((performance.now() - started) / 1000).toFixed(0);
      process.stderr.write(`${tally.kind.name}: ${each} files, ${seconds} s\n`);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return tallies;
}

function tableOf(tallies: readonly Tally[]): string {
  const count = (outcomes: readonly Outcome[], wanted: Outcome['outcome']) =>
    outcomes.filter(({ outcome }) => outcome === wanted).length;
  const row = (name: string, reader: string, outcomes: readonly Outcome[]) =>
    `| ${[name, reader, outcomes.length, count(outcomes, 'read'), count(outcomes, 'refused'), count(outcomes, 'fault')].join(' | ')} |`;
  return [
    '| file | what reads it | tried | read | refused | faults |',
    '| --- | --- | ---: | ---: | ---: | ---: |',
    ...tallies.map(({ kind, outcomes }) => row(kind.name, kind.reader, outcomes)),
    row(
      'all',
      '',
      tallies.flatMap(({ outcomes }) => outcomes),
    ),
  ].join('\n');
}

function pageOf(table: string): string {
  return `# Hostile input

Small sound files of every kind that Seedbed reads are damaged by bytes (flipped, cut, put in, taken out) and by what
their format says (sizes, counts, offsets, types, names, nesting), and given to the code that reads them for the
command line. A file is *read* when the change left it valid, and *refused* when an error of Seedbed names it. All
else is a *fault*: another error, one that does not name the file, more than 2 s of computing, more than 300 MiB of
memory, a message that fills the screen, a changed prototype, a file outside the folder, a crash, a hang.

${table}

An ONNX file is counted by its lengths before anything of it is decoded: at most 100,000 nodes, 100,000 tensors, 1,000,000
messages, texts and 64-bit numbers in lists, 100 levels. 16 MB of empty nodes are refused within 0.1 s and 1 MiB.
Of model_index.json in a diffusers folder only the name of the pipeline's class is read.

Written by \`npm run mutate -- --count ${values.count} --rng ${values.rng}\`.
`;
}
