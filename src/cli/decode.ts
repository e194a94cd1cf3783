import type { Command } from 'commander';
import { ddim, MOST_SAMPLER_STEPS } from '../diffusion/model.ts';
import { checkSeeds, readSeeds } from '../embedding/seeds.ts';
import { loadModel } from '../index.ts';
import { joinPath, readBytes, sha256Hex } from '../runtime/files.ts';
import { openConsole, withConsole } from './console.ts';
import { SHIPPED_MODEL, version } from './files.ts';
import { growAndWrite } from './grow.ts';
import { openRuntime, type RuntimeFlags, whole, withRuntime } from './options.ts';

interface Flags extends RuntimeFlags {
  model: string;
  samplerSteps?: number;
  out: string;
  resume?: boolean;
  force?: boolean;
  json?: boolean;
  quiet?: boolean;
}

export function addDecode(program: Command): void {
  withConsole(withRuntime(program.command('decode')))
    .description('grow pictures from seeds')
    .argument('<seeds>', 'a seed file (.safetensors), or a bare array (.npy)')
    .option('--model <file>', 'the denoiser', SHIPPED_MODEL)
    .option('--sampler-steps <n>', "T, instead of the model's own", whole(1, MOST_SAMPLER_STEPS))
    .option('--force', 'also with a model or sampler that the seeds do not belong to')
    .option('--out <folder>', 'where to write', 'out')
    .option('--resume', 'go on with unfinished work in the folder')
    .addHelpText('after', '\nExample: seedbed decode out/seeds.safetensors --out grown')
    .action(async (file: string, flags: Flags) => {
      const started = performance.now();
      const console = openConsole(flags);
      const model = await loadModel(flags.model);
      const bytes = await readBytes(file);
      const seeds = readSeeds(bytes, file);
      if (!seeds.provenance)
        console.note(`${file}: a bare array; which model and sampler it belongs to is unknown`);
      const sampler = flags.samplerSteps === undefined ? model.info.sampler : ddim(flags.samplerSteps);
      checkSeeds(seeds, model, sampler, file, flags.force);
      const about = { command: 'decode', seeds: sha256Hex(bytes) };
      const files = await growAndWrite(console, await openRuntime(console, flags), model, seeds.latent, {
        sampler,
        ...flags,
        about,
      });
      const count = seeds.latent.shape[0]!;
      const seconds = (performance.now() - started) / 1000;
      console.line(`${count} pictures: ${files.map(name => joinPath(flags.out, name)).join(', ')}`);
      console.json({
        seedbed: await version(),
        command: 'decode',
        model: model.hash,
        seconds,
        evaluations: count * sampler.steps,
        results: [{ pictures: count, out: flags.out, files }],
      });
    });
}
