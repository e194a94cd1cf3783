/**
 * Trains the denoisers of the reproduction, and the embedders that --only names (of DIR's fashion-mnist, else of the shipped
 * denoiser), one thread each and as many at once as there are cores, and says what each cost and bought:
 * npm run train:reproduction -- --data-dir DIR [--configs DIR] [--only NAMES] [--trainings N] [--cifar10 ARCHIVE]
 * [--minutes N] [--into DIR]. Stopped, or out of minutes, it goes on where it was when it is called again.
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { kindOf, trainingOf } from '../src/experiments/paper/measure/siblings.ts';
import { lineFigure } from '../src/figures/line.ts';
import { loadEmbedder, loadModel, saveModel } from '../src/index.ts';
import { svgToPng } from '../src/runtime/svg.ts';

const { values } = parseArgs({
  options: {
    configs: { type: 'string', default: 'configs/reproduction' },
    'data-dir': { type: 'string', default: '/usr/share/datasets' },
    only: { type: 'string' },
    trainings: { type: 'string', default: '1' },
    cifar10: { type: 'string' },
    minutes: { type: 'string', default: '10000' },
    runs: { type: 'string', default: 'runs/reproduction' },
    into: { type: 'string', default: 'models/reproduction' },
  },
});
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const ends = performance.now() + 60_000 * Number(values.minutes);

/** What a training cost and bought. */
interface Cost {
  readonly name: string;
  readonly pictures: number;
  readonly minutes: number;
  /** Held-out error by pictures seen. */
  readonly curve: readonly (readonly [pictures: number, heldOut: number])[];
}

const COSTS = join(values.into, 'costs.json');
const known: Cost[] = existsSync(COSTS) ? JSON.parse(readFileSync(COSTS, 'utf8')) : [];
const costs = new Map(known.map(cost => [cost.name, cost]));

const configs =
  values.only?.split(',') ??
  readdirSync(values.configs)
    .filter(file => file.endsWith('.json') && kindOf(file) === 'denoiser')
    .map(file => basename(file, '.json'));
// All of them once, in the order of the names given, before any is trained again.
const names = Array.from({ length: Number(values.trainings) }, (_, i) =>
  configs.map(name => (i === 0 ? name : `${name}-${i + 1}`)),
).flat();
const waiting = names.filter(name => !costs.has(name));
console.log(`${names.length - waiting.length} of ${names.length} are trained`);
await Promise.all(Array.from({ length: availableParallelism() }, lane));
await report([...costs.values()].sort((a, b) => a.name.localeCompare(b.name)));

/** Trains one after the other. */
async function lane(): Promise<void> {
  for (let name = waiting.shift(); name && performance.now() < ends; name = waiting.shift())
    if (await train(name)) await finish(name);
}

/** @returns whether the training came to its end. */
function train(name: string): Promise<boolean> {
  const run = join(values.runs, name);
  const { config, rng } = trainingOf(name);
  const data = name.startsWith('cifar10') && values.cifar10 ? ['--data', values.cifar10] : [];
  const go = existsSync(join(run, 'checkpoint.safetensors')) ? ['--resume'] : ['--rng', String(rng), ...data];
  const file = join(values.configs, `${config}.json`);
  const embedded = join(values.into, 'fashion-mnist.onnx');
  const of = kindOf(name) === 'embedder' && existsSync(embedded) ? ['--model', embedded] : [];
  const words = ['train', kindOf(name), '--config', file, '--data-dir', values['data-dir'], '--out', run];
  const how = ['--threads', '1', '--quiet', ...of, ...go];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(ROOT, 'bin/seedbed.js'), ...words, ...how], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const late = setTimeout(() => child.kill('SIGTERM'), Math.max(0, ends - performance.now()));
    child.once('error', reject);
    child.once('exit', code => {
      clearTimeout(late);
      if (code !== 0 && code !== 75) reject(new Error(`the training of ${name} ended with ${code}`));
      resolve(code === 0);
    });
  });
}

/** Takes the model over, as float16, and notes what it cost. */
async function finish(name: string): Promise<void> {
  const run = join(values.runs, name);
  const file = join(run, 'model.onnx');
  const model = await (kindOf(name) === 'embedder' ? loadEmbedder(file) : loadModel(file));
  await mkdir(values.into, { recursive: true });
  await writeFile(join(values.into, `${name}.onnx`), saveModel(model, true));
  const { batch } = JSON.parse(readFileSync(join(run, 'config.json'), 'utf8')).training as { batch: number };
  const lines = readFileSync(join(run, 'log.jsonl'), 'utf8').trim().split('\n');
  const log = lines.map(line => JSON.parse(line) as { step: number; heldOut: number; seconds: number });
  const last = log.at(-1)!;
  // Each resumption counts its seconds anew.
  const ends = log.filter(({ seconds }, i) => !(log[i + 1] && log[i + 1]!.seconds > seconds));
  const minutes = ends.reduce((sum, { seconds }) => sum + seconds, 0) / 60;
  costs.set(name, {
    ...{ name, pictures: batch * last.step, minutes },
    curve: log.map(({ step, heldOut }) => [batch * step, heldOut] as const),
  });
  await writeFile(COSTS, `${JSON.stringify([...costs.values()])}\n`);
  console.log(`${name}: held-out error ${last.heldOut}, ${minutes.toFixed(0)} minutes`);
}

/** One table, costs.md, and one figure, costs.png: error against pictures seen. */
async function report(all: readonly Cost[]): Promise<void> {
  if (all.length === 0) return;
  const rows = all.map(
    ({ name, pictures, minutes, curve }) =>
      `| ${name} | ${pictures.toLocaleString('en')} | ${minutes.toFixed(0)} | ${curve.at(-1)![1].toPrecision(3)} |`,
  );
  const about = `Written by \`npm run train:reproduction -- --configs ${values.configs}\`. Held-out error of a denoiser is the mean absolute error of the noise that is seen, of an embedder the squared error of embedding and growing again.`;
  const head =
    '| model | pictures seen | minutes, one thread | held-out error |\n| --- | ---: | ---: | ---: |';
  const picture = '![Held-out error against pictures seen](costs.png)';
  const page = ['# What the trainings cost and bought', about, picture, [head, ...rows].join('\n')].join(
    '\n\n',
  );
  await writeFile(join(values.into, 'costs.md'), `${page}\n`);
  const svg = lineFigure({
    title: 'What the trainings bought',
    x: { label: 'pictures seen', log: true },
    y: { label: 'held-out error' },
    series: all.map(({ name, curve }) => ({ name, points: curve })),
  });
  await writeFile(join(values.into, 'costs.png'), await svgToPng(svg));
}
