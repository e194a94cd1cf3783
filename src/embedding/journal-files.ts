import { z } from 'zod';
import { exists, writeAtomic } from '../runtime/files.ts';
import { jsonOf } from '../tensor/json.ts';
import { writeSafetensors } from '../tensor/safetensors.ts';
import { float32, type Tensor, unstack } from '../tensor/tensor.ts';
import { keptAs, keptPsnr, keptTensors } from '../work/kept.ts';
import type { Unfinished } from '../work/unfinished.ts';
import type { DescentState } from './descent.ts';
import type { FinishedBatch, Journal } from './journal.ts';
import type { SeedResult } from './result.ts';

/** Seconds between two writings of a descent's state. */
const SECONDS = 20;

/** The result of a seed as it is kept. */
export const keptResult = z.object({
  image: z.int().gte(0),
  start: z.int().gte(0),
  mse: z.number(),
  psnr: keptPsnr,
  latents: z.object({ mse: z.number(), psnr: keptPsnr, floor: z.number() }).optional(),
  mseBefore: z.number().optional(),
  residual: z.number().optional(),
  certificate: z
    .object({
      residuals: z.array(z.number().nullable()),
      factors: z.array(z.number().nullable()),
      bound: z.number().optional(),
      miss: z.number().optional(),
      tau: z.number().optional(),
      flags: z.array(z.string()),
      notes: z.array(z.string()),
    })
    .optional(),
  converged: z.boolean(),
  latentVariance: z.number(),
  evaluations: z.number(),
  losses: z.array(z.number()),
}) satisfies z.ZodType<SeedResult>;

/** Keeps the batches of an embedding, and the state of descent in the one that is in work. */
export function journalIn(folder: Unfinished): Journal {
  let written = performance.now();
  const stateOf = (batch: number) => folder.path(`descent-${batch}.safetensors`);
  const batchOf = (batch: number) => folder.path(`batch-${batch}.safetensors`);
  return {
    due: () => performance.now() - written > SECONDS * 1000,
    async read(batch, shape) {
      const path = stateOf(batch);
      return (await exists(path)) ? readState(path, shape) : undefined;
    },
    async write(batch, state) {
      await writeAtomic(stateOf(batch), writeState(state));
      written = performance.now();
    },
    async finished(batch, shape) {
      const path = batchOf(batch);
      return (await exists(path)) ? readBatch(path, shape) : undefined;
    },
    async finish(batch, found) {
      if (isSound(found)) await writeAtomic(batchOf(batch), writeBatch(found));
    },
  };
}

/** Whether all is numbers: what is not is never kept. */
function isSound({ latent, pair, grown, results }: FinishedBatch): boolean {
  const tensors = [latent, grown, ...(pair ? [pair.latent, pair.latent2] : [])] as Tensor<'float32'>[];
  const finite = tensors.every(({ data }) => data.every(Number.isFinite));
  return finite && results.every(({ mse, latentVariance }) => Number.isFinite(mse + latentVariance));
}

/** Both states of seeds of samplers that keep two, as tensors of a file. */
export const pairTensors = (pair: FinishedBatch['pair']) =>
  pair && { 'pair.latent': pair.latent, 'pair.latent2': pair.latent2 };

/** The pair that such a file holds; nothing where seeds have one state. */
export const pairIn = (
  { has, takeDoubles }: Awaited<ReturnType<typeof keptTensors>>,
  shape: readonly number[],
): Pick<FinishedBatch, 'pair'> =>
  has('pair.latent')
    ? { pair: { latent: takeDoubles('pair.latent', shape), latent2: takeDoubles('pair.latent2', shape) } }
    : {};

function writeBatch({ latent, pair, grown, results }: FinishedBatch): Uint8Array {
  return writeSafetensors({ latent, grown, ...pairTensors(pair) }, { results: JSON.stringify(results) });
}

async function readBatch(path: string, shape: readonly number[]): Promise<FinishedBatch> {
  const kept = await keptTensors(path);
  const { metadata, take } = kept;
  const results = keptAs(z.array(keptResult).length(shape[0]!), jsonOf(metadata.results), path);
  const latent = take('latent', shape);
  return { latent, ...pairIn(kept, shape), grown: take('grown', shape), results };
}

function writeState({ latent, m, v, losses, converged }: DescentState): Uint8Array {
  const curve = float32([losses.length, converged.length], losses.flat());
  const arrived = float32([converged.length], converged.map(Number));
  return writeSafetensors({ latent, m, v, losses: curve, converged: arrived });
}

async function readState(path: string, shape: readonly number[]): Promise<DescentState> {
  const { take } = await keptTensors(path);
  const count = shape[0]!;
  return {
    latent: take('latent', shape),
    m: take('m', shape),
    v: take('v', shape),
    losses: unstack(take('losses', [null, count])).map(row => Array.from(row.data)),
    converged: Array.from(take('converged', [count]).data, Boolean),
  };
}
