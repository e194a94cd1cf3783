import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { slice } from '../../src/data/dataset.ts';
import { openDataset } from '../../src/data/open.ts';
import { padImages } from '../../src/data/pixels.ts';
import { parseModel } from '../../src/graph/protobuf.ts';
import { bind } from '../../src/graph/replay.ts';
import { networkFeatures } from '../../src/quality/features.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import { fillUniform } from '../../src/tensor/random.ts';
import { type Floats, unstack } from '../../src/tensor/tensor.ts';
import { seedbed } from '../cli/in-process.ts';
import { idxOf } from '../data/sets.ts';

/** Pictures of three kinds: bright above, on the left, or everywhere; in noise. */
const COUNT = 400;
const SIDE = 8;
const noise = new Float32Array(COUNT * SIDE * SIDE);
fillUniform({ seed: 1, purpose: 'kinds' }, 0, 0, noise);
const labels = Array.from({ length: COUNT }, (_, i) => i % 3);
const pixels = Array.from(noise, (u, at) => {
  const [x, y] = [at % SIDE, Math.floor(at / SIDE) % SIDE];
  const bright = [y < 4, x < 4, true][labels[Math.floor(at / SIDE ** 2)]!];
  return Math.round(60 * u + (bright ? 150 : 0));
});

let folder: string;
const at = (...names: string[]) => join(folder, ...names);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'seedbed-classifier-'));
  await writeFile(at('train-images-idx3-ubyte'), idxOf([COUNT, SIDE, SIDE], pixels));
  await writeFile(at('train-labels-idx1-ubyte'), idxOf([COUNT], labels));
  const config = {
    data: folder,
    heldOut: 100,
    network: { channels: [4, 8], features: 6 },
    training: { learningRate: 0.01, batch: 16, ema: 0.9, steps: 300, evaluateEvery: 300 },
  };
  await writeFile(at('config.json'), JSON.stringify(config));
});
afterAll(() => rm(folder, { recursive: true }));

const train = (out: string, ...more: string[]) =>
  seedbed('train', 'classifier', '--config', at('config.json'), '--out', at(out), '--threads', '1', ...more);

test('a classifier learns kinds that differ, and its features tell them apart', async () => {
  const { code, err } = await train('run');
  expect([code, err]).toEqual([0, expect.any(String)]);
  const [line] = (await readFile(at('run', 'log.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map(text => JSON.parse(text));
  expect(line.accuracy).toBeGreaterThan(0.95);
  expect(line.heldOut).toBeLessThan(0.3);

  const graph = parseModel(await readFile(at('run', 'model.onnx')), 'model.onnx');
  expect(JSON.parse(graph.metadata.get('classifier')!)).toMatchObject({
    classes: 3,
    steps: 300,
    accuracy: line.accuracy,
  });
  const set = await openDataset(folder);
  const runtime = await createRuntime({ threads: 1 });
  const features = await networkFeatures(runtime, graph, [1, SIDE, SIDE]);
  const pixels = await set.read(Array.from({ length: 60 }, (_, i) => i));
  const found = unstack(await features.of({ x0: pixels, pixels: async () => pixels }));
  await features.dispose();
  expect(found[0]!.shape).toEqual([6]);
  const apart = (a: number, b: number) =>
    Math.hypot(...found[a]!.data.map((value, i) => value - found[b]!.data[i]!));
  // Pictures 0, 3, 6 ... are of one kind.
  const nearest = found.map((_, a) => {
    const others = found.map((_, b) => b).filter(b => b !== a);
    return others.reduce((best, b) => (apart(a, b) < apart(a, best) ? b : best));
  });
  expect(nearest.filter((b, a) => b % 3 === a % 3).length).toBeGreaterThan(55);
});

const dataDir = fileURLToPath(new URL('../../../shared/data', import.meta.url));
describe.skipIf(!existsSync(`${dataDir}/mnist`))('the classifiers that ship', () => {
  test.each([
    ['mnist', 0.98, 2],
    ['fashion-mnist', 0.88, 2],
    ['cifar10', 0.75, 0],
  ])('%s knows test pictures', async (name, least, padding) => {
    const graph = parseModel(await readFile(`models/classifiers/${name}.onnx`), name);
    const set = slice(await openDataset(`${name}:test`, { dataDir }), 0, 500);
    const runtime = await createRuntime({ threads: 1 });
    const session = await runtime.load(bind(graph, { N: 500 }));
    const pixels = padImages(await set.read(Array.from({ length: 500 }, (_, i) => i)), padding);
    const scores = unstack((await session.run({ pixels })).scores as Floats);
    await session.dispose();
    const known = await set.labels!();
    const right = scores.filter(({ data }, i) => data.indexOf(Math.max(...data)) === known[i]);
    expect(right.length / 500).toBeGreaterThan(least);
  });
});

test('it goes on to the same bits', async () => {
  await train('whole', '--steps', '8');
  await train('parts', '--steps', '4');
  await seedbed('train', 'classifier', '--out', at('parts'), '--resume', '--steps', '8', '--threads', '1');
  const [whole, parts] = await Promise.all(['whole', 'parts'].map(name => readFile(at(name, 'model.onnx'))));
  expect(parts!.equals(whole!)).toBe(true);
});

test('it goes on from the weights of another', async () => {
  const { code, err } = await train('second', '--steps', '1', '--init', at('run', 'model.onnx'));
  expect([code, err]).toEqual([0, expect.any(String)]);
  const [line] = (await readFile(at('second', 'log.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map(text => JSON.parse(text));
  expect(line.accuracy).toBeGreaterThan(0.9);
});

test('a set without classes is refused, as are classes of another number of pictures', async () => {
  const { code, err } = await train('none', '--data', 'examples/fashion-mnist');
  expect([code, err]).toEqual([2, expect.stringContaining('the classes of fashion-mnist are not known')]);
  const short = await mkdtemp(join(folder, 'short-'));
  await writeFile(join(short, 'train-images-idx3-ubyte'), idxOf([COUNT, SIDE, SIDE], pixels));
  await writeFile(join(short, 'train-labels-idx1-ubyte'), idxOf([3], [0, 1, 2]));
  const wrong = await train('wrong', '--data', short);
  expect([wrong.code, wrong.err]).toEqual([
    2,
    expect.stringContaining('train-labels-idx1-ubyte: holds uint8 [3], not the classes of 400 pictures'),
  ]);
});
