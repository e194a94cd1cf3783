/**
 * Files of pictures and of seeds.
 * @module
 */
import {
  encodePng,
  readPicture,
  readSeeds,
  type SamplerInfo,
  SeedbedError,
  writeNpy,
  writeSeeds,
} from 'seedbed';
import { boundInWords } from './conditions.ts';
import { modelOf } from './open.ts';
import type { Floats } from './work.ts';

/** Reads a picture as a model takes it, [1, C, H, W] in [0,1], and says what was done to it. */
export async function picture(
  source: Blob | string,
  model: string,
): Promise<{ readonly pixels: Floats; readonly changes: readonly string[] }> {
  const changes: string[] = [];
  const pixels = await readPicture(source, await modelOf(model), {
    onChanges: told => changes.push(...told),
  });
  return { pixels, changes };
}

/** The PNG file of a picture [C, H, W] in [0,1]. */
export async function png(pixels: Floats): Promise<Uint8Array> {
  return encodePng(pixels);
}

/** Seeds of a file, and where they are from: unknown of a bare array. */
export interface OpenedSeeds {
  readonly latent: Floats;
  /** In words. */
  readonly from: string;
  readonly pictures: readonly string[];
  readonly method: Readonly<Record<string, unknown>>;
}

/** The bytes of a seed file, which says where its seeds are from; or of a bare .npy array. */
export async function seedFile(
  model: string,
  { latent, method, pictures }: Pick<OpenedSeeds, 'latent' | 'method' | 'pictures'>,
  format: 'safetensors' | 'npy',
): Promise<Uint8Array> {
  if (format === 'npy') return writeNpy(latent);
  const { hash, info, conditioned } = await modelOf(model);
  return writeSeeds(latent, {
    ...{ model: hash, sampler: info.sampler, rng: 0, createdBy: 'seedbed studio' },
    ...(conditioned && { conditions: conditioned }),
    method,
    images: pictures.map(name => ({ name })),
  });
}

const inWords = ({ kind, steps, grid }: SamplerInfo) =>
  `'${kind}' of ${steps} steps${typeof grid === 'string' ? `, grid '${grid}'` : ''}`;

/** Reads a seed file for a model, and says when it is another's, or another sampler's. */
export async function openSeeds(file: Blob, title: string, model: string): Promise<OpenedSeeds> {
  const { latent, pair, provenance } = readSeeds(new Uint8Array(await file.arrayBuffer()), title);
  const { hash, info, conditioned } = await modelOf(model);
  if (latent.shape.slice(1).join() !== info.shape.join())
    throw new SeedbedError(
      'BadShape',
      `${title} holds seeds [${latent.shape.slice(1)}]; ${info.name} grows seeds [${info.shape}]`,
    );
  if (pair)
    throw new SeedbedError(
      'Unsupported',
      `${title} holds pairs of states; grow them with: npx seedbed decode ${title}`,
    );
  if (provenance && provenance.model !== hash)
    throw new SeedbedError(
      'Mismatch',
      `${title} holds seeds of another model (${provenance.model.slice(0, 12)}); open that model first`,
    );
  if (provenance && JSON.stringify(provenance.sampler) !== JSON.stringify(info.sampler))
    throw new SeedbedError(
      'Mismatch',
      `${title} holds seeds of sampler ${inWords(provenance.sampler)}; ${info.name} has ${inWords(info.sampler)} here. Grow them with: npx seedbed decode ${title}`,
    );
  const [theirs, ours] = [provenance?.conditions, conditioned].map(boundInWords);
  if (provenance && theirs !== ours)
    throw new SeedbedError(
      'Mismatch',
      `${title} holds seeds found under other conditions (${theirs || 'none'}; the model here has ${ours || 'none'})`,
    );
  const pictures = provenance?.images.map(({ name }) => name) ?? [];
  const method = provenance?.method ?? { name: 'unknown' };
  return { latent, from: pictures.join(', ') || title, pictures, method };
}
