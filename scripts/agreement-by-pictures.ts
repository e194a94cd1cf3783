/**
 * How well two trainings of one network agree, against the pictures that they have seen, by the paper's recipe (epsilon, absolute
 * error) and by ours (v, squared error): trains two networks of each recipe and length, one thread each and as many at once
 * as there are cores, and writes a table, its numbers and a figure.
 * npm run agreement -- --data-dir DIR [--recipes FILES] [--steps 1000,4000,25000] [--runs DIR] [--into DIR]
 * Stopped, it goes on where it was when it is called again.
 */
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openDataset } from '../src/data/open.ts';
import { prepare } from '../src/diffusion/batches.ts';
import { type Denoiser, picturesSeen, withSampler } from '../src/diffusion/info.ts';
import { toPixels } from '../src/diffusion/pictures.ts';
import { lineFigure } from '../src/figures/line.ts';
import { compareGrown, createRuntime, decode, type GrownComparison, loadModel } from '../src/index.ts';
import { type PrincipalComponents, principalComponents } from '../src/latent/pca.ts';
import { LEARNED } from '../src/quality/levels.ts';
import { wienerPictures } from '../src/quality/linear.ts';
import { svgToPng } from '../src/runtime/svg.ts';
import { normals } from '../src/tensor/random.ts';
import { average } from '../src/tensor/statistics.ts';
import { seedbed } from './seedbed.ts';

const { values } = parseArgs({
  options: {
    'data-dir': { type: 'string', default: '/usr/share/datasets' },
    recipes: {
      type: 'string',
      default: 'configs/recipes/epsilon.json,configs/reproduction/mnist-small.json',
    },
    steps: { type: 'string', default: '1000,4000,25000' },
    runs: { type: 'string', default: 'runs/agreement' },
    into: { type: 'string', default: 'docs/findings-in-science' },
  },
});
/** Seeds that both networks grow. */
const SEEDS = 100;
const GRIDS = ['logSnr', 'linspace'] as const;

/** Two trainings of one recipe and length. */
interface Pair {
  readonly file: string;
  /** What it predicts. */
  readonly recipe: string;
  readonly steps: number;
  readonly runs: readonly string[];
}

const pairs = values.recipes.split(',').flatMap(file => {
  const { predicts: recipe } = JSON.parse(readFileSync(file, 'utf8')) as { predicts: string };
  return values.steps.split(',').map((text): Pair => {
    const steps = Number(text);
    return { file, recipe, steps, runs: [0, 2].map(rng => join(values.runs, `${recipe}-${steps}-${rng}`)) };
  });
});
const waiting = pairs.flatMap(pair => pair.runs.map((run, i) => ({ ...pair, run, rng: 2 * i })));
await Promise.all(Array.from({ length: availableParallelism() }, lane));
const runtime = await createRuntime();
const rows = [];
for (const pair of pairs) rows.push(await compare(pair));
await runtime.dispose();
await write(rows.flat());

async function lane(): Promise<void> {
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    if (stepsOf(next.run) < next.steps) await train(next);
    console.log(`${next.run}: ${next.steps} steps`);
  }
}

/** Steps that a run has behind it. */
function stepsOf(run: string): number {
  const log = join(run, 'log.jsonl');
  if (!existsSync(log)) return 0;
  const last = readFileSync(log, 'utf8').trim().split('\n').at(-1)!;
  return (JSON.parse(last) as { step: number }).step;
}

async function train({ file, steps, run, rng }: Pair & { run: string; rng: number }): Promise<void> {
  const begun = existsSync(join(run, 'checkpoint.safetensors'));
  const words = ['train', 'denoiser', '--config', file, '--data-dir', values['data-dir'], '--out', run];
  await seedbed([...words, '--steps', String(steps), ...(begun ? ['--resume'] : ['--rng', String(rng)])]);
}

/** What the linear model knows of the data, as a network is shown them: mean and covariance. */
async function momentsFor({ info: { padding, range } }: Denoiser): Promise<PrincipalComponents> {
  const data = await openDataset('mnist:train', { dataDir: values['data-dir'] });
  const images = await data.read(Array.from({ length: LEARNED }, (_, i) => i));
  return principalComponents(prepare(images, padding, range));
}

interface Row extends GrownComparison {
  readonly recipe: string;
  readonly pictures: number;
  readonly grid: (typeof GRIDS)[number];
  /** The mean ratio of either network and the linear model. */
  readonly linear: number;
}

/** How much the pictures of both trainings differ, grown from the same seeds along both grids. */
async function compare({ recipe, runs }: Pair): Promise<Row[]> {
  const models = await Promise.all(runs.map(run => loadModel(join(run, 'model.onnx'))));
  const { shape, sampler } = models[0]!.info;
  const latent = normals({ seed: 0, purpose: 'agreement' }, [SEEDS, ...shape]);
  const pictures = picturesSeen(models[0]!.info)!;
  const moments = await momentsFor(models[0]!);
  const found: Row[] = [];
  for (const grid of GRIDS) {
    const along = { ...sampler, grid };
    const [a, b] = [
      await decode(models[0]!, latent, { runtime, sampler: along }),
      await decode(models[1]!, latent, { runtime, sampler: along }),
    ];
    const linear = toPixels(wienerPictures(withSampler(models[0]!, along), moments, latent), models[0]!.info);
    const besides = [a, b].map(grown => compareGrown(grown, linear).ratio.mean);
    found.push({ recipe, pictures, grid, ...compareGrown(a, b), linear: average(besides) });
  }
  return found;
}

async function write(all: readonly Row[]): Promise<void> {
  await mkdir(values.into, { recursive: true });
  const path = (ending: string) => join(values.into, `agreement-by-pictures.${ending}`);
  await writeFile(path('json'), `${JSON.stringify(all, null, 2)}\n`);
  const named = (recipe: string, grid: Row['grid']) =>
    `${recipe}, steps even in ${grid === 'logSnr' ? 'log SNR' : 'time'}`;
  const svg = lineFigure({
    title: 'Agreement of two trainings against pictures seen',
    x: { label: 'pictures seen by each', log: true },
    y: { label: 'squared distance, same seed over different seeds', log: true },
    series: [...new Set(all.map(({ recipe }) => recipe))].flatMap(recipe =>
      GRIDS.map(grid => ({
        name: named(recipe, grid),
        points: all
          .filter(row => row.recipe === recipe && row.grid === grid)
          .map(({ pictures, ratio }) => [pictures, ratio.mean] as const),
        dashed: grid === 'linspace',
      })),
    ),
  });
  await writeFile(path('svg'), svg);
  await writeFile(path('png'), await svgToPng(svg));
  console.log(
    '| recipe | pictures seen | same seed | different seeds | ratio, n = 1 | network and a linear model |\n| --- | --- | --- | --- | --- | --- |',
  );
  for (const { recipe, grid, pictures, same, different, ratio, linear } of all)
    console.log(
      `| ${named(recipe, grid)} | ${pictures.toLocaleString('en')} | ${same.toPrecision(3)} | ${different.toPrecision(3)} | ${ratio.mean.toPrecision(3)} (${ratio.low.toPrecision(2)} to ${ratio.high.toPrecision(2)}) | ${linear.toPrecision(2)} |`,
    );
}
