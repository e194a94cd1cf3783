import { z } from 'zod';
import { type Denoiser, type SamplerInfo, samplerSchema } from '../diffusion/model.ts';
import { SeedbedError } from '../errors.ts';
import { readNpy } from '../tensor/npy.ts';
import { readSafetensors, writeSafetensors } from '../tensor/safetensors.ts';
import { type Tensor, toFloat32 } from '../tensor/tensor.ts';

/** Where seeds come from: what is needed to grow the same pictures from them again. */
export interface Provenance {
  /** Hash of the denoiser. */
  readonly model: string;
  readonly sampler: SamplerInfo;
  /** How they were found, its settings and network evaluations a seed. */
  readonly method: Readonly<Record<string, unknown>>;
  /** The pictures that they are seeds of. */
  readonly images: readonly { readonly name: string; readonly sha256?: string | undefined }[];
  readonly rng: number;
  /** The version of Seedbed that wrote them. */
  readonly createdBy: string;
}

export interface Seeds {
  /** [N, ...shape] */
  readonly latent: Tensor<'float32'>;
  /** Undefined for a bare array. */
  readonly provenance: Provenance | undefined;
}

/** Seeds as the bytes of a safetensors file, as docs/formats.md defines it. @throws {SeedbedError} Diverged for NaN. */
export function writeSeeds(latent: Tensor<'float32'>, provenance: Provenance): Uint8Array {
  if (!latent.data.every(Number.isFinite))
    throw new SeedbedError('Diverged', 'seeds that are not numbers are not saved');
  return writeSafetensors(
    { latent },
    {
      seedbed: '1',
      model: provenance.model,
      sampler: JSON.stringify(provenance.sampler),
      method: JSON.stringify(provenance.method),
      images: JSON.stringify(provenance.images),
      rng: String(provenance.rng),
      created_by: provenance.createdBy,
    },
  );
}

/** Reads seeds from a safetensors file, or from a bare .npy array. @throws {SeedbedError} BadFile. */
export function readSeeds(bytes: Uint8Array, file: string): Seeds {
  if (file.endsWith('.npy'))
    return { latent: checkFinite(toFloat32(readNpy(bytes, file)), file), provenance: undefined };
  const { tensors, metadata } = readSafetensors(bytes, file);
  const latent = tensors.get('latent');
  if (!latent)
    throw new SeedbedError(
      'BadFile',
      `${file}: not a seed file: it has no tensor 'latent', only: ${[...tensors.keys()].join(', ')}`,
    );
  const { model, sampler, method = '{}', images = '[]', rng = '0', created_by = '' } = metadata;
  if (model === undefined || sampler === undefined)
    return { latent: checkFinite(toFloat32(latent), file), provenance: undefined };
  const described = provenanceSchema.safeParse({
    model,
    sampler: parseJson(sampler),
    method: parseJson(method),
    images: parseJson(images),
    rng: Number(rng),
    createdBy: created_by,
  });
  if (!described.success) {
    throw new SeedbedError(
      'BadFile',
      `${file}: its description of the seeds is not valid:\n${z.prettifyError(described.error)}`,
    );
  }
  return { latent: checkFinite(toFloat32(latent), file), provenance: described.data };
}

const provenanceSchema = z.object({
  model: z.string(),
  sampler: samplerSchema,
  method: z.record(z.string(), z.unknown()),
  images: z.array(z.object({ name: z.string(), sha256: z.string().optional() })),
  rng: z.number(),
  createdBy: z.string(),
});

/** The value of JSON text; undefined, which no schema takes, where it is none. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Refuses seeds that another model or sampler would grow into something else.
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
      `${file}: seeds of shape [${shape}]; model '${model.info.name}' takes [${model.info.shape}]`,
    );
  }
  if (force || !seeds.provenance) return;
  const { provenance } = seeds;
  if (provenance.model !== model.hash) {
    throw new SeedbedError(
      'Mismatch',
      `${file}: seeds of model ${provenance.model}, but this model is ${model.hash}. Give that model, or --force`,
    );
  }
  const [theirs, ours] = [JSON.stringify(provenance.sampler), JSON.stringify(sampler)];
  if (theirs !== ours) {
    throw new SeedbedError(
      'Mismatch',
      `${file}: seeds of sampler ${theirs}, but this is ${ours}. Give --sampler-steps ${provenance.sampler.steps}, or --force`,
    );
  }
}

function checkFinite(latent: Tensor<'float32'>, file: string): Tensor<'float32'> {
  if (latent.data.length === 0)
    throw new SeedbedError('BadFile', `${file}: holds no seeds, only an array of shape [${latent.shape}]`);
  const bad = latent.data.findIndex(value => !Number.isFinite(value));
  if (bad >= 0)
    throw new SeedbedError(
      'BadFile',
      `${file}: element ${bad} of the seeds is ${latent.data[bad]}, not a finite number`,
    );
  return latent;
}
