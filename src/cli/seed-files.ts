import { originOf } from '../diffusion/conditions.ts';
import type { Denoiser } from '../diffusion/info.ts';
import { type Provenance, type Seeds, writeSeeds } from '../embedding/seeds.ts';
import { joinPath, writeAtomic } from '../runtime/files.ts';
import { writeNpy } from '../tensor/npy.ts';
import { version } from './files.ts';

/** Where the seeds of a command are from, without the model and version. */
export type Made = Pick<Provenance, 'sampler' | 'method' | 'images' | 'rng'>;

/** Writes seeds and where they are from as seeds.safetensors. */
export async function writeSeedFile(
  out: string,
  model: Denoiser,
  { latent, pair }: Pick<Seeds, 'latent' | 'pair'>,
  made: Made,
): Promise<void> {
  const provenance = { ...originOf(model), ...made, createdBy: `seedbed ${await version()}` };
  await writeAtomic(joinPath(out, 'seeds.safetensors'), writeSeeds(latent, provenance, pair));
}

/** Writes seeds as {@link writeSeedFile} does, and bare as seeds.npy. */
export async function writeSeedFiles(...[out, model, seeds, made]: Parameters<typeof writeSeedFile>) {
  await writeSeedFile(out, model, seeds, made);
  await writeAtomic(joinPath(out, 'seeds.npy'), writeNpy(seeds.latent));
}
