import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { median } from '../src/tensor/statistics.ts';
import { ratios, shareOfPeak } from './compare.ts';
import { atItsEnd, disturbance, minutesTo, movesShare, shortfalls } from './judge.ts';
import { inRepository } from './paths.ts';
import {
  type Comparison,
  type Growth,
  LEARNING,
  type Learner,
  MOVES,
  PRODUCT_SIZE,
  PROMISED,
  type Results,
  type Side,
  STEPS,
} from './results.ts';

/**
 * Writes the figures as JSON and as a page.
 * @param partial whether this run shall leave the repository's own report alone.
 * @returns where they lie, and for a partial run the page itself.
 */
export function writeReport(results: Results, partial: boolean): string {
  const folder = inRepository(partial ? 'out/bench' : 'bench');
  const data = partial ? folder : join(folder, 'results');
  mkdirSync(data, { recursive: true });
  const page = render(results);
  writeFileSync(join(data, `${results.date}.json`), `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(join(folder, 'README.md'), page);
  return partial
    ? `${page}\nout/bench/README.md, ${results.date}.json`
    : `bench/README.md, results/${results.date}.json`;
}

function render(results: Results): string {
  const { machine, threads, repeats, seconds } = results;
  const unkept = shortfalls(results);
  const parts = [
    '# Benchmark',
    results.quick ? '**A smoke run: its figures mean nothing.**' : '',
    disturbance(results) ?? '',
    `\`npm run bench\` writes this page, on a machine that does nothing else meanwhile. This one: ${results.date}, ${Object.entries(
      machine,
    )
      .map(([name, value]) => `${name} ${value}`)
      .join('; ')}. Every side had ${threads} threads.`,
    INTRODUCTION,
    results.comparisons.length > 0
      ? `Runs go by turns, ${repeats} of each, at least ${seconds} s long unless a step is longer; ratios are of neighbouring runs: least, **middle**, greatest.`
      : '',
    comparisonTable(results.comparisons),
    settingsTable(results.comparisons),
    otherFigures(results),
    learningTable(results),
    profileTable(results),
    growthTable(`Gradient through the sampler, one step at a time, 4 pictures`, 'T', results.checkpointed),
    growthTable(
      'Descent, one iteration through two sampler steps of a small network ([8, 16] channels), 16 seeds at once',
      'seeds',
      results.scale,
    ),
    '## What falls short, and why',
    unkept.length > 0
      ? unkept.map(line => `- ${line}`).join('\n')
      : 'Nothing: every promise that was measured is kept.',
    results.skipped.length > 0 ? '## Not measured' : '',
    results.skipped.map(({ what, why }) => `- ${what}: ${why}`).join('\n'),
  ];
  return `${parts.filter(part => part !== '').join('\n\n')}\n`;
}

const INTRODUCTION = `## What is compared
The same work by the same weights, the shipped models' U-Net [32, 64, 96, 128] on 32x32 pictures in float32, each side at its best batch size and memory
layout. A rival takes part once its results on fixed inputs agree with Seedbed's to 1e-4: pictures, the gradient on the seed, the losses of two training steps.

- **sampling**: ${STEPS} DDIM steps. PyTorch also with the network compiled (\`torch.jit\`: frozen, optimised for inference); TensorFlow.js by WebAssembly.
- **descent**: the gradient of the squared error of ${STEPS} steps' picture on the seed, and Adam's step.
- **denoiser**: a training step by configs/fashion-mnist-v.json: forward, weight gradients, Adam, moving average.
- **embedder**: a training step by configs/fashion-mnist-embedder.json: the embedder and ${STEPS} frozen sampler steps, gradient to the embedder's weights, Adam, moving average.

Promised: what we have set out to reach, as multiples of PyTorch's rate; the last section says what falls short. Share of peak: multiplications and additions of convolutions and matrix products, counted in Seedbed's graph, over the rate of a ${PRODUCT_SIZE}x${PRODUCT_SIZE} float32 matrix
product through ONNX Runtime between the runs. Memory: the most that a process held that did nothing else.

## Figures`;

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function comparisonTable(comparisons: readonly Comparison[]): string {
  const rows = comparisons.flatMap(comparison => {
    const [own, ...rivals] = comparison.sides as [Side, ...Side[]];
    const rate = (side: Side) => `${figure(median(side.rates))} (${percent(shareOfPeak(comparison, side))})`;
    if (rivals.length === 0) return [[comparison.task, comparison.unit, rate(own), '', '', '', '']];
    return rivals.map(rival => {
      const { low, middle, high } = ratios(comparison, rival);
      const promised = rival.name.startsWith('PyTorch') ? PROMISED.ratio[comparison.task] : '';
      const ratio = `${low.toFixed(2)} **${middle.toFixed(2)}** ${high.toFixed(2)}`;
      return [comparison.task, comparison.unit, rate(own), rival.name, rate(rival), ratio, promised];
    });
  });
  const head = [
    'task',
    'unit',
    'Seedbed (share of peak)',
    'compared with',
    'theirs (share)',
    'ratio',
    'promised',
  ];
  return rows.length > 0 ? table(head, rows) : '';
}

function settingsTable(comparisons: readonly Comparison[]): string {
  const rows = comparisons.flatMap(({ task, sides }) =>
    sides.map(({ name, best, tried, peakBytes }) => [
      task,
      name,
      `${best.batch}, ${best.form}`,
      tried.map(({ batch, form, rate }) => `${batch} ${form} ${figure(rate)}`).join('; '),
      mebibytes(peakBytes),
    ]),
  );
  const head = ['task', 'side', 'best batch, form', 'tried, with rates', 'peak memory, MiB'];
  return rows.length > 0 ? table(head, rows) : '';
}

