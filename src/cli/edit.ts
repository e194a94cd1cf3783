import { type Command, InvalidArgumentError } from 'commander';
import { originOf } from '../diffusion/conditions.ts';
import { type Denoiser, givesLatents } from '../diffusion/info.ts';
import { drawing, seedPictures } from '../diffusion/pictures.ts';
import { chooseSampler, type SamplerInfo } from '../diffusion/sampler-info.ts';
import { joinSought, rowOf, type SeedRow, type Sought } from '../embedding/seek.ts';
import { SeedbedError } from '../errors.ts';
import { shortError } from '../figures/text.ts';
import { naturalness } from '../latent/naturalness.ts';
import { joinPath, writeAtomic } from '../runtime/files.ts';
import { encodePng } from '../runtime/images.ts';
import { meanSquaredErrors } from '../tensor/statistics.ts';
import { takeRows } from '../tensor/tensor.ts';
import { inPieces, type UnfinishedOptions } from '../work/unfinished.ts';
import { hashesOf, type ModelFlags, openModel, withModel } from './denoiser.ts';
import { SHIPPED_MODEL } from './files.ts';
import { type FlagsOf, options, withOptions } from './flags.ts';
import { type Done, type Frame, runReported } from './frame.ts';
import { writeLabelledSheet } from './labelled.ts';
import { DRAWN, ofWhat } from './latents.ts';
import {
  autoencoderOption,
  fitOption,
  gridOption,
  type RngFlags,
  refusePairs,
  stepsOption,
  withRng,
  withUnfinished,
} from './options.ts';
import { type Pictures, readPictures } from './pictures.ts';
import { writeSeedFiles } from './seed-files.ts';
import { seekShown } from './seek.ts';
import { duration, type Terminal } from './terminal.ts';

const own = () =>
  options()
    .requiredOption('--scribbled <file>', 'the picture after, as a paint program saved it')
    .option(
      '--naturalness <0..1>',
      'a dial: 0 keeps every stroke, 1 keeps what the model takes the picture for; several, separated by commas',
      dialOf,
      POSITIONS,
    )
    .option('--model <file>', 'the denoiser', SHIPPED_MODEL)
    .addOption(autoencoderOption())
    .addOption(stepsOption())
    .addOption(gridOption())
    .addOption(fitOption())
    .option('--out <folder>', 'where to write', 'edit');

type Flags = FlagsOf<typeof own> & ModelFlags & RngFlags & UnfinishedOptions;

const POSITIONS = [0, 0.25, 0.5, 0.75, 1];

export function addEdit(program: Command): void {
  const command = withOptions(withRng(withModel(program.command('edit'))), own())
    .description('regenerate a picture that was drawn on, from faithful to natural')
    .argument('[picture]', 'the picture before: its noise is taken, and the sheet shows it');
  withUnfinished(command)
    .addHelpText(
      'after',
      `
Up to 0.4 the dial is split inversion's tau, from 0.03 to 3; from there on the steps next to the picture are
drawn and not fitted: 1 to T - 1 of them, as many as bring the angle of their noise, atan(n / s), nearest to the dial.

Example: seedbed edit bag.png --scribbled bag-with-strokes.png --naturalness 0.6`,
    )
    .action((path: string | undefined, flags: Flags) =>
      runReported('edit', flags, frame => run(frame, path, flags)),
    );
}

function dialOf(text: string): number[] {
  const values = text.split(',').map(part => (part.trim() === '' ? Number.NaN : Number(part)));
  if (!values.every(value => value >= 0 && value <= 1))
    throw new InvalidArgumentError('expected a number from 0 to 1, or several separated by commas.');
  return values;
}

async function run(frame: Frame, path: string | undefined, flags: Flags): Promise<Done> {
  const { terminal } = frame;
  const model = await openModel(flags.model, flags);
  const sampler = chooseSampler(model.info.sampler, flags);
  refusePairs('edit', sampler);
  const one = (file: string) => readOne(file, model, flags, terminal);
  const scribbled = await one(flags.scribbled);
  const before = path === undefined ? undefined : await one(path);
  const { naturalness: dials, rng } = flags;
  const found = await seekPositions(frame, flags, { model, sampler, scribbled, before });
  const all = joinSought(found);
  const rows = all.results.map(rowOf);
  const original =
    before && meanSquaredErrors(all.pictures, takeRows(before.images, new Uint8Array(dials.length)));
  const results = rows.map(({ start: _, ...row }, i) => ({
    naturalness: dials[i]!,
    method: found[i]!.method.name,
    ...dialled(found[i]!),
    ...row,
    ...(original && { mseToOriginal: original[i]! }),
    image: `edited-${dials[i]}.png`,
  }));
  const at = (name: string) => joinPath(flags.out, name);
  await writeSeedFiles(flags.out, model, all, {
    sampler,
    method: { name: 'edit', positions: dials.map((dial, i) => ({ naturalness: dial, ...found[i]!.method })) },
    images: [{ name: scribbled.names[0]!, sha256: scribbled.hashes[0]! }],
    rng,
  });
  for (const [i, picture] of drawing(model, scribbled.images)(all.pictures).entries())
    await writeAtomic(at(results[i]!.image), await encodePng(picture));
  await writeStrip(at('edit.png'), model, scribbled, before, dials, all);
  const report = frame.report({
    ...originOf(model),
    rng,
    evaluations: rows.reduce((sum, r) => sum + r.evaluations, 0),
    scribbled: scribbled.names[0]!,
    results,
  });
  const lines = results.map(result => lineOf(result, model));
  lines.push(
    `${duration(report.seconds)}: ${at('edit.png')} (${before ? 'the picture, ' : ''}the scribbled one, what is grown from left to right), ${results.map(r => r.image).join(', ')}, seeds.safetensors, seeds.npy, report.json`,
  );
  return { report, file: at('report.json'), lines };
}

