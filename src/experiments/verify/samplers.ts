import { backward } from '../../autodiff/backward.ts';
import { samplerGrid } from '../../diffusion/grid.ts';
import type { Denoiser } from '../../diffusion/info.ts';
import { type Mixture, mixtureEpsilon, samplerGain } from '../../diffusion/oracle.ts';
import type { OracleForm } from '../../diffusion/oracle-form.ts';
import { createSampler, unrollSampler } from '../../diffusion/sampler.ts';
import { checkpointedSampler } from '../../diffusion/sampler-gradient.ts';
import { ddim, type SamplerInfo } from '../../diffusion/sampler-info.ts';
import { SAMPLERS, type SamplerKind, samplerRow } from '../../diffusion/samplers.ts';
import { follow, type Solver, type Space } from '../../diffusion/solvers.ts';
import { GraphBuilder } from '../../graph/builder.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { combine, dots } from '../../tensor/rowwise.ts';
import { type Floats, float32, sizeOf, unstack } from '../../tensor/tensor.ts';
import { flowGain, gainOf } from './gains.ts';
import { type Bench, type Check, distance, near, nearly, nothing, type Row } from './row.ts';

export const SHAPE = [1, 8, 8];
/** The samplers of one state. */
const SINGLES = SAMPLERS.flatMap(kind => {
  const row = samplerRow(kind);
  return row.states === 1 ? [{ kind, solver: row.solver }] : [];
});
const sampler = (kind: SamplerKind, steps = 10): SamplerInfo => ({ ...ddim(steps), kind });

/** Standardised pictures. */
export async function grown(
  runtime: Runtime,
  model: Denoiser,
  way: SamplerInfo,
  seeds: Floats,
): Promise<Floats> {
  const made = await createSampler(runtime, model, way, seeds.shape[0]!);
  const pictures = await made.sample(seeds);
  await made.dispose();
  return pictures;
}

/** By how much all seeds are multiplied; not a number where they are not all multiplied by one number. */
async function measured(
  { runtime }: Bench,
  model: Denoiser,
  way: SamplerInfo,
  seeds: Floats,
): Promise<number> {
  const pictures = await grown(runtime, model, way, seeds);
  const flat = (t: Floats) => float32([1, t.data.length], t.data);
  const gain = dots(flat(pictures), flat(seeds))[0]! / dots(flat(seeds), flat(seeds))[0]!;
  return distance(pictures, combine([gain, seeds])) < 1e-4 ? gain : Number.NaN;
}

/** The same best denoiser, written down in other ways. */
const FORMS: readonly (readonly [name: string, form: OracleForm])[] = [
  ['predicts x0', { predicts: 'x0' }],
  ['predicts v', { predicts: 'v' }],
  ['is told sigma, and sees x / s', { level: 'sigma', sees: 'exploding' }],
  ['is told log-SNR', { level: 'logSnr' }],
  ['is told the diffusion time', { level: 'diffusionTime' }],
];

export const gains: Check = {
  title: 'samplers on Gaussian data: what they multiply a seed by',
  async run(bench) {
    const seeds = bench.noise([4, ...SHAPE], 'verify gains');
    const found: Row[] = [];
    for (const kind of SAMPLERS)
      for (const variance of [0.1, 1, 10]) {
        const expected = kind === 'ddim' ? samplerGain(variance) : gainOf(kind, variance, 10);
        const got = await measured(bench, bench.gaussian(variance, SHAPE), sampler(kind), seeds);
        // EDICT's two states move apart, and rounding with them.
        found.push(nearly(`${kind}, variance ${variance}`, expected, got, kind === 'edict' ? 2e-4 : 2e-5));
      }
    for (const [name, form] of FORMS) {
      const got = await measured(bench, bench.gaussian(0.5, SHAPE, 10, form), ddim(10), seeds);
      found.push(
        nearly(
          `a model that ${name.startsWith('told') ? 'is ' : ''}${name}, variance 0.5`,
          samplerGain(0.5),
          got,
          2e-5,
        ),
      );
    }
    const fine = await measured(bench, bench.gaussian(0.5, SHAPE), sampler('heun', 200), seeds);
    found.push(nearly('heun in 200 steps, compared with the exact flow', flowGain(0.5, 200), fine, 1e-3));
    return found;
  },
};

/** Two clusters of pictures on either side of zero. */
function opposite(length: number): number[] {
  return Array.from({ length }, (_, i) => 1.5 * Math.sin(i + 1));
}

