import type { Command } from 'commander';
import { ddim } from '../diffusion/model.ts';
import { decode } from '../embedding/embed.ts';
import { checkSeeds, readSeeds } from '../embedding/seeds.ts';
import { joinPath, readBytes, writeAtomic } from '../runtime/files.ts';
import { SHIPPED_DENOISER } from '../runtime/package.ts';
import { writeNpy } from '../tensor/npy.ts';
import { openConsole, withConsole } from './console.ts';
import { openDenoiser, version } from './files.ts';
import { openRuntime, type RuntimeFlags, whole, withRuntime } from './options.ts';
import { writeSheet } from './pictures.ts';

interface Flags extends RuntimeFlags {
  model: string;
  samplerSteps?: number;
  out: string;
  force?: boolean;
  json?: boolean;
  quiet?: boolean;
}

export function addDecode(program: Command): void {
  withConsole(withRuntime(program.command('decode')))
    .description('grow pictures from seeds')
    .argument('<seeds>', 'a seed file (.safetensors), or a bare array (.npy)')
    .option('--model <file>', 'the denoiser', SHIPPED_DENOISER)
    .option('--sampler-steps <n>', "T, instead of the model's own", whole(1))
    .option('--force', 'also with a model or sampler that the seeds do not belong to')
    .option('--out <folder>', 'where to write', 'out')
    .addHelpText('after', '\nExample: seedbed decode out/seeds.safetensors --out grown')
    .action(async (file: string, flags: Flags) => {
      const started = performance.now();
      const console = openConsole(flags);
      const model = await openDenoiser(flags.model);
      const seeds = readSeeds(await readBytes(file), file);
      if (!seeds.provenance)
        console.note(`${file}: a bare array; which model and sampler it belongs to is unknown`);
      const sampler = flags.samplerSteps === undefined ? model.info.sampler : ddim(flags.samplerSteps);
      checkSeeds(seeds, model, sampler, file, flags.force);
      const progress = console.progress('growing', 'evaluations');
      const pictures = await decode(openRuntime(flags), model, seeds.latent, {
        samplerSteps: sampler.steps,
        onProgress: (done, total) => progress.update(Math.min(done, total), total),
      }).finally(() => progress.stop());
      await writeAtomic(joinPath(flags.out, 'pictures.npy'), writeNpy(pictures));
      if (pictures.shape.length === 4) await writeSheet(joinPath(flags.out, 'pictures.png'), pictures);
      const count = pictures.shape[0]!;
      const seconds = (performance.now() - started) / 1000;
      console.line(`${count} pictures: ${joinPath(flags.out, 'pictures.png')}, pictures.npy`);
      console.json({
        seedbed: await version(),
        command: 'decode',
        model: model.hash,
        seconds,
        evaluations: count * sampler.steps,
        results: [{ pictures: count, out: flags.out }],
      });
    });
}
