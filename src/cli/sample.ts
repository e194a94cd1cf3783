import { type Command, Option } from 'commander';
import { originOf } from '../diffusion/conditions.ts';
import { chooseSampler, MOST_SAMPLER_STEPS } from '../diffusion/info.ts';
import { evaluationsOf } from '../diffusion/sampler.ts';
import { SAMPLERS, type SamplerKind } from '../diffusion/samplers.ts';
import { writeSeeds } from '../embedding/seeds.ts';
import { joinPath, writeAtomic } from '../runtime/files.ts';
import { normals } from '../tensor/random.ts';
import { concatRows } from '../tensor/tensor.ts';
import { type ConditionFlags, withConditionFlags } from './conditions.ts';
import { hashesOf, openModel } from './denoiser.ts';
import { SHIPPED_MODEL, version } from './files.ts';
import { growPieces, writeGrown } from './grow.ts';
import { subjectOf } from './latents.ts';
import { autoencoderOption, openRuntime, type RuntimeFlags, whole, withRng, withRuntime } from './options.ts';
import { inPart, openWork, type ShardFlags, secondsOf, withShards } from './shards.ts';
import { openTerminal, withTerminal } from './terminal.ts';

interface Flags extends RuntimeFlags, ConditionFlags, ShardFlags {
  model: string;
  autoencoder?: string;
  count: number;
  sampler?: SamplerKind;
  samplerSteps?: number;
  rng: number;
  json?: boolean;
  quiet?: boolean;
}

export function addSample(program: Command): void {
  const command = withTerminal(withRng(withConditionFlags(withRuntime(program.command('sample')))))
    .description('grow pictures from random seeds (Algorithm 2)')
    .option('--model <file>', 'the denoiser', SHIPPED_MODEL)
    .addOption(autoencoderOption())
    .option('--count <n>', 'how many', whole(1, 1_000_000), 20)
    .addOption(
      new Option('--sampler <name>', "what grows the pictures, instead of the model's own").choices([
        ...SAMPLERS,
      ]),
    )
    .option('--sampler-steps <n>', "T, instead of the model's own", whole(1, MOST_SAMPLER_STEPS))
    .option('--out <folder>', 'where to write', 'out');
  withShards(command)
    .addHelpText('after', '\nExample: seedbed sample --count 50 --rng 7 --out samples')
    .action(async (flags: Flags) => {
      const started = performance.now();
      const terminal = openTerminal(flags);
      const { count, rng, out } = flags;
      const model = await openModel(flags.model, flags);
      const sampler = chooseSampler(model.info.sampler, flags);
      const noise = (first: number, last: number) =>
        normals({ seed: rng, purpose: 'sample' }, [last - first, ...model.info.shape], row => ({
          image: first + row,
          start: 0,
        }));
      const work = await openWork(
        flags,
        { command: 'sample', count, rng, ...hashesOf(model), sampler },
        terminal,
      );
      const evaluations = count * evaluationsOf(sampler);
      const progress = terminal.progress('growing', 'evaluations');
      const grown = await growPieces(
        { terminal, runtime: await openRuntime(terminal, flags) },
        { model, sampler, count, seeds: (first, last) => ({ latent: noise(first, last) }) },
        done => progress.update(done, evaluations),
        (pieces, doPiece) => inPart(terminal, work, pieces, doPiece),
      ).finally(() => progress.stop());
      if (!grown) return;
      const files = await writeGrown({ terminal, out }, model, concatRows(grown));
      const createdBy = `seedbed ${await version()}`;
      const provenance = {
        ...originOf(model),
        sampler,
        method: { name: 'sample', evaluations: 0 },
        images: [],
        rng,
        createdBy,
      };
      await writeAtomic(joinPath(out, 'seeds.safetensors'), writeSeeds(noise(0, count), provenance));
      await work.remove();
      const seconds = secondsOf(started, work);
      terminal.line(
        `${count} ${subjectOf(model)}: ${[...files, 'seeds.safetensors'].map(name => joinPath(out, name)).join(', ')}`,
      );
      terminal.json({
        seedbed: await version(),
        command: 'sample',
        ...originOf(model),
        rng,
        seconds,
        evaluations,
        results: [{ pictures: count, out, files }],
      });
    });
}
