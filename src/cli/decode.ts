import { type Command, Option } from 'commander';
import { originOf } from '../diffusion/conditions.ts';
import { chooseSampler, MOST_SAMPLER_STEPS } from '../diffusion/info.ts';
import { evaluationsOf } from '../diffusion/sampler.ts';
import { SAMPLERS, type SamplerKind } from '../diffusion/samplers.ts';
import { unlikelySeeds } from '../embedding/likely.ts';
import { checkSeeds, readSeeds } from '../embedding/seeds.ts';
import { joinPath, readBytes, sha256Hex } from '../runtime/files.ts';
import { openUnfinished, type UnfinishedOptions } from '../work/unfinished.ts';
import { type ConditionFlags, withConditionFlags } from './conditions.ts';
import { hashesOf, openModel } from './denoiser.ts';
import { SHIPPED_MODEL, version } from './files.ts';
import { growInPieces, writeGrown } from './grow.ts';
import { subjectOf } from './latents.ts';
import {
  autoencoderOption,
  openRuntime,
  type RuntimeFlags,
  whole,
  withRuntime,
  withUnfinished,
} from './options.ts';
import { openTerminal, withTerminal } from './terminal.ts';

interface Flags extends RuntimeFlags, ConditionFlags, UnfinishedOptions {
  model: string;
  autoencoder?: string;
  sampler?: SamplerKind;
  samplerSteps?: number;
  force?: boolean;
  json?: boolean;
  quiet?: boolean;
}

export function addDecode(program: Command): void {
  const command = withTerminal(withConditionFlags(withRuntime(program.command('decode'))))
    .description('grow pictures from seeds')
    .argument('<seeds>', 'a seed file (.safetensors), or a bare array (.npy, .npz)')
    .option('--model <file>', 'the denoiser', SHIPPED_MODEL)
    .addOption(autoencoderOption())
    .addOption(
      new Option('--sampler <name>', "what grows the pictures, instead of the model's own").choices([
        ...SAMPLERS,
      ]),
    )
    .option('--sampler-steps <n>', "T, instead of the model's own", whole(1, MOST_SAMPLER_STEPS))
    .option('--force', 'grow seeds with a model, sampler or conditions that they do not belong to')
    .option('--out <folder>', 'where to write', 'out');
  withUnfinished(command)
    .addHelpText('after', '\nExample: seedbed decode out/seeds.safetensors --out grown')
    .action(async (file: string, flags: Flags) => {
      const started = performance.now();
      const terminal = openTerminal(flags);
      const model = await openModel(flags.model, flags);
      const bytes = await readBytes(file);
      const seeds = readSeeds(bytes, file);
      if (!seeds.provenance)
        terminal.note(`${file}: a bare array; which model and sampler it belongs to is unknown`);
      const sampler = chooseSampler(model.info.sampler, flags);
      checkSeeds(seeds, model, sampler, file, flags.force);
      const unlikely = unlikelySeeds(seeds.latent);
      if (unlikely) terminal.note(`${file}: ${unlikely}`);
      const about = { command: 'decode', seeds: sha256Hex(bytes), ...hashesOf(model), sampler };
      const unfinished = await openUnfinished(flags, about, terminal.note);
      const count = seeds.latent.shape[0]!;
      const evaluations = count * evaluationsOf(sampler);
      const progress = terminal.progress('growing', 'evaluations');
      const where = { terminal, runtime: await openRuntime(terminal, flags), unfinished };
      const pictures = await growInPieces(where, { model, sampler }, seeds, done =>
        progress.update(done, evaluations),
      ).finally(() => progress.stop());
      const files = await writeGrown({ terminal, out: flags.out }, model, pictures);
      await unfinished.remove();
      const seconds = (performance.now() - started) / 1000;
      terminal.line(
        `${count} ${subjectOf(model)}: ${files.map(name => joinPath(flags.out, name)).join(', ')}`,
      );
      terminal.json({
        seedbed: await version(),
        command: 'decode',
        ...originOf(model),
        seconds,
        evaluations,
        results: [{ pictures: count, out: flags.out, files }],
      });
    });
}
