import { z } from 'zod';
import {
  type ConditionRecord,
  conditionDifferences,
  conditionRecordSchema,
} from '../diffusion/condition-record.ts';
import type { Denoiser } from '../diffusion/info.ts';
import { chooseSampler, type SamplerInfo, samplerSchema } from '../diffusion/sampler-info.ts';
import { SeedbedError } from '../errors.ts';
import { fileKind, kindInWords } from '../runtime/kind.ts';
import { jsonOf } from '../tensor/json.ts';
import { readNpy } from '../tensor/npy.ts';
import { arraysInWords, readNpz } from '../tensor/npz.ts';
import { readSafetensors, unreadType, writeSafetensors } from '../tensor/safetensors.ts';
import { type Tensor, toFloat32, toFloat64 } from '../tensor/tensor.ts';

/**
 * Where seeds come from: what is needed to grow the same pictures from them again.
 * @group Files
 */
export interface Provenance {
  /** Hash of the denoiser. */
  readonly model: string;
  /** What the denoiser was bound to, where it is conditional. */
  readonly conditions?: ConditionRecord | undefined;
  /** The sampler that grows the pictures. */
  readonly sampler: SamplerInfo;
  /** How they were found, its settings and network evaluations per seed. */
  readonly method: Readonly<Record<string, unknown>>;
  /** The pictures that they are seeds of: names, and hashes of the files where there are some. */
  readonly images: readonly { readonly name: string; readonly sha256?: string | undefined }[];
  /** Random number seed of the work. */
  readonly rng: number;
  /** The version of Seedbed that wrote them. */
  readonly createdBy: string;
}

/**
 * The two states from which a sampler that keeps two grows a picture, each [N, ...shape].
 * @group Files
 */
export interface SeedPair {
  /** The first state, noise at the sampler's first level. */
  readonly latent: Tensor<'float64'>;
  /** The second: of EDICT and Rex at the same level, else one step on. */
  readonly latent2: Tensor<'float64'>;
}

/**
 * What a seed file holds.
 * @group Files
 */
export interface Seeds {
  /** The seeds [N, ...shape]. */
  readonly latent: Tensor<'float32'>;
  /** Of samplers that keep two states: both, in double precision; `latent` is the first, rounded. */
  readonly pair?: SeedPair | undefined;
  /** Where they come from; undefined for a bare array. */
  readonly provenance: Provenance | undefined;
}

/**
 * Seeds as the bytes of a safetensors file, as docs/formats.md defines it.
 * @param latent [N, ...shape]
 * @param pair of samplers that keep two states, both of them; the file then holds `latent` and `latent2` as float64.
 * @throws {SeedbedError} Diverged when a number is not finite.
 * @group Files
 * @example
 * import { writeFile } from 'node:fs/promises';
 * import { loadModel, sample, SHIPPED_DENOISER, writeSeeds } from 'seedbed';
 * const model = await loadModel(SHIPPED_DENOISER);
 * const { latent } = await sample(model, { count: 2, rng: 7 });
 * const about = { model: model.hash, sampler: model.info.sampler, rng: 7, createdBy: 'my program 1.0' };
 * const bytes = writeSeeds(latent, { ...about, method: { name: 'sample' }, images: [] });
 * await writeFile('seeds.safetensors', bytes);
 */
export function writeSeeds(latent: Tensor<'float32'>, provenance: Provenance, pair?: SeedPair): Uint8Array {
  const tensors: Record<string, Tensor> = pair ? { ...pair } : { latent };
  for (const { data } of Object.values(tensors) as Tensor<'float64'>[])
    if (!data.every(Number.isFinite))
      throw new SeedbedError('Diverged', 'seeds that are not numbers are not saved');
  return writeSafetensors(tensors, {
    seedbed: '1',
    model: provenance.model,
    ...(provenance.conditions && { conditions: JSON.stringify(provenance.conditions) }),
    sampler: JSON.stringify(provenance.sampler),
    method: JSON.stringify(provenance.method),
    images: JSON.stringify(provenance.images),
    rng: String(provenance.rng),
    created_by: provenance.createdBy,
  });
}

/**
 * Reads seeds from the bytes of a safetensors file, of a bare array (.npy), or of an archive with one array (.npz).
 *
 * Of several arrays in an archive the one named `latent` is read. What the bytes are decides, not the name.
 * @param file the file's name, for messages.
 * @returns the seeds in float32, and where they come from if the file says so.
 * @throws {SeedbedError} BadFile when it is damaged, holds no seeds, or holds a number that is not finite.
 * @group Files
 * @example
 * import { float32, readSeeds, writeSeeds } from 'seedbed';
 * const sampler = { kind: 'ddim', steps: 10, grid: 'linspace', start: { diffusionTime: 1 }, final: 'x0' } as const;
 * const about = { model: 'a hash', sampler, method: { name: 'mine' }, images: [], rng: 0, createdBy: 'me' };
 * const bytes = writeSeeds(float32([1, 2], [0.5, -0.5]), about);
 * const { latent, provenance } = readSeeds(bytes, 'mine.safetensors');
 * console.log(latent.shape, provenance?.method); // prints [ 1, 2 ] { name: 'mine' }
 */
