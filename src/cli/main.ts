import { Command, CommanderError } from 'commander';
import { type ErrorKind, isSeedbedError, messageOf } from '../errors.ts';
import { addCloud } from './cloud.ts';
import { addCompare } from './compare.ts';
import { addData } from './data.ts';
import { addDecode } from './decode.ts';
import { addDifferentiate } from './differentiate.ts';
import { addDoctor } from './doctor.ts';
import { addEdit } from './edit.ts';
import { addEmbed } from './embed.ts';
import { addEvaluate } from './evaluate.ts';
import { version } from './files.ts';
import { addFrontier } from './frontier.ts';
import { addImport } from './import.ts';
import { addInfo } from './info.ts';
import { addInterpolate } from './interpolate.ts';
import { addMerge } from './merge.ts';
import { addQuality } from './quality.ts';
import { addSubmit } from './queue/submit.ts';
import { addWork } from './queue/work.ts';
import { addRace } from './race.ts';
import { addRecover } from './recover.ts';
import { addReproduce } from './reproduce.ts';
import { addRunner } from './runner.ts';
import { addSample } from './sample.ts';
import { addServe } from './serve/serve.ts';
import { addStudio } from './studio.ts';
import { interruptionCode, watchSignals } from './terminal.ts';
import { addTrain } from './train.ts';
import { addVerify } from './verify.ts';

/**
 * 0 finished; 1 a fault of ours or the machine's, which may pass; 2 a mistake in what was asked or given, the same every time;
 * 3 it does not fit what is there, which may fit on another machine or in another folder; 130 stopped by Ctrl-C, 75 stopped by SIGTERM: the same command goes on (docs/commands.md).
 */
const EXIT_CODES: Readonly<Record<Exclude<ErrorKind, 'Interrupted'>, number>> = {
  BadFile: 2,
  BadArgument: 2,
  BadShape: 2,
  Unsupported: 2,
  Mismatch: 3,
  Diverged: 2,
  Machine: 1,
};

/**
 * Runs the command line. Commands load what plots when they plot: it would lengthen the start of every other one.
 * @returns the exit code.
 */
export async function main(args: readonly string[]): Promise<number> {
  const unwatch = watchSignals();
  try {
    await run(args);
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (isSeedbedError(error)) {
      process.stderr.write(`seedbed: ${error.message}\n`);
      return error.kind === 'Interrupted' ? interruptionCode() : EXIT_CODES[error.kind];
    }
    const trace = process.env.SEEDBED_DEBUG && error instanceof Error ? `\n${error.stack}` : '';
    process.stderr.write(
      `seedbed: a fault of Seedbed's own: ${messageOf(error)} (SEEDBED_DEBUG=1 shows where)${trace}\n`,
    );
    return 1;
  } finally {
    unwatch();
  }
}

/** Runs the command that the words say. */
async function run(args: readonly string[]): Promise<void> {
  const program = new Command('seedbed')
    .description('Finds the noise from which a deterministic diffusion model grows a picture.')
    .version(await version())
    .showHelpAfterError('Add --help for the options and an example.')
    .exitOverride();
  for (const add of [
    addEmbed,
    addDecode,
    addSample,
    addCloud,
    addInterpolate,
    addEdit,
    addCompare,
    addTrain,
    addEvaluate,
    addQuality,
    addDifferentiate,
    addRace,
    addFrontier,
    addRecover,
    addReproduce,
    addVerify,
    addWork,
    addServe,
    addStudio,
    addImport,
    addDoctor,
    addInfo,
    addData,
  ])
    add(program);
  addMerge(program, run);
  addSubmit(program, run);
  addRunner(program, main);
  await program.parseAsync([...args], { from: 'user' });
}

// Who reads our output may stop early (`seedbed info | head -1`): that is no fault, even after the command's end.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
