import type { Command } from 'commander';
import { originOf } from '../diffusion/conditions.ts';
import { evaluationsOf } from '../diffusion/sampler.ts';
import { chooseSampler } from '../diffusion/sampler-info.ts';
import { unlikelySeeds } from '../embedding/likely.ts';
import { checkSeeds, readSeeds } from '../embedding/seeds.ts';
import { joinPath, readBytes, sha256Hex } from '../runtime/files.ts';
import type { UnfinishedOptions } from '../work/unfinished.ts';
import { hashesOf, type ModelFlags, openModel, withModel } from './denoiser.ts';
import { SHIPPED_MODEL } from './files.ts';
import { type FlagsOf, options, withOptions } from './flags.ts';
import { type Done, type Frame, runReported } from './frame.ts';
import { growInPieces, writeGrown } from './grow.ts';
import { subjectOf } from './latents.ts';
import { autoencoderOption, gridOption, samplerOption, stepsOption, withUnfinished } from './options.ts';
import { howMany } from './terminal.ts';

const own = () =>
  options()
    .option('--model <file>', 'the denoiser', SHIPPED_MODEL)
    .addOption(autoencoderOption())
    .addOption(samplerOption())
    .addOption(stepsOption())
    .addOption(gridOption())
    .option('--force', 'grow seeds with a model, sampler or conditions that they do not belong to')
    .option('--out <folder>', 'where to write', 'out');

type Flags = FlagsOf<typeof own> & ModelFlags & UnfinishedOptions;

export function addDecode(program: Command): void {
  const command = withOptions(withModel(program.command('decode')), own())
    .description('grow pictures from seeds')
    .argument('<seeds>', 'a seed file (.safetensors), or a bare array (.npy, .npz)');
  withUnfinished(command)
    .addHelpText('after', '\nExample: seedbed decode out/seeds.safetensors --out grown')
    .action((file: string, flags: Flags) => runReported('decode', flags, frame => run(frame, file, flags)));
}

async function run(frame: Frame, file: string, flags: Flags): Promise<Done> {
  const { terminal } = frame;
  const { out } = flags;
  const model = await openModel(flags.model, flags);
  const bytes = await readBytes(file);
  const seeds = readSeeds(bytes, file);
  if (!seeds.provenance)
    terminal.note(`${file}: a bare array; which model and sampler it belongs to is unknown`);
  const sampler = chooseSampler(model.info.sampler, flags);
  checkSeeds(seeds, model, sampler, file, flags.force);
  const unlikely = unlikelySeeds(seeds.latent);
  if (unlikely) terminal.note(`${file}: ${unlikely}`);
  const unfinished = await frame.open(flags, { seeds: sha256Hex(bytes), ...hashesOf(model), sampler });
  const count = seeds.latent.shape[0]!;
  const evaluations = count * evaluationsOf(sampler, seeds.pair !== undefined);
  const progress = terminal.progress('growing', 'evaluations');
  const where = { terminal, runtime: await frame.runtime(), unfinished };
  const pictures = await growInPieces(where, { model, sampler }, seeds, done =>
    progress.update(done, evaluations),
  ).finally(() => progress.stop());
  const files = await writeGrown({ terminal, out }, model, pictures);
  const results = [{ pictures: count, out, files }];
  return {
    report: frame.report({ ...originOf(model), evaluations, results }),
    lines: [`${howMany(count, subjectOf(model))}: ${files.map(name => joinPath(out, name)).join(', ')}`],
  };
}
