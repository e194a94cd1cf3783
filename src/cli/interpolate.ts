import { Option } from '@commander-js/extra-typings';
import { type Command, InvalidArgumentError } from 'commander';
import { originOf } from '../diffusion/conditions.ts';
import { type Denoiser, givesLatents } from '../diffusion/info.ts';
import { drawing, seedPictures } from '../diffusion/pictures.ts';
import { evaluationsOf } from '../diffusion/sampler.ts';
import type { SamplerInfo } from '../diffusion/sampler-info.ts';
import { joinSought, rowOf } from '../embedding/seek.ts';
import { SeedbedError } from '../errors.ts';
import { interpolateSeeds, SEED_PATHS, type SeedPath } from '../latent/interpolation.ts';
import { encodeAnimation } from '../runtime/animation.ts';
import { joinPath, writeAtomic } from '../runtime/files.ts';
import { meanSquaredErrors, meanSquares } from '../tensor/statistics.ts';
import { concatRows, type Floats, float32, rows, unstack } from '../tensor/tensor.ts';
import { inPieces, type Unfinished, type UnfinishedOptions } from '../work/unfinished.ts';
import { type FlagsOf, options, withOptions } from './flags.ts';
import { type Done, type Frame, runReported } from './frame.ts';
import { growInPieces } from './grow.ts';
import { type LabelledRow, writeLabelledSheet } from './labelled.ts';
import { DRAWN, ofWhat } from './latents.ts';
import { embedOptions, type MethodFlags, withMethod } from './method.ts';
import { fitOption, withUnfinished } from './options.ts';
import { type Pictures, readPictures } from './pictures.ts';
import { writeSeedFiles } from './seed-files.ts';
import { seekShown } from './seek.ts';
import { duration } from './terminal.ts';

const own = () =>
  options()
    .option('--steps <n>', 'pictures from one to the next, both counted', stepsOf, 9)
    .addOption(
      new Option('--path <name>', 'the arc between two seeds, which keeps their norm, or the chord')
        .choices([...SEED_PATHS])
        .default('slerp' as const),
    )
    .addOption(fitOption())
    .option('--out <folder>', 'where to write', 'interpolation');

type Flags = FlagsOf<typeof own> & MethodFlags & UnfinishedOptions;

export function addInterpolate(program: Command): void {
  const command = withOptions(withMethod(program.command('interpolate')), own())
    .description('grow pictures from the seeds between the seeds of given ones')
    .argument('<pictures...>', 'two picture files or more, in the order in which they are visited');
  withUnfinished(command)
    .addHelpText(
      'after',
      '\nExample: seedbed interpolate examples/fashion-mnist/0-t-shirt.png examples/fashion-mnist/3-dress.png --steps 9',
    )
    .action((paths: string[], flags: Flags) =>
      runReported('interpolate', flags, frame => run(frame, paths, flags)),
    );
}

function stepsOf(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 3 || value > 1000)
    throw new InvalidArgumentError('expected a whole number from 3 to 1000, both ends counted.');
  return value;
}

async function run(frame: Frame, paths: readonly string[], flags: Flags): Promise<Done> {
  const { terminal } = frame;
  const { model, options, sampler, settings } = await embedOptions(flags, { ofOneState: 'interpolate' });
  const pictures = await readPictures(paths, model, flags.fit, terminal.note);
  const count = pictures.names.length;
  if (count < 2)
    throw new SeedbedError('BadArgument', `interpolate goes between two pictures or more, got ${count}`);
  const runtime = await frame.runtime();
  const unfinished = await frame.open(flags, { ...settings, fit: flags.fit, hashes: pictures.hashes });
  const found = joinSought(
    await seekShown(
      terminal,
      { runtime, model },
      { count, piece: 1 },
      (first, last) => ({ images: rows(pictures.images, first, last), options }),
      (pieces, doPiece) => inPieces(unfinished, pieces, doPiece),
    ),
  );
  const ends = found.results.map(rowOf);
  const frames = framesOf(found.latent, flags.steps, flags.path);
  const latent = stacked(frames.map(frame => frame.seed));
  const grown = await growFrames(frame, unfinished, flags, { model, sampler }, latent);
  const results = describeFrames(frames, latent, grown, pictures.names);
  await writeSeedFiles(
    flags.out,
    model,
    { latent },
    {
      sampler,
      method: { name: 'interpolate', path: flags.path, steps: flags.steps, of: found.method },
      images: pictures.names.map((name, i) => ({ name, sha256: pictures.hashes[i]! })),
      rng: flags.rng,
    },
  );
  await draw(flags, model, pictures, latent, grown);
  const report = frame.report({
    ...originOf(model),
    rng: flags.rng,
    evaluations: ends.reduce((sum, r) => sum + r.evaluations, 0) + frames.length * evaluationsOf(sampler),
    path: flags.path,
    ends: ends.map(({ start: _, ...row }, i) => ({ image: pictures.names[i]!, ...row })),
    results,
  });
  const variances = results.map(({ latentVariance }) => latentVariance);
  const [least, most] = [Math.min(...variances), Math.max(...variances)];
  const lines = ends.map((row, i) => {
    const flagged = row.flags.map(flag => `\n  flagged: ${flag}`).join('');
    return `${pictures.names[i]!.padEnd(24)} squared error${ofWhat(model)} of its seed ${row.mse.toFixed(6)}${flagged}`;
  });
  lines.push(
    `${frames.length} seeds on the ${flags.path === 'slerp' ? 'arcs' : 'chords'} in ${duration(report.seconds)}, of variance ${least.toFixed(2)} to ${most.toFixed(2)}`,
    `${joinPath(flags.out, 'interpolation.png')} (a blend; seeds; what the seeds grow), interpolation.webp (the frames, moving), seeds.safetensors, seeds.npy, report.json`,
  );
  return { report, file: joinPath(flags.out, 'report.json'), lines };
}

