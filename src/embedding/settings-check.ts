import { z } from 'zod';
import { SeedbedError } from '../errors.ts';
import type { EmbedOptions } from './embedding.ts';
import { UNDOERS } from './inversion/climb.ts';
import { type DescentRecipe, MEMORIES } from './recipes.ts';
import type { InversionOptions } from './settings.ts';

const positive = z.number().positive();
const from = (least: number) => z.int().min(least);

const leastSquares = z.strictObject({
  tau: positive,
  outer: from(1),
  inner: from(1),
  extra: from(0).optional(),
});

const inversion: z.ZodType<InversionOptions> = z.strictObject({
  lastStep: leastSquares,
  whole: leastSquares,
  interior: z.strictObject({
    solver: z.enum(UNDOERS),
    memory: from(0),
    damping: positive,
    tolerance: positive,
    iterations: from(1),
  }),
  lbfgs: z.strictObject({ tau: positive, iterations: from(1), memory: from(0) }),
  // Held against the sampler's steps elsewhere.
  diffused: z.number(),
});

const recipe: z.ZodType<DescentRecipe> = z.strictObject({
  loss: z.enum(['halfSse', 'mse', 'mae']),
  penalty: z.number().min(0),
  learningRate: positive,
  decay: z.enum(['constant', 'cosine']),
  iterations: from(1),
});

const memory = z.enum(MEMORIES);

/** All options that there are: who misspells one is told, where a compiler does not look. */
const OPTIONS = {
  ...{ method: 1, embedder: 1, recipe: 1, inversion: 1, throughDecoder: 1, starts: 1, firstStart: 1, rng: 1 },
  ...{ noiseOf: 1, sampler: 1, samplerSteps: 1, samplerGrid: 1, batch: 1, memory: 1, tolerance: 1 },
  ...{ signal: 1, onResults: 1, onProgress: 1, journal: 1 },
} satisfies Record<keyof EmbedOptions, 1>;

/** @throws {SeedbedError} BadArgument for options that there are not, and settings out of range. */
export function checkSettings(options: EmbedOptions, settings: InversionOptions): void {
  const unknown = Object.keys(options).find(name => !Object.hasOwn(OPTIONS, name));
  if (unknown !== undefined)
    throw new SeedbedError(
      'BadArgument',
      `there is no option '${unknown}'. There are: runtime, ${Object.keys(OPTIONS).join(', ')}`,
    );
  require('inversion', inversion, settings);
  if (options.recipe) require('recipe', recipe, options.recipe);
  if (options.tolerance !== undefined) require('tolerance', z.number().min(0), options.tolerance);
  if (options.memory !== undefined) require('memory', memory, options.memory);
}

function require<T>(name: string, schema: z.ZodType<T>, value: T): void {
  const { error } = schema.safeParse(value);
  if (error)
    throw new SeedbedError('BadArgument', `${name} is not as it has to be:\n${z.prettifyError(error)}`);
}