export function readSeeds(bytes: Uint8Array, file: string): Seeds {
  const bare = bareArray(bytes, file);
  if (bare) return { latent: checkFinite(toFloat32(bare), file), provenance: undefined };
  const { tensors, unread, metadata } = readSafetensors(bytes, file);
  const latent = tensors.get('latent');
  if (!latent) {
    const code = unread.get('latent');
    const names = [...tensors.keys(), ...unread.keys()].join(', ');
    const fault = code
      ? `its tensor 'latent' is ${unreadType(code)}`
      : `it has no tensor 'latent', only: ${names}`;
    throw new SeedbedError('BadFile', `not a seed file: ${fault}`, { at: file });
  }
  const { model, conditions, sampler, method = '{}', images = '[]', rng = '0', created_by = '' } = metadata;
  if (model === undefined || sampler === undefined)
    return { latent: checkFinite(toFloat32(latent), file), provenance: undefined };
  const described = provenanceSchema.safeParse({
    model,
    ...(conditions !== undefined && { conditions: jsonOf(conditions) }),
    sampler: jsonOf(sampler),
    method: jsonOf(method),
    images: jsonOf(images),
    rng: Number(rng),
    createdBy: created_by,
  });
  if (!described.success) {
    throw new SeedbedError(
      'BadFile',
      `its description of the seeds is not valid:\n${z.prettifyError(described.error)}`,
      { at: file },
    );
  }
  const seeds = { latent: checkFinite(toFloat32(latent), file), provenance: described.data };
  const latent2 = tensors.get('latent2');
  if (!latent2) return seeds;
  if (latent2.shape.join() !== latent.shape.join())
    throw new SeedbedError(
      'BadFile',
      `its second states are [${latent2.shape}], its first [${latent.shape}]`,
      { at: file },
    );
  checkFinite(toFloat32(latent2), file);
  return { ...seeds, pair: { latent: toFloat64(latent), latent2: toFloat64(latent2) } };
}

/** The array of a .npy or .npz file; undefined for a safetensors file. */
function bareArray(bytes: Uint8Array, file: string): Tensor | undefined {
  const kind = fileKind(bytes);
  if (kind?.name === 'npy' || (!kind && file.endsWith('.npy'))) return readNpy(bytes, file);
  if (kind?.name === 'zip') {
    const npz = readNpz(bytes, file);
    const array =
      npz.arrays.get('latent') ?? (npz.arrays.size === 1 ? [...npz.arrays.values()][0] : undefined);
    if (array) return array;
    throw new SeedbedError(
      'BadFile',
      `which of its arrays are the seeds is not plain: it holds ${arraysInWords(npz)}. Wanted is one array, or one named 'latent'; save it alone: numpy.save('seeds.npy', numpy.load('${file}')['NAME'])`,
      { at: file },
    );
  }
  if (!kind || kind.name === 'safetensors' || kind.name === 'idx') return undefined;
  throw new SeedbedError(
    'BadFile',
    `is ${kindInWords(kind)}. Seeds are read from .safetensors, .npy and .npz files`,
    { at: file },
  );
}

const provenanceSchema = z.object({
  model: z.string(),
  conditions: conditionRecordSchema.optional(),
  sampler: samplerSchema,
  method: z.record(z.string(), z.unknown()),
  images: z.array(z.object({ name: z.string(), sha256: z.string().optional() })),
  rng: z.number(),
  createdBy: z.string(),
});

/**
 * Refuses seeds that another model or sampler, or other conditions, would grow into something else.
 * @throws {SeedbedError} Mismatch showing both values; BadShape when the seeds do not fit at all.
 */
export function checkSeeds(
  seeds: Seeds,
  model: Denoiser,
  sampler: SamplerInfo,
  file: string,
  force = false,
): void {
  const shape = seeds.latent.shape.slice(1);
  if (shape.join() !== model.info.shape.join()) {
    throw new SeedbedError(
      'BadShape',
      `seeds of shape [${shape}]; model '${model.info.name}' takes [${model.info.shape}]`,
      { at: file },
    );
  }
  if (force || !seeds.provenance) return;
  const { provenance } = seeds;
  if (provenance.model !== model.hash) {
    throw new SeedbedError(
      'Mismatch',
      `seeds of model ${provenance.model}, but this model is ${model.hash}. Give that model, or --force`,
      { at: file },
    );
  }
  const differences = conditionDifferences(provenance.conditions, model.conditioned);
  if (differences.length > 0) {
    throw new SeedbedError(
      'Mismatch',
      `seeds found under other conditions: ${differences.join('; ')}. Give those, or --force`,
      { at: file },
    );
  }
  const [theirs, ours] = [JSON.stringify(provenance.sampler), JSON.stringify(sampler)];
  if (theirs !== ours) {
    const { kind, steps, grid } = provenance.sampler;
    const flags = [
      { sampler: kind },
      { sampler: kind, samplerSteps: steps },
      ...(typeof grid === 'string' ? [{ sampler: kind, samplerSteps: steps, samplerGrid: grid }] : []),
    ];
    const fit = flags.find(chosen => JSON.stringify(chooseSampler(sampler, chosen)) === theirs);
    const words = { sampler: '--sampler', samplerSteps: '--sampler-steps', samplerGrid: '--sampler-grid' };
    const way = fit
      ? `Give ${Object.entries(fit)
          .map(([name, value]) => `${words[name as keyof typeof words]} ${value}`)
          .join(', ')}`
      : 'Give the model as it was imported for them, without --sampler-steps and --sampler-grid';
    throw new SeedbedError(
      'Mismatch',
      `seeds of sampler ${theirs}, but this is ${ours}. ${way}, or --force`,
      { at: file },
    );
  }
}

function checkFinite(latent: Tensor<'float32'>, file: string): Tensor<'float32'> {
  if (latent.data.length === 0)
    throw new SeedbedError('BadFile', `holds no seeds, only an array of shape [${latent.shape}]`, {
      at: file,
    });
  const bad = latent.data.findIndex(value => !Number.isFinite(value));
  if (bad >= 0)
    throw new SeedbedError(
      'BadFile',
      `element ${bad} of the seeds is ${latent.data[bad]}, not a finite number`,
      { at: file },
    );
  return latent;
}
