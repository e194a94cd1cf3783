/**
 * The kinds of things that the studio keeps, and how each is told from what is damaged.
 * @module
 */

import type { DescentState } from 'seedbed';
import * as z from 'zod/mini';
import type { Conditions, Floats, Found, Grown, Growth, Learned, ModelCard } from '../engine/engine.ts';

// The page's policy lets no code be made from text.
z.config({ jitless: true });

export interface Kept {
  /** A picture of one's own. */
  readonly picture: { readonly id: string; readonly title: string; readonly file: Blob };
  /** A seed file of one's own. */
  readonly seeds: { readonly id: string; readonly title: string; readonly file: Blob };
  /** A model of one's own: its file, what describes it where Seedbed did not write it, files of its weights, an embedder of its seeds, what it is bound to, its autoencoder. */
  readonly model: {
    readonly card: ModelCard;
    readonly file: Blob;
    readonly description?: Blob | undefined;
    readonly data?: readonly { readonly name: string; readonly file: Blob }[] | undefined;
    readonly embedder?: Blob | undefined;
    readonly conditions?: Conditions | undefined;
    readonly autoencoder?: Blob | undefined;
  };
  /** A picture as a model takes it, and what was done to it for that. */
  readonly read: { readonly pixels: Floats; readonly changes: readonly string[] };
  /** The seed of a picture. */
  readonly found: Found;
  /** Seeds, and what a network grows from them. */
  readonly grown: Grown;
  /** How a picture grows from a seed, step by step. */
  readonly growth: Growth;
  /** Descent on a seed, as far as it came. */
  readonly descent: DescentState;
  /** Seeds of a picture, and how many starts were tried for them. */
  readonly cloud: { readonly latent: Floats; readonly starts: number };
  /** A trained denoiser of points, and how its loss fell. */
  readonly plane: { readonly file: Uint8Array; readonly losses: readonly (readonly [number, number])[] };
  /** Pictures of one's own to learn from, [n, C, H, W]. */
  readonly set: { readonly id: string; readonly title: string; readonly pixels: Floats };
  /** A denoiser of pictures in training: how far it is, how its loss fell, and what seeds grew after which step. */
  readonly training: Learned & {
    readonly losses: readonly (readonly [step: number, loss: number])[];
    readonly looks: readonly { readonly step: number; readonly grown: Floats }[];
  };
}
export type Kind = keyof Kept;

const floats = z
  .object({
    dtype: z.literal('float32'),
    shape: z.array(z.int().check(z.minimum(0))),
    data: z.instanceof(Float32Array),
  })
  .check(z.refine(({ shape, data }) => shape.reduce((product, dim) => product * dim, 1) === data.length));
const file = z.object({ id: z.string(), title: z.string(), file: z.instanceof(Blob) });
const numbers = z.array(z.number());
const given = z.record(z.string(), z.union([z.number(), z.instanceof(Blob)]));
const losses = z.array(z.tuple([z.number(), z.number()]));
const bytes = z.instanceof(Uint8Array).check(z.refine(({ length }) => length > 0));
const result = z.object({
  ...{ mse: z.number(), psnr: z.number(), latentVariance: z.number(), evaluations: z.number() },
  losses: numbers,
  certificate: z.optional(z.object({ flags: z.array(z.string()) })),
});

const SHAPES: Readonly<Record<Kind, z.ZodMiniType>> = {
  picture: file,
  seeds: file,
  model: z.object({
    card: z.object({
      ...{ key: z.string(), name: z.string(), hash: z.string(), shape: numbers, picture: numbers },
      ...{ steps: z.number(), weights: z.number(), hasEmbedder: z.boolean() },
      bound: z.optional(z.string()),
      embedder: z.optional(z.string()),
      gate: z.optional(z.array(z.object({ passed: z.boolean(), text: z.string() }))),
    }),
    file: z.instanceof(Blob),
    description: z.optional(z.instanceof(Blob)),
    data: z.optional(z.array(z.object({ name: z.string(), file: z.instanceof(Blob) }))),
    embedder: z.optional(z.instanceof(Blob)),
    autoencoder: z.optional(z.instanceof(Blob)),
    conditions: z.optional(
      z.object({ values: given, unconditional: z.optional(given), guidance: z.optional(z.number()) }),
    ),
  }),
  read: z.object({ pixels: floats, changes: z.array(z.string()) }),
  found: z.object({ latent: floats, pictures: floats, results: z.array(result).check(z.minLength(1)) }),
  grown: z.object({ latent: floats, pictures: floats }),
  growth: z.object({ states: floats, clean: floats }),
  descent: z.object({
    ...{ latent: floats, m: floats, v: floats },
    losses: z.array(numbers),
    converged: z.array(z.boolean()),
  }),
  cloud: z.object({ latent: floats, starts: z.number() }),
  plane: z.object({ file: z.instanceof(Uint8Array), losses }),
  set: z.object({ id: z.string(), title: z.string(), pixels: floats }),
  training: z.object({
    ...{ step: z.number(), checkpoint: bytes, file: bytes, losses },
    looks: z.array(z.object({ step: z.number(), grown: floats })),
  }),
};

const KINDS = Object.keys(SHAPES) as Kind[];

/** Whether it is whole. */
export function isKept<K extends Kind>(kind: K, value: unknown): value is Kept[K] {
  return SHAPES[kind].safeParse(value).success;
}

/** The kind of a name that something is kept by, a list in JSON; undefined for what is no such name. */
export function kindOf(name: string): Kind | undefined {
  try {
    const [kind, ...of] = z.parse(z.array(z.union([z.string(), z.number()])), JSON.parse(name));
    return of.length > 0 ? KINDS.find(known => known === kind) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Which of two of one name is kept: of trainings and descents the one that is further on, of models with what either has; of all else,
 * which is the same whenever it is of the same, the one that is here.
 */
export function further(kind: Kind, now: unknown, brought: unknown): unknown {
  if (!isKept(kind, now)) return brought;
  if (kind === 'training' && isKept(kind, now) && isKept(kind, brought))
    return brought.step > now.step ? brought : now;
  if (kind === 'descent' && isKept(kind, now) && isKept(kind, brought))
    return brought.losses[0]!.length > now.losses[0]!.length ? brought : now;
  if (kind === 'model' && isKept(kind, now) && isKept(kind, brought))
    return {
      ...brought,
      ...now,
      ...(brought.card.hasEmbedder &&
        !now.card.hasEmbedder && { embedder: brought.embedder, card: brought.card }),
    };
  return now;
}
