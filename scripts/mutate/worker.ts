// Makes and reads the files `from` to `to` of one kind, and tells what came of each: npm run mutate starts it.
import { readdir, writeFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { isSeedbedError } from '../../src/errors.ts';
import { Draw } from './draw.ts';
import { KINDS } from './kinds.ts';

/** What came of one file. */
export interface Outcome {
  readonly number: number;
  readonly outcome: 'read' | 'refused' | 'fault';
  /** What was said. */
  readonly text: string;
}

/** Seconds of processor time, and mebibytes more of memory, that a small file may take. */
const MOST_SECONDS = 2;
const MOST_MEBIBYTES = 300;
/** Letters that a person reads before the end of a message. */
const MOST_LETTERS = 20_000;

const [name, rng, from, to, folder] = process.argv.slice(2) as [string, string, string, string, string];
const kind = KINDS.find(known => known.name === name)!;
const { samples, path, read, names } = await kind.prepare(folder);
for (const bytes of samples) {
  await writeFile(path, bytes);
  await read(path);
}
const around = async () => (await readdir(dirname(folder))).join();
const before = await around();
process.send!('ready');

for (let number = Number(from); number < Number(to); number++) {
  const draw = new Draw(Number(rng), name, number);
  await writeFile(path, kind.mutate(draw, draw.of(samples)));
  process.send!(await attempt(number));
}

async function attempt(number: number): Promise<Outcome> {
  const memory = process.resourceUsage().maxRSS;
  const time = process.cpuUsage();
  let outcome: Outcome = { number, outcome: 'read', text: '' };
  const fault = (what: string) => {
    outcome = { number, outcome: 'fault', text: `${what}; ${outcome.outcome} ${outcome.text}` };
  };
  try {
    await read(path);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    outcome = { number, outcome: 'refused', text };
    if (!isSeedbedError(error)) fault(`not an error of Seedbed: ${(error as Error).stack}`);
    else if (![basename(path), ...names].some(known => text.includes(known))) fault('the file is not named');
    if (text.length > MOST_LETTERS) fault(`a message of ${text.length} letters`);
  }
  const { user, system } = process.cpuUsage(time);
  const seconds = (user + system) / 1e6;
  const mebibytes = (process.resourceUsage().maxRSS - memory) / 1024;
  if (seconds > MOST_SECONDS) fault(`${seconds.toFixed(1)} s`);
  if (mebibytes > MOST_MEBIBYTES) fault(`${mebibytes.toFixed(0)} MiB`);
  if (Object.keys(Object.prototype).length > 0) fault('Object.prototype was changed');
  if ((await around()) !== before) fault('something was written outside the folder');
  return outcome;
}
