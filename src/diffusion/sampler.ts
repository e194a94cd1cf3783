import { SeedbedError } from '../errors.ts';
import type { GraphBuilder, Value } from '../graph/builder.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { combine, filledRows, inBatches } from '../tensor/rowwise.ts';
import {
  concatRows,
  type Floats,
  float64,
  rows,
  sizeOf,
  type Tensor,
  toFloat32,
  toFloat64,
} from '../tensor/tensor.ts';
import { samplerGrid } from './grid.ts';
import { type Denoiser, withSampler } from './info.ts';
import { createNetwork, levelConstants, type Network, predict } from './network.ts';
import { readings } from './prediction.ts';
import type { SamplerInfo } from './sampler-info.ts';
import { samplerRow, samplersThat } from './samplers.ts';
import { follow, type Request, run, type Space } from './solvers.ts';

/** A tensor in double precision: what exact samplers keep, so that their inverse is exact to rounding. */
export type Doubles = Tensor<'float64'>;

/** Network evaluations that a sampler takes for a picture. @param paired whether both states of one that keeps two are given. */
export function evaluationsOf({ kind, steps }: SamplerInfo, paired = false): number {
  return samplerRow(kind).evaluations(steps, paired);
}

/** The whole sampler, all T steps unrolled, from the value `x` to the generated picture (standardised). */
export function unrollSampler(b: GraphBuilder, model: Denoiser, x: Value, sampler: SamplerInfo): Value {
  const row = samplerRow(sampler.kind);
  if (row.states === 2)
    throw new SeedbedError(
      'BadArgument',
      `sampler '${sampler.kind}' keeps two states, which only method 'exact' inverts; others need sampler ${samplersThat(({ states }) => states === 1)}`,
    );
  const space: Space<Value> = {
    combine: (...terms) =>
      terms
        .map(([weight, term]) => (weight === 1 ? term : b.mul(b.scalar(weight), term)))
        .reduce((sum, term) => b.add(sum, term)),
  };
  const sampled = withSampler(model, sampler);
  return follow(row.solver(space, samplerGrid(model.info, sampler), x), ({ x, level }) =>
    predict(b, sampled, x, levelConstants(b, level)),
  );
}

/** How pictures grow from seeds, standardised. */
export interface Growth {
  /** T + 1 states, the seeds first. */
  readonly states: Floats[];
  /** What the network believes the clean picture to be, in each state that it is asked in: T tensors. */
  readonly clean: Floats[];
}

/** Generates pictures from seeds. */
export interface Sampler {
  /**
   * Latents [n, ...shape] to pictures [n, ...shape], standardised; any n.
   * @param second of samplers that keep two states, the second one of each seed.
   */
  sample(latent: Tensor, onStep?: (done: number, total: number) => void, second?: Tensor): Promise<Floats>;
  /**
   * What `ddim` leads seeds [n, ...shape] through.
   * @throws {SeedbedError} BadArgument for other samplers, whose steps ask the network at points that are no states.
   */
  growth(latent: Tensor, onStep?: (done: number, total: number) => void): Promise<Growth>;
  dispose(): Promise<void>;
}

/** A sampler that runs one network pass at a time, so its memory does not grow with T. */
export async function createSampler(
  runtime: Runtime,
  model: Denoiser,
  sampler: SamplerInfo,
  batch: number,
): Promise<Sampler> {
  const row = samplerRow(sampler.kind);
  const grid = samplerGrid(model.info, sampler);
  const network = await createNetwork(runtime, withSampler(model, sampler), batch);
  const doubles = (t: Tensor, first: number) => toFloat64(filledRows(t, first, batch));
  return {
    sample: (latent, onStep, second) => {
      const each = evaluationsOf(sampler, second !== undefined);
      const total = latent.shape[0]! * each;
      return inBatches(toFloat32(latent), batch, async (part, first) => {
        let done = first * each;
        const counted: Pick<Network, 'predict'> = {
          async predict(x, level) {
            const predicted = await network.predict(x, level);
            done = Math.min(done + batch, total);
            onStep?.(done, total);
            return predicted;
          },
        };
        if (row.states === 1)
          return run(row.solver({ combine }, grid, part), ({ x, level }) => counted.predict(x, level));
        const exact = row.solver;
        const pair = second
          ? { x: doubles(latent, first), y: doubles(second, first) }
          : await runExact(counted, exact.begin(DOUBLE, grid, toFloat64(part)));
        return toFloat32(exact.picture(await runExact(counted, exact.forward(DOUBLE, grid, pair))));
      });
    },
    async growth(latent, onStep) {
      if (row.states === 2 || !row.affine)
        throw new SeedbedError('BadArgument', `sampler '${sampler.kind}' has no trajectories; 'ddim' has`);
      const count = latent.shape[0]!;
      const parts: Growth[] = [];
      for (let first = 0; first < count; first += batch) {
        const [states, clean]: [Floats[], Floats[]] = [[], []];
        const last = await run(
          row.solver({ combine }, grid, filledRows(toFloat32(latent), first, batch)),
          async ({ x, level }) => {
            states.push(x);
            onStep?.(
              Math.min(first * grid.length + states.length * batch, count * grid.length),
              count * grid.length,
            );
            const predicted = await network.predict(x, level);
            const { x0 } = readings(level);
            clean.push(combine([x0.x, x], [x0.predicted, predicted]));
            return predicted;
          },
        );
        const filled = (all: readonly Floats[]) =>
          all.map(some => rows(some, 0, Math.min(batch, count - first)));
        parts.push({ states: filled([...states, last]), clean: filled(clean) });
      }
      const whole = (name: keyof Growth) =>
        parts[0]![name].map((_, k) => concatRows(parts.map(part => part[name][k]!)));
      return { states: whole('states'), clean: whole('clean') };
    },
    dispose: network.dispose,
  };
}

/** Tensors in double precision as a space. */
export const DOUBLE: Space<Doubles> = {
  combine(...terms) {
    const { shape } = terms[0]![1];
    const result = new Float64Array(sizeOf(shape));
    for (const [weight, { data }] of terms)
      for (let i = 0; i < result.length; i++) result[i]! += weight * data[i]!;
    return float64(shape, result);
  },
};

/** Runs an exact solver's course: its states in double precision, the network in single. */
export function runExact<R>(
  network: Pick<Network, 'predict'>,
  course: Generator<Request<Doubles>, R, Doubles>,
): Promise<R> {
  return run(course, async ({ x, level }) => toFloat64(await network.predict(toFloat32(x), level)));
}
