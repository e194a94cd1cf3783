/**
 * Trains the denoisers of the reproduction, and the embedders that --only names (of DIR's fashion-mnist, else of the shipped
 * denoiser), one thread each and as many at once as there are cores, measures the denoisers' gates, and says what each
 * training cost and bought:
 * npm run train:reproduction -- --data-dir DIR [--configs DIR] [--only NAMES] [--trainings N] [--cifar10 ARCHIVE]
 * [--minutes N] [--into DIR]. Stopped, or out of minutes, it goes on where it was when it is called again.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { kindOf, trainingName, trainingOf } from '../src/experiments/paper/measure/siblings.ts';
import { lineFigure } from '../src/figures/line.ts';
import { loadEmbedder, loadModel, saveModel } from '../src/index.ts';
import { recordedGate } from '../src/quality/gate.ts';
import { svgToPng } from '../src/runtime/svg.ts';
import { ROOT, seedbed } from './seedbed.ts';

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
const ends = performance.now() + 60_000 * Number(values.minutes);
/** Pictures that a gate compares; of 1,000 it cannot tell one hundredth. */
const GATE = 5000;

/** The trainings that share a panel of the figure: those that something compares, on one scale. */
const PANELS: readonly (readonly [title: string, names: RegExp])[] = [
  ['MNIST, by the pictures to learn from', /^mnist-small(-\d+[ab](-as-a)?)?(-\d+)?$/],
  ['MNIST, by the network', /^mnist/],
  ['Fashion-MNIST', /^fashion-mnist(?!.*embedder)/],
  ['CIFAR-10', /^cifar10/],
  ['Embedders, Fashion-MNIST', /embedder/],
];

/** What a training cost and bought. */
interface Cost {
  readonly name: string;
  readonly pictures: number;
  /** Null where nobody kept them. */
  readonly minutes: number | null;
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
  configs.map(name => trainingName(name, i + 1)),
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
  return inTime('train', kindOf(name), '--config', file, '--out', run, ...of, ...go);
}

/** Measures a denoiser's gate, of pictures that it did not learn, and has its file say so. @returns whether that came to its end. */
function measure(name: string, file: string): Promise<boolean> {
  const lossless = ['--data', 'cifar10:test', '--features', join(ROOT, 'models/classifiers/cifar10.onnx')];
  const archive =
    name.startsWith('cifar10') && values.cifar10 ? ['--learned', values.cifar10, ...lossless] : [];
  const out = join(values.runs, name, 'quality');
  return inTime('quality', file, '--count', String(GATE), '--out', out, '--into', file, ...archive);
}

/** Runs a command until it, or the time, is over. @returns whether it came to its end. */
function inTime(...words: string[]): Promise<boolean> {
  return seedbed([...words, '--data-dir', values['data-dir']], ends - performance.now());
}

/** Takes the model over, as float16, with its gate, and notes what it cost. */
async function finish(name: string): Promise<void> {
  const run = join(values.runs, name);
  const file = join(run, 'model.onnx');
  const embedder = kindOf(name) === 'embedder';
  const model = await (embedder ? loadEmbedder(file) : loadModel(file));
  await mkdir(values.into, { recursive: true });
  const taken = join(values.into, `${name}.onnx`);
  await writeFile(taken, saveModel(model, true));
  if (!embedder && !(await measure(name, taken))) return;
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

/** How many of its gate's conditions a denoiser in the folder, or one that ships, meets, and which it does not. */
async function gateOf(name: string): Promise<string> {
  const file = [values.into, join(ROOT, 'models')].map(dir => join(dir, `${name}.onnx`)).find(existsSync);
  if (kindOf(name) === 'embedder' || !file) return '';
  const gate = recordedGate((await loadModel(file)).info.training);
  if (!gate) return 'not measured';
  const fails = gate.filter(({ passed }) => !passed).map(({ text }) => text);
  return [`${gate.length - fails.length} of ${gate.length}`, ...fails].join('; not: ');
}

/** One table, costs.md, and one figure, costs.png: error against pictures seen. */
async function report(all: readonly Cost[]): Promise<void> {
  if (all.length === 0) return;
  const rows: string[] = [];
  for (const { name, pictures, minutes, curve } of all)
    rows.push(
      `| ${name} | ${pictures.toLocaleString('en')} | ${minutes?.toFixed(0) ?? 'not kept'} | ${curve.at(-1)![1].toPrecision(3)} | ${await gateOf(name)} |`,
    );
  const about = `Written by \`npm run train:reproduction -- --configs ${values.configs}\`. Held-out error of a denoiser is the mean absolute error of the predicted noise, of an embedder the squared error of embedding and growing again.`;
  const head =
    '| model | pictures seen | minutes, one thread | held-out error | conditions of its gate that it meets |\n| --- | ---: | ---: | ---: | --- |';
  const picture = '![Held-out error against pictures seen](costs.png)';
  const page = ['# What the trainings cost and bought', about, picture, [head, ...rows].join('\n')].join(
    '\n\n',
  );
  await writeFile(join(values.into, 'costs.md'), `${page}\n`);
  await writeFile(join(values.into, 'costs.png'), await svgToPng(figureOf(all)));
}

/** Error against pictures seen of every training, once each, a panel under the other. */
function figureOf(all: readonly Cost[]): string {
  const panelOf = ({ name }: Cost) => PANELS.find(([, names]) => names.test(name))?.[0];
  const titles = [...new Set([...PANELS.map(([title]) => title), undefined])];
  const panels = titles.flatMap(title => {
    const own = all.filter(cost => panelOf(cost) === title);
    if (own.length === 0) return [];
    const series = own.map(({ name, curve }) => ({ name, points: curve }));
    const y = { label: 'held-out error', log: true };
    const x = { label: 'pictures seen', log: true };
    return lineFigure({ title: title ?? 'Others', height: 360, x, y, series });
  });
  const heights = panels.map(panel => Number(/ height="([\d.]+)"/.exec(panel)![1]));
  const width = /<svg[^>]* width="([\d.]+)"/.exec(panels[0]!)![1];
  let top = 0;
  const placed = panels.map((panel, i) => {
    const at = panel.replace('<svg', `<svg y="${top}"`);
    top += heights[i]!;
    return at;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${top}">${placed.join('')}</svg>`;
}