function otherFigures({ comparisons, start, webgpu }: Results): string {
  const lines: string[] = [];
  const products = comparisons.flatMap(comparison => comparison.products);
  if (products.length > 0) {
    const [low, middle, high] = [Math.min(...products), median(products), Math.max(...products)].map(rate =>
      (rate / 1e9).toFixed(0),
    );
    lines.push(`Matrix product: ${low} **${middle}** ${high} GFLOP/s.`);
  }
  for (const { task, flopsPerUnit, unit } of comparisons)
    lines.push(`${task}: ${(flopsPerUnit / 1e9).toFixed(2)} GFLOP for each of its ${unit.split('/')[0]}.`);
  if (webgpu)
    lines.push(`Sampling on WebGPU: ${figure(webgpu.rate)} evaluations/s, ${webgpu.batch} at once.`);
  if (start) {
    lines.push(
      `\`seedbed embed\` from a cold start to its first result: ${spread(start.first)} s (promised ${PROMISED.startSeconds} s); to its end, all ten pictures: ${start.whole.toFixed(1)} s; \`seedbed --version\`: ${spread(start.program)} s.`,
    );
  }
  return lines.map(line => `- ${line}`).join('\n');
}

/** The shares of PyTorch's time at which losses are told. */
const TOLD = [0, 1 / 30, 1 / 10, 1 / 6, 1 / 5, 4 / 15, 1 / 3, 1 / 2, 2 / 3, 1];

function learningTable({ learning }: Results): string {
  if (!learning) return '';
  const [own, other] = learning;
  const whole = other.points.at(-1)!.seconds;
  const lossAt = ({ points }: Learner, seconds: number) => {
    const last = points.findLast(point => point.seconds <= 1.001 * seconds)!;
    return points.at(-1)!.seconds < 0.97 * seconds ? '' : last.heldOut.toFixed(4);
  };
  const rows = TOLD.map(share => [
    ((whole * share) / 60).toFixed(1),
    ...learning.map(side => lossAt(side, whole * share)),
  ]);
  const did = ({ points }: Learner) => LEARNING.batch * points.at(-1)!.steps;
  return `## Learning

The same network, from the same weights, on the training pictures of Fashion-MNIST, by turns, in batches of ${LEARNING.batch}: Seedbed by the recipe of ${LEARNING.recipe} at a length of ${own.points.at(-1)!.steps} steps (${did(own)} pictures),
PyTorch by that of the paper's code (absolute error of the noise, Adam at 1e-4) for ${LEARNING.minutes} minutes (${did(other)} pictures). Held-out loss of both: mean absolute error of the noise; Seedbed's by its averaged weights, PyTorch's by its averaged or its last, whichever is less. ${reached(learning)}

${table(['minutes of training', own.name, other.name], rows)}`;
}

function reached(learning: readonly [Learner, Learner]): string {
  const [own, other] = learning;
  const goal = other.points.at(-1)!;
  const first = minutesTo(own, goal.heldOut);
  const end = atItsEnd(learning);
  if (first === undefined)
    return end
      ? `**Seedbed comes to ${end.heldOut.toFixed(4)} by the end of its lesson of ${end.minutes.toFixed(1)} minutes; PyTorch takes ${end.theirs.toFixed(1)} to come there, and goes on to ${goal.heldOut.toFixed(4)}: ${percent(end.share)} of its time.**`
      : '';
  return `**Seedbed comes to PyTorch's ${goal.heldOut.toFixed(4)} in ${first.toFixed(1)} minutes, ${percent((60 * first) / goal.seconds)} of its time.**`;
}

function profileTable({ profile, threads }: Results): string {
  if (!profile) return '';
  const { batch, kinds, milliseconds } = profile;
  const [shown, rest] = [kinds.slice(0, 12), kinds.slice(12)];
  const row = (kind: string, nodes: number, time: number) => [
    kind,
    nodes,
    time.toFixed(1),
    percent(time / milliseconds),
  ];
  const sum = (of: typeof kinds, key: 'nodes' | 'milliseconds') =>
    of.reduce((all, kind) => all + kind[key], 0);
  return `## Where a training step's time goes

The denoiser's, batch ${batch}, ${threads} threads, by ONNX Runtime's own account: ${milliseconds.toFixed(0)} ms, ${sum(kinds, 'nodes')} nodes. Moves (${MOVES.join(', ')}) take ${percent(movesShare(profile))} of it.

${table(
  ['operator', 'nodes', 'ms', 'share'],
  [
    ...shown.map(({ kind, nodes, milliseconds }) => row(kind, nodes, milliseconds)),
    row('all others', sum(rest, 'nodes'), sum(rest, 'milliseconds')),
    row('between nodes', 0, milliseconds - sum(kinds, 'milliseconds')),
  ],
)}`;
}

function growthTable(title: string, size: string, rows: readonly Growth[] | undefined): string {
  if (!rows) return '';
  const cells = rows.map(row => [
    row.size,
    row.seconds.toFixed(2),
    ((1000 * row.seconds) / row.size).toFixed(1),
    mebibytes(row.peakBytes),
  ]);
  return `${title}:\n\n${table([size, 'seconds', 'milliseconds for each', 'peak memory, MiB'], cells)}`;
}

const spread = (values: readonly number[]) =>
  `${Math.min(...values).toFixed(1)} **${median(values).toFixed(1)}** ${Math.max(...values).toFixed(1)}`;
const figure = (rate: number) =>
  rate < 10 ? rate.toFixed(2) : rate < 100 ? rate.toFixed(1) : rate.toFixed(0);
const percent = (share: number) => `${Math.round(100 * share)} %`;
const mebibytes = (bytes: number) => Math.round(bytes / 2 ** 20);
