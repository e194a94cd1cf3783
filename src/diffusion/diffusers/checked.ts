import type { z } from 'zod';
import { SeedbedError } from '../../errors.ts';

/** A part of a file of diffusers, checked. @throws {SeedbedError} BadFile naming every field that is wrong. */
export function checked<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const said = parsed.error.issues.map(({ path, message }) => [path.join('.'), message].join(': '));
  throw new SeedbedError('BadFile', `not valid: ${said.join('; ')}`, { at: what });
}
