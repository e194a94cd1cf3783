import type { Command } from 'commander';
import { originOf } from '../diffusion/conditions.ts';
import { isOfLatents } from '../diffusion/info.ts';
import { diagnose } from '../embedding/doctor.ts';
import type { Fit } from '../runtime/picture.ts';
import { type ConditionFlags, withConditionFlags } from './conditions.ts';
import { openModel } from './denoiser.ts';
import { version } from './files.ts';
import { subjectOf } from './latents.ts';
import { autoencoderOption, fitOption, openRuntime, type RuntimeFlags, withRuntime } from './options.ts';
import { readItems, readPictures } from './pictures.ts';
import { openTerminal, withTerminal } from './terminal.ts';

interface Flags extends RuntimeFlags, ConditionFlags {
  fit: Fit;
  autoencoder?: string;
  data?: string;
  dataDir?: string;
  roundTrip: boolean;
  json?: boolean;
  quiet?: boolean;
}

/** Readings of the description that are shown. */
const SHOWN = 6;

export function addDoctor(program: Command): void {
  withTerminal(withConditionFlags(withRuntime(program.command('doctor'))))
    .description("look for what is wrong with a model's description, and measure a round trip")
    .argument('<model.onnx>', 'a Seedbed model, as `seedbed import` writes it')
    .argument('[pictures...]', 'some pictures of the kind that it was trained on: a firmer answer')
    .addOption(fitOption())
    .addOption(autoencoderOption())
    .option('--data <name or path>', 'a data set instead of pictures')
    .option('--data-dir <folder>', 'where data sets are looked for first')
    .option('--no-round-trip', 'do not embed its own samples, which takes most of the time')
    .addHelpText('after', '\nExample: seedbed doctor my.onnx some-pictures/')
    .action(async (file: string, paths: string[], flags: Flags) => {
      const started = performance.now();
      const terminal = openTerminal(flags);
      const model = await openModel(file, flags);
      const pictures = flags.data
        ? await readItems(flags.data, model, { ...flags, from: 0, to: 8, note: terminal.note })
        : paths.length > 0
          ? await readPictures(paths, model, flags.fit, terminal.note)
          : undefined;
      const runtime = await openRuntime(terminal, flags);
      const diagnosis = await diagnose(runtime, model, pictures?.images, {
        roundTrip: flags.roundTrip,
        onProgress: doing => terminal.note(`${doing} ...`),
      });
      const { findings, errors, given, roundTrip } = diagnosis;
      if (errors.length > 0)
        terminal.line(
          `noise left in ${given ? `the ${subjectOf(model)} given` : "the model's own samples"}; knowing only their variance leaves 1:`,
        );
      for (const { change, error } of errors.slice(0, SHOWN))
        terminal.line(
          `  ${error.toPrecision(3).padEnd(9)} ${change === '' ? 'as described' : `with ${change}`}`,
        );
      if (roundTrip)
        terminal.line(
          `round trip of its own samples: ${roundTrip.psnr.toFixed(1)} dB${isOfLatents(model.info) ? ' of latents' : ''}, seed variance ${roundTrip.variance.toFixed(2)}, ${roundTrip.evaluations} evaluations`,
        );
      for (const { topic, text } of findings) terminal.line(`\n${topic}: ${text}`);
      if (findings.length === 0) terminal.line('\nnothing wrong was found');
      terminal.json({
        seedbed: await version(),
        command: 'doctor',
        ...originOf(model),
        seconds: (performance.now() - started) / 1000,
        results: [diagnosis],
      });
    });
}
