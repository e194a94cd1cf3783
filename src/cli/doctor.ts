import type { Command } from 'commander';
import { guidanceOf } from '../diffusion/condition-record.ts';
import { originOf } from '../diffusion/conditions.ts';
import { type Denoiser, isOfLatents } from '../diffusion/info.ts';
import { type Diagnosis, diagnose } from '../embedding/doctor.ts';
import { stoppable } from '../embedding/seeker.ts';
import { type ModelFlags, openModel, withModel } from './denoiser.ts';
import { type FlagsOf, options, withOptions } from './flags.ts';
import { type Done, type Frame, runReported } from './frame.ts';
import { subjectOf } from './latents.ts';
import { autoencoderOption, dataDirOption, fitOption } from './options.ts';
import { readItems, readPictures, refuseBoth } from './pictures.ts';

const own = () =>
  options()
    .addOption(fitOption())
    .addOption(autoencoderOption())
    .option('--data <name or path>', 'a data set instead of pictures')
    .addOption(dataDirOption())
    .option('--no-round-trip', 'do not embed its own samples, which takes most of the time');

type Flags = FlagsOf<typeof own> & ModelFlags;

/** The best readings of the description are shown, so many, and the description itself. */
const SHOWN = 6;

export function addDoctor(program: Command): void {
  withOptions(withModel(program.command('doctor')), own())
    .description("look for what is wrong with a model's description, and measure a round trip")
    .argument('<model.onnx>', 'a Seedbed model, as `seedbed import` writes it')
    .argument('[pictures...]', 'some pictures of the kind that it was trained on: a firmer answer')
    .addHelpText('after', '\nExample: seedbed doctor my.onnx some-pictures/')
    .action((file: string, paths: string[], flags: Flags) =>
      runReported('doctor', flags, frame => run(frame, file, paths, flags)),
    );
}

async function run(frame: Frame, file: string, paths: readonly string[], flags: Flags): Promise<Done> {
  const { note } = frame.terminal;
  const model = await openModel(file, flags);
  refuseBoth(flags.data, paths);
  const pictures = flags.data
    ? await readItems(flags.data, model, { ...flags, from: 0, to: 8, note })
    : paths.length > 0
      ? await readPictures(paths, model, flags.fit, note)
      : undefined;
  const diagnosis = await diagnose(model, {
    runtime: stoppable(await frame.runtime(), frame.terminal.signal),
    pictures: pictures?.images,
    roundTrip: flags.roundTrip,
    onProgress: doing => note(`${doing} ...`),
  });
  const report = frame.report({ ...originOf(model), results: [diagnosis] });
  return { report, lines: linesOf(diagnosis, model) };
}

function linesOf({ findings, errors, given, roundTrip }: Diagnosis, model: Denoiser): string[] {
  const lines: string[] = [];
  if (errors.length > 0)
    lines.push(
      `noise left in ${given ? `the ${subjectOf(model)} given` : "the model's own samples"}; knowing only their variance leaves 1:`,
    );
  if (guidanceOf(model.conditioned) !== 1)
    lines.push(
      'readings of the description were not tried: a guided prediction is no denoiser; ask without --guidance',
    );
  const shown = errors.filter(({ change }, i) => i < SHOWN || change === '');
  for (const { change, error } of shown)
    lines.push(`  ${error.toPrecision(3).padEnd(9)} ${change === '' ? 'as described' : `with ${change}`}`);
  if (roundTrip)
    lines.push(
      `round trip of its own samples: ${roundTrip.psnr.toFixed(1)} dB${isOfLatents(model.info) ? ' of latents' : ''}, seed variance ${roundTrip.variance.toFixed(2)}, ${roundTrip.evaluations} evaluations`,
    );
  for (const { topic, text } of findings) lines.push(`\n${topic}: ${text}`);
  if (findings.length === 0) lines.push('\nnothing wrong was found');
  return lines;
}
