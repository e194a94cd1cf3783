import type { Command } from 'commander';
import { ddim } from '../diffusion/model.ts';
import { decode } from '../embedding/embed.ts';
import { writeSeeds } from '../embedding/seeds.ts';
import { joinPath, writeAtomic } from '../runtime/files.ts';
import { SHIPPED_DENOISER } from '../runtime/package.ts';
import { writeNpy } from '../tensor/npy.ts';
import { normals } from '../tensor/random.ts';
import { openConsole, withConsole } from './console.ts';
import { openDenoiser, version } from './files.ts';
import { openRuntime, type RuntimeFlags, whole, withRng, withRuntime } from './options.ts';
import { writeSheet } from './pictures.ts';

interface Flags extends RuntimeFlags {
  model: string;
  count: number;
  samplerSteps?: number;
  out: string;
  rng: number;
  json?: boolean;
  quiet?: boolean;
}

export function addSample(program: Command): void {
  withConsole(withRng(withRuntime(program.command('sample'))))
    .description('grow pictures from random seeds (Algorithm 2)')
    .option('--model <file>', 'the denoiser', SHIPPED_DENOISER)
    .option('--count <n>', 'how many', whole(1), 20)
    .option('--sampler-steps <n>', "T, instead of the model's own", whole(1))
    .option('--out <folder>', 'where to write', 'out')
    .addHelpText('after', '\nExample: seedbed sample --count 50 --rng 7 --out samples')
    .action(async (flags: Flags) => {
      const started = performance.now();
      const console = openConsole(flags);
      const model = await openDenoiser(flags.model);
      const sampler = flags.samplerSteps === undefined ? model.info.sampler : ddim(flags.samplerSteps);
      const latent = normals({ seed: flags.rng, purpose: 'sample' }, [flags.count, ...model.info.shape]);
      const progress = console.progress('growing', 'evaluations');
      const pictures = await decode(openRuntime(flags), model, latent, {
        samplerSteps: sampler.steps,
        onProgress: (done, total) => progress.update(Math.min(done, total), total),
      }).finally(() => progress.stop());
      const createdBy = `seedbed ${await version()}`;
      const provenance = {
        model: model.hash,
        sampler,
        method: { name: 'sample', evaluations: 0 },
        images: [],
        rng: flags.rng,
        createdBy,
      };
      await writeAtomic(joinPath(flags.out, 'seeds.safetensors'), writeSeeds(latent, provenance));
      await writeAtomic(joinPath(flags.out, 'pictures.npy'), writeNpy(pictures));
      if (pictures.shape.length === 4) await writeSheet(joinPath(flags.out, 'pictures.png'), pictures);
      const seconds = (performance.now() - started) / 1000;
      console.line(
        `${flags.count} pictures: ${joinPath(flags.out, 'pictures.png')}, pictures.npy, seeds.safetensors`,
      );
      console.json({
        seedbed: await version(),
        command: 'sample',
        model: model.hash,
        rng: flags.rng,
        seconds,
        evaluations: flags.count * sampler.steps,
        results: [{ pictures: flags.count, out: flags.out }],
      });
    });
}