export const twoMeans: Check = {
  title: 'two clusters: which seeds grow which',
  async run(bench) {
    const mean = opposite(sizeOf(SHAPE));
    const variance = 0.01;
    const model = bench.mixture({ means: [mean, mean.map(value => -value)], variance }, SHAPE);
    const seeds = bench.noise([200, ...SHAPE], 'verify halves');
    const pictures = await grown(bench.runtime, model, ddim(10), seeds);
    const along = (t: Floats) =>
      unstack(t).map(
        ({ data }) =>
          mean.reduce((sum, m, i) => sum + m * data[i]!, 0) / mean.reduce((sum, m) => sum + m * m, 0),
      );
    const [from, to] = [along(seeds), along(pictures)];
    const across = (t: Floats, parts: readonly number[]) =>
      float32(
        t.shape,
        t.data.map((value, i) => value - parts[Math.floor(i / mean.length)]! * mean[i % mean.length]!),
      );
    const landed = to.filter((part, i) => Math.abs(part - Math.sign(from[i]!)) < 0.1).length / to.length;
    return [
      near('seeds that grow the mean of their half-space', 1, landed, 0),
      nothing(
        'across the means, distance from Gaussian data',
        distance(across(pictures, to), combine([samplerGain(variance), across(seeds, from)])),
        1e-3,
      ),
    ];
  },
};

/** Three clusters between which the sampler is not linear. */
export function threeWaves(length: number): Mixture {
  const wave = (phase: number) => Array.from({ length }, (_, i) => 0.25 * Math.sin(i + phase));
  return { means: [wave(0), wave(2), wave(4.5)], variance: 0.5 };
}

/** States that are vectors in double precision. */
const VECTORS: Space<number[]> = {
  combine: (...terms) => terms[0]![1].map((_, i) => terms.reduce((sum, [w, x]) => sum + w * x[i]!, 0)),
};

/** What a sampler grows from one seed of three clusters, in double precision and without a graph. */
function inDouble(solver: Solver, model: Denoiser, mixture: Mixture, seed: number[]): number[] {
  const grid = samplerGrid(model.info, model.info.sampler);
  return follow(solver(VECTORS, grid, seed), ({ x, level }) => mixtureEpsilon(mixture, x, level));
}

/** J' u of the sampler in one graph. */
async function pulled(
  runtime: Runtime,
  model: Denoiser,
  way: SamplerInfo,
  x: Floats,
  u: Floats,
): Promise<Floats> {
  const b = new GraphBuilder('pull');
  const [seed, cotangent] = [b.input('x', 'float32', x.shape), b.input('u', 'float32', u.shape)];
  const x0 = unrollSampler(b, model, seed, way);
  const [gradient] = backward(b, new Map([[x0, cotangent]]), [seed]);
  const session = await runtime.load(b.build({ gradient: gradient! }));
  const result = (await session.run({ x, u })).gradient as Floats;
  await session.dispose();
  return result;
}

export const gradients: Check = {
  title: 'through the sampler: pictures and gradients compared with double precision',
  async run(bench) {
    const { runtime } = bench;
    const x = bench.noise([3, ...SHAPE], 'verify points');
    const [u, direction] = [
      bench.noise(x.shape, 'verify cotangents'),
      bench.noise(x.shape, 'verify directions'),
    ];
    const found: Row[] = [];
    const gaussian = bench.gaussian(0.5, SHAPE);
    for (const { kind } of SINGLES)
      found.push(
        nothing(
          `${kind}, Gaussian data: gradient`,
          distance(await pulled(runtime, gaussian, sampler(kind), x, u), combine([gainOf(kind, 0.5, 10), u])),
          2e-5,
        ),
      );
    const checkpointed = await checkpointedSampler(runtime, gaussian, ddim(10), 3);
    const { gradient } = await checkpointed.run(x, async () => u);
    await checkpointed.dispose();
    found.push(
      nothing('ddim, one step at a time: gradient', distance(gradient, combine([samplerGain(0.5), u])), 2e-5),
    );
    const mixture = threeWaves(sizeOf(SHAPE));
    const model = bench.mixture(mixture, SHAPE);
    for (const { kind, solver } of SINGLES) {
      const exact = (seeds: Floats) =>
        unstack(seeds).map(({ data }) => inDouble(solver, model, mixture, Array.from(data)));
      const pictures = await grown(runtime, model, sampler(kind), x);
      found.push(
        nothing(
          `${kind}, three clusters: pictures`,
          distance(pictures, float32(x.shape, exact(x).flat())),
          1e-4,
        ),
      );
      // Along a direction in single precision, so that both sides take the step that is divided by.
      const [ahead, behind] = [combine([1, x], [1e-4, direction]), combine([1, x], [-1e-4, direction])];
      const step = combine([1, ahead], [-1, behind]);
      const [after, before] = [exact(ahead), exact(behind)];
      const slopes = unstack(u).map(({ data }, row) =>
        after[row]!.reduce((sum, value, i) => sum + data[i]! * (value - before[row]![i]!), 0),
      );
      const predicted = dots(await pulled(runtime, model, sampler(kind), x, u), step);
      const off = Math.hypot(...slopes.map((slope, row) => slope - predicted[row]!));
      found.push(
        nothing(
          `${kind}, three clusters: gradient compared with differences`,
          off / Math.hypot(...slopes),
          1e-4,
        ),
      );
    }
    return found;
  },
};
