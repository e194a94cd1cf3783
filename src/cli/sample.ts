import type { Command } from 'commander';
import { originOf } from '../diffusion/conditions.ts';
import { evaluationsOf } from '../diffusion/sampler.ts';
import { chooseSampler } from '../diffusion/sampler-info.ts';
import { joinPath } from '../runtime/files.ts';
import { normals } from '../tensor/random.ts';
import { concatRows } from '../tensor/tensor.ts';
import { hashesOf, type ModelFlags, openModel, withModel } from './denoiser.ts';
import { SHIPPED_MODEL } from './files.ts';
import { type FlagsOf, options, withOptions } from './flags.ts';
import { type Done, type Frame, runReported } from './frame.ts';
import { growPieces, writeGrown } from './grow.ts';
import { subjectOf } from './latents.ts';
import {
  autoencoderOption,
  gridOption,
  type RngFlags,
  samplerOption,
  stepsOption,
  whole,
  withRng,
} from './options.ts';
import { writeSeedFile } from './seed-files.ts';
import { inPart, type ShardFlags, withShards } from './shards.ts';
import { howMany } from './terminal.ts';

const own = () =>
  options()
    .option('--model <file>', 'the denoiser', SHIPPED_MODEL)
    .addOption(autoencoderOption())
    .option('--count <n>', 'how many', whole(1, 1_000_000), 20)
    .addOption(samplerOption())
    .addOption(stepsOption())
    .addOption(gridOption())
    .option('--out <folder>', 'where to write', 'out');

type Flags = FlagsOf<typeof own> & ModelFlags & RngFlags & ShardFlags;

export function addSample(program: Command): void {
  const command = withOptions(withRng(withModel(program.command('sample'))), own()).description(
    'grow pictures from random seeds (Algorithm 2)',
  );
  withShards(command)
    .addHelpText('after', '\nExample: seedbed sample --count 50 --rng 7 --out samples')
    .action((flags: Flags) => runReported('sample', flags, frame => run(frame, flags)));
}

async function run(frame: Frame, flags: Flags): Promise<Done | undefined> {
  const { terminal } = frame;
  const { count, rng, out } = flags;
  const model = await openModel(flags.model, flags);
  const sampler = chooseSampler(model.info.sampler, flags);
  const noise = (first: number, last: number) =>
    normals({ seed: rng, purpose: 'sample' }, [last - first, ...model.info.shape], row => ({
      image: first + row,
      start: 0,
    }));
  const work = await frame.open(flags, { count, rng, ...hashesOf(model), sampler });
  const evaluations = count * evaluationsOf(sampler);
  const progress = terminal.progress('growing', 'evaluations');
  const grown = await growPieces(
    { terminal, runtime: await frame.runtime() },
    { model, sampler, count, seeds: (first, last) => ({ latent: noise(first, last) }) },
    done => progress.update(done, evaluations),
    (pieces, doPiece) => inPart(terminal, work, pieces, doPiece),
  ).finally(() => progress.stop());
  if (!grown) return undefined;
  const grownFiles = await writeGrown({ terminal, out }, model, concatRows(grown));
  const method = { name: 'sample', evaluations: 0 };
  await writeSeedFile(out, model, { latent: noise(0, count) }, { sampler, method, images: [], rng });
  const files = [...grownFiles, 'seeds.safetensors'];
  const paths = files.map(name => joinPath(out, name));
  const results = [{ pictures: count, out, files }];
  return {
    report: frame.report({ ...originOf(model), rng, evaluations, results }),
    lines: [`${howMany(count, subjectOf(model))}: ${paths.join(', ')}`],
  };
}
