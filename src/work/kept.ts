import { z } from 'zod';
import { SeedbedError } from '../errors.ts';
import { readBytes, readJson } from '../runtime/files.ts';
import { readSafetensors, writeSafetensors } from '../tensor/safetensors.ts';
import type { DType, Tensor } from '../tensor/tensor.ts';

/** How a piece of work is kept in a file. */
export interface Codec<T> {
  write(value: T): Uint8Array | string;
  /** @throws {SeedbedError} BadFile unless it is whole, and of `count` items. */
  read(path: string, count: number): Promise<T>;
}

/** A PSNR as it is kept: JSON has no infinity, which is that of a perfect picture. */
export const keptPsnr = z
  .number()
  .nullable()
  .transform(value => value ?? Number.POSITIVE_INFINITY);

/** What a schema makes of a kept value. @throws {SeedbedError} BadFile where it is not what was kept. */
export function keptAs<T>(schema: z.ZodType<T>, value: unknown, path: string): T {
  let result: z.ZodSafeParseResult<T>;
  try {
    result = schema.safeParse(value);
  } catch {
    // Faults by the hundred thousand are more than the parser's stack holds.
    throw damaged(path, 'hardly anything in it is what was kept');
  }
  if (!result.success) throw damaged(path, z.prettifyError(result.error));
  return result.data;
}

/** Items as JSON. */
export const jsonCodec = <T>(item: z.ZodType<T>): Codec<T[]> => ({
  write: value => JSON.stringify(value),
  read: async (path, count) => keptAs(z.array(item).length(count), await readJson(path), path),
});

/** Items of a shape as the rows of a tensor. */
export const tensorCodec = (shape: readonly number[]): Codec<Tensor<'float32'>> => ({
  write: value => writeSafetensors({ value }),
  read: async (path, count) => (await keptTensors(path)).take('value', [count, ...shape]),
});

/** What takes tensors from a file: finite, of the type and the shape given, in which null stands for any size. */
export async function keptTensors(path: string) {
  const { tensors, metadata } = readSafetensors(await readBytes(path), path);
  function taken<D extends DType>(dtype: D, name: string, shape: readonly (number | null)[]): Tensor<D> {
    const t = tensors.get(name);
    const fits = t?.shape.length === shape.length && t.shape.every((dim, i) => dim === (shape[i] ?? dim));
    if (t?.dtype !== dtype || !fits || !(t as Tensor<'float32'>).data.every(Number.isFinite))
      throw damaged(path, `'${name}' is not ${dtype} [${shape.map(dim => dim ?? '?')}], all finite`);
    return t as Tensor<D>;
  }
  return {
    metadata,
    has: (name: string) => tensors.has(name),
    take: (name: string, shape: readonly (number | null)[]) => taken('float32', name, shape),
    takeDoubles: (name: string, shape: readonly number[]) => taken('float64', name, shape),
  };
}

export function damaged(path: string, fault: string): SeedbedError {
  return new SeedbedError(
    'BadFile',
    `${path} is damaged: ${fault}. Give --fresh instead of --resume to start again`,
  );
}
