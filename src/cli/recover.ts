import type { Command } from 'commander';
import { prepare } from '../diffusion/batches.ts';
import { originOf } from '../diffusion/conditions.ts';
import { evaluationsOf } from '../diffusion/sampler.ts';
import { SPLIT } from '../embedding/inversion/split.ts';
import { stoppable } from '../embedding/seeker.ts';
import { findTrueSeeds, type TrueSeeds } from '../experiments/race/true-seeds.ts';
import { principalComponents } from '../latent/pca.ts';
import { baseName, joinPath, writeAtomic } from '../runtime/files.ts';
import { svgToPng } from '../runtime/svg.ts';
import { conditionWords, openBound } from './conditions.ts';
import { type ModelFlags, withModel } from './denoiser.ts';
import { SHIPPED_MODEL } from './files.ts';
import { type FlagsOf, options, withOptions } from './flags.ts';
import { type Done, type Frame, runReported } from './frame.ts';
import { dataDirOption, fitOption, positive, type RngFlags, whole, withRng } from './options.ts';
import { openFor } from './pictures.ts';

const own = () =>
  options()
    .requiredOption('--data <name or path>', 'a data set, along whose principal components errors are shown')
    .addOption(dataDirOption())
    .addOption(fitOption())
    .option('--items <n>', 'items of it that the components are taken of', whole(10, 100_000), 2000)
    .option('--count <n>', 'seeds', whole(1, 1000), 16)
    .option('--tau <x>', 'how far off a picture may be, standardised', positive, 0.003)
    .option('--out <folder>', 'where recover.md, .json and .png are written', 'recover');

type Flags = FlagsOf<typeof own> & ModelFlags & RngFlags;

/** Every step is undone until its residual is near rounding. */
const TIGHT = { ...SPLIT.interior, tolerance: 1e-7, iterations: 60 };

export function addRecover(program: Command): void {
  withOptions(withRng(withModel(program.command('recover'))), own())
    .description('grow pictures from known seeds, look for the seeds again, and say how near one comes')
    .argument('[model.onnx]', 'the denoiser', SHIPPED_MODEL)
    .addHelpText('after', '\nExample: seedbed recover --data fashion-mnist:test --count 16')
    .action((file: string, flags: Flags) => runReported('recover', flags, frame => run(frame, file, flags)));
}

async function run(frame: Frame, file: string, flags: Flags): Promise<Done> {
  const { terminal } = frame;
  const model = await openBound(file, flags);
  const dataset = await openFor(flags.data, model, { ...flags, note: terminal.note });
  const items = Math.min(flags.items, dataset.length);
  const pictures = await dataset.read(Array.from({ length: items }, (_, i) => i));
  terminal.note('taking principal components ...');
  const components = principalComponents(prepare(pictures, model.info.padding, model.info.range));
  terminal.note('looking for seeds ...');
  const split = { lastStep: { tau: flags.tau, outer: 10, inner: 24 }, interior: TIGHT };
  const runtime = stoppable(await frame.runtime(), terminal.signal);
  const settings = { split, interior: TIGHT, rng: flags.rng };
  const found = await findTrueSeeds(runtime, model, flags.count, components, settings);
  const at = (name: string) => joinPath(flags.out, name);
  const command = [
    `npx seedbed recover ${baseName(file)} --data ${baseName(flags.data)} --items ${flags.items} --count ${flags.count} --tau ${flags.tau}`,
    ...(flags.rng ? [`--rng ${flags.rng}`] : []),
    ...conditionWords(flags),
  ].join(' ');
  const page = pageOf(found, model.info.name, command);
  await writeAtomic(at('recover.md'), page);
  const svg = await figureOf(found, model.info.name);
  await writeAtomic(at('recover.svg'), svg);
  await writeAtomic(at('recover.png'), await svgToPng(svg));
  // The truth is grown once, and the picture found from once more.
  const each = found.evaluations.state + found.evaluations.picture + 2 * evaluationsOf(model.info.sampler);
  const evaluations = each * flags.count;
  return {
    report: frame.report({ ...originOf(model), rng: flags.rng, evaluations, results: [found] }),
    file: at('recover.json'),
    lines: [
      `from the state before the last step: seeds to ${found.fromState.toExponential(1)} root mean square, ${found.evaluations.state} evaluations`,
      `from the picture alone: squared error ${found.mse.toExponential(1)}, seeds to ${found.fromPicture.toPrecision(2)}, ${found.evaluations.picture} evaluations`,
      `${at('recover.md')}, recover.json, recover.png`,
    ],
  };
}

function pageOf(
  { fromState, fromPicture, mse, evaluations, bands }: TrueSeeds,
  name: string,
  command: string,
) {
  const rows = bands.map(
    ({ first, last, variance, measured, predicted }) =>
      `| ${first === last ? first : `${first} to ${last}`} | ${variance.toPrecision(2)} | ${measured.toPrecision(2)} | ${predicted.toPrecision(2)} |`,
  );
  return [
    `# Known seeds of ${name}, looked for again`,
    '',
    `Made by \`${command}\`.`,
    '',
    '| from | root mean square error of the seeds | squared error of the pictures | evaluations |',
    '| --- | --- | --- | --- |',
    `| the state before the last step | ${fromState.toExponential(1)} | | ${evaluations.state} |`,
    `| the picture alone | ${fromPicture.toPrecision(2)} | ${mse.toExponential(1)} | ${evaluations.picture} |`,
    '',
    'Many seeds grow one picture to within what can be seen: along directions in which the data hardly varies the last step forgets the seed. By octaves of the principal components of the data:',
    '',
    '| components | variance of the data | error of the seeds | Gaussian data would give |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
    '![Error of the seeds by variance of the data](recover.png)',
    '',
  ].join('\n');
}

async function figureOf({ bands }: TrueSeeds, name: string): Promise<string> {
  const { lineFigure } = await import('../figures/line.ts');
  const points = (of: (band: TrueSeeds['bands'][number]) => number) =>
    bands.map(band => [band.variance, of(band)] as [number, number]).sort(([a], [b]) => a - b);
  return lineFigure({
    title: `What a picture tells of its seed, ${name}`,
    x: { label: 'variance of the data along the component, standardised', log: true },
    y: { label: 'root mean square error of the seed', log: true },
    series: [
      { name: 'measured', points: points(({ measured }) => measured) },
      { name: 'Gaussian data', points: points(({ predicted }) => predicted), dashed: true },
    ],
  });
}