/** What the seeds of the frames grow, resumable. */
async function growFrames(
  frame: Frame,
  unfinished: Unfinished,
  { path, steps }: Flags,
  by: { model: Denoiser; sampler: SamplerInfo },
  latent: Floats,
): Promise<Floats> {
  const { terminal } = frame;
  const total = latent.shape[0]! * evaluationsOf(by.sampler);
  const own = { ...unfinished, path: (name: string) => unfinished.path(`${path}-${steps}-${name}`) };
  const where = { terminal, runtime: await frame.runtime(), unfinished: own };
  const progress = terminal.progress('growing', 'evaluations');
  return growInPieces(where, by, { latent }, done => progress.update(done, total)).finally(() =>
    progress.stop(),
  );
}

/** A seed between those of pictures `from` and `from` + 1. */
interface Between {
  readonly from: number;
  readonly t: number;
  readonly seed: Floats;
}

/** What is reported of each frame. */
function describeFrames(frames: readonly Between[], latent: Floats, grown: Floats, names: readonly string[]) {
  const variances = meanSquares(latent);
  const changes = meanSquaredErrors(rows(grown, 1, frames.length), rows(grown, 0, frames.length - 1));
  return frames.map(({ from, t }, i) => ({
    from: names[from]!,
    to: names[from + 1]!,
    t,
    latentVariance: variances[i]!,
    /** Mean squared difference from the frame before. */
    change: changes[i - 1],
  }));
}

/** The frames of all stretches; where two meet there is one. */
function framesOf(ends: Floats, steps: number, path: SeedPath): Between[] {
  const seeds = unstack(ends);
  return seeds.slice(1).flatMap((end, from) =>
    Array.from({ length: steps }, (_, i) => i / (steps - 1))
      .slice(from === 0 ? 0 : 1)
      .map(t => ({ from, t, seed: interpolateSeeds(seeds[from]!, end, t, path) })),
  );
}

const stacked = (tensors: readonly Floats[]) =>
  concatRows(tensors.map(t => float32([1, ...t.shape], t.data)));

/** Writes the frames as a sheet, and moving. */
async function draw(
  flags: Flags,
  model: Denoiser,
  pictures: Pictures,
  latent: Floats,
  grown: Floats,
): Promise<void> {
  const at = (name: string) => joinPath(flags.out, name);
  const images = unstack(pictures.images);
  const drawn = drawing(model, pictures.images);
  const [seeds, pixels] = [seedPictures(model, latent), drawn(grown)];
  const blocks = images.slice(1).flatMap((end, from): LabelledRow[] => {
    // The first frame of a stretch is the last of the one before.
    const first = from * (flags.steps - 1);
    const among = Array.from({ length: flags.steps }, (_, i) => first + i);
    const ts = among.map((_, i) => i / (flags.steps - 1));
    return [
      {
        label: `blended ${givesLatents(model) ? 'latents' : 'pixels'}`,
        apart: from > 0,
        pictures: drawn(stacked(ts.map(t => interpolateSeeds(images[from]!, end, t, 'lerp')))),
      },
      { label: 'seeds between', pictures: among.map(i => seeds[i]) },
      {
        label: 'what they grow',
        pictures: among.map(i => pixels[i]),
        captions: ts.map(t => `${Number(t.toFixed(3))}`),
      },
    ];
  });
  await writeLabelledSheet(at('interpolation.png'), {
    title: `From ${pictures.names.join(' to ')}`,
    rows: blocks,
    ...(givesLatents(model) && { notes: DRAWN }),
  });
  await writeAtomic(
    at('interpolation.webp'),
    await encodeAnimation([...pixels, ...pixels.slice(1, -1).reverse()]),
  );
}