/** @throws {SeedbedError} BadArgument unless it is one picture. */
async function readOne(file: string, model: Denoiser, { fit }: Flags, { note }: Terminal): Promise<Pictures> {
  const pictures = await readPictures([file], model, fit, note);
  if (pictures.names.length === 1) return pictures;
  throw new SeedbedError('BadArgument', `${file} holds ${pictures.names.length} pictures; edit takes one`);
}

/** What is edited, and by what. */
interface Edited {
  readonly model: Denoiser;
  readonly sampler: SamplerInfo;
  readonly scribbled: Pictures;
  readonly before: Pictures | undefined;
}

/** The seeds of the scribbled picture at each position of the dial, resumable. */
async function seekPositions(
  frame: Frame,
  flags: Flags,
  { model, sampler, scribbled, before }: Edited,
): Promise<Sought[]> {
  const { naturalness: dials, rng, samplerSteps, samplerGrid } = flags;
  const runtime = await frame.runtime();
  const unfinished = await frame.open(flags, {
    ...{ ...hashesOf(model), sampler, rng, dials, fit: flags.fit },
    hash: scribbled.hashes[0],
    before: before?.hashes[0],
  });
  const all = { rng, samplerSteps, samplerGrid, noiseOf: before?.images };
  return seekShown(
    frame.terminal,
    { runtime, model },
    { count: dials.length, piece: 1 },
    first => ({
      images: scribbled.images,
      options: { ...naturalness(dials[first]!, model, sampler), ...all },
    }),
    (pieces, doPiece) => inPieces(unfinished, pieces, doPiece),
  );
}

/** What is reported of a position of the dial. */
interface Position extends Omit<SeedRow, 'start'> {
  readonly naturalness: number;
  readonly tau?: number;
  readonly diffused?: number;
  readonly mseToOriginal?: number;
}

function lineOf(r: Position, model: Denoiser): string {
  const how = r.diffused === undefined ? `tau ${r.tau!.toPrecision(2)}` : `${r.diffused} steps drawn`;
  const flagged = r.flags.map(flag => `\n  flagged: ${flag}`).join('');
  const off = r.mseToOriginal === undefined ? '' : `, from the picture before ${r.mseToOriginal.toFixed(6)}`;
  return `naturalness ${String(r.naturalness).padEnd(5)} (${how}) squared distance${ofWhat(model)} from the scribbled picture ${r.mse.toFixed(6)}${off}, seed variance ${r.latentVariance.toFixed(2)}${flagged}`;
}

/** What the dial came to, as the method's settings say. */
function dialled({ method }: Sought): { tau?: number; diffused?: number } {
  const { lastStep, diffused } = method as { lastStep?: { tau: number }; diffused?: number };
  return lastStep ? { tau: lastStep.tau } : { diffused: diffused! };
}

async function writeStrip(
  path: string,
  model: Denoiser,
  scribbled: Pictures,
  before: Pictures | undefined,
  dials: readonly number[],
  { latent, pictures, results }: Sought,
): Promise<void> {
  const drawn = drawing(model, scribbled.images);
  const [was] = before ? drawn(before.images) : [];
  const lead = was ? [was] : [];
  const none = lead.map(() => undefined);
  await writeLabelledSheet(path, {
    title: `${scribbled.names[0]}, grown again`,
    rows: [
      {
        label: 'pictures',
        pictures: [...lead, drawn(scribbled.images)[0], ...drawn(pictures)],
        captions: [
          ...lead.map(() => 'before'),
          'scribbled',
          ...dials.map((dial, i) => `dial ${dial}\n${shortError(results[i]!.mse)}`),
        ],
      },
      {
        label: 'their seeds',
        pictures: [...none, undefined, ...seedPictures(model, latent)],
      },
    ],
    notes: `The dial: 0 is faithful to the scribbled picture, 1 natural to the model. Below it: the squared distance from the scribbled picture, ${givesLatents(model) ? `of latents; ${DRAWN}` : 'of pixels in [0,1]'}.`,
  });
}
