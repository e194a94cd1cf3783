import { SeedbedError } from '../errors.ts';
import { GraphBuilder, type Value } from '../graph/builder.ts';
import type { Dim } from '../graph/ir.ts';
import { float32, sizeOf } from '../tensor/tensor.ts';
import type { Denoiser, DenoiserInfo } from './info.ts';
import { createModel } from './model.ts';
import { learnedTarget } from './prediction.ts';
import { ddim, type SamplerInfo } from './sampler-info.ts';
import { FLOW_TIMESTEPS, SCHEDULES } from './schedule.ts';

/**
 * How a closed-form denoiser is written down; on one schedule all forms grow the same pictures.
 * @group Sampling
 */
export interface OracleForm {
  /** What the network predicts; 'epsilon' unless given. */
  readonly predicts?: DenoiserInfo['predicts'];
  /** How it is told the noise level; 'noiseVariance' unless given. */
  readonly level?: DenoiserInfo['level'];
  /** What it is shown: 'preserving', s x0 + n epsilon, unless given, or 'exploding', that over s. */
  readonly sees?: DenoiserInfo['sees'];
  /** The noise levels; `SCHEDULES.continuousCosine` unless given. */
  readonly schedule?: DenoiserInfo['schedule'];
  /** T, the sampler's steps; 10. */
  readonly steps?: number;
  /** What the sampler has besides or instead. */
  readonly sampler?: Partial<SamplerInfo>;
  /** Type of the level input; 'float32' unless given. */
  readonly levelType?: 'float32' | 'int64';
  /** Its shape; ['N'] unless given. */
  readonly levelShape?: readonly Dim[];
}

/** In a graph: signal and noise rate, and their squares. */
export interface RateValues {
  readonly s: Value;
  readonly n: Value;
  readonly s2: Value;
  readonly n2: Value;
}

/** What the best denoiser knows of x = s x0 + n epsilon [N, D]: the posterior means of both parts. */
export type Posterior = (b: GraphBuilder, x: Value, rates: RateValues) => { x0: Value; epsilon: Value };

/** A denoiser in closed form, from the posterior means of the picture and of the noise. */
export function oracle(
  name: string,
  shape: readonly number[],
  form: OracleForm,
  posterior: Posterior,
): Denoiser {
  const { predicts = 'epsilon', level = 'noiseVariance', sees, steps = 10 } = form;
  const { schedule = SCHEDULES.continuousCosine, levelType = 'float32', levelShape = ['N'] } = form;
  const b = new GraphBuilder(name);
  const seen = b.input('x', 'float32', ['N', ...shape]);
  const input = level === 'noiseVariance' ? 'noise_variance' : level;
  const fed = b.input(input, levelType, levelShape);
  const rates = ratesIn(b, level, b.reshape(fed, levelShape.length === 0 ? [1, 1] : [0, 1]), schedule);
  const flat = b.reshape(seen, [0, sizeOf(shape)]);
  const x = sees === 'exploding' ? b.mul(flat, rates.s) : flat;
  const { x0, epsilon } = posterior(b, x, rates);
  const output = learnedTarget(b, predicts, { x0, epsilon, signal: rates.s, noise: rates.n });
  return createModel(b.build({ [predicts]: b.reshape(output, [0, ...shape]) }), {
    seedbed: 1,
    kind: 'denoiser',
    name,
    inputs: { image: 'x', level: input },
    output: predicts,
    predicts,
    level,
    ...(sees && { sees }),
    shape: [...shape],
    range: {
      from: [0, 1],
      mean: shape.slice(0, 1).flatMap(c => new Array(c).fill(0.5)),
      std: new Array(shape[0]).fill(0.2),
    },
    padding: 0,
    schedule,
    sampler: { ...ddim(steps), ...form.sampler },
  });
}

/** The rates that the level input stands for, each [n, 1] or [1, 1]. */
function ratesIn(
  b: GraphBuilder,
  kind: DenoiserInfo['level'],
  level: Value,
  schedule: DenoiserInfo['schedule'],
): RateValues {
  const one = b.scalar(1);
  if (schedule.kind === 'flow') return flowRates(b, kind, level, schedule.timesteps ?? FLOW_TIMESTEPS);
  const fromNoise = (n2: Value) => {
    const s2 = b.sub(one, n2);
    return { s: b.sqrt(s2), n: b.sqrt(n2), s2, n2 };
  };
  const fromAngle = (angle: Value) => {
    const [s, n] = [b.cos(angle), b.sin(angle)];
    return { s, n, s2: b.mul(s, s), n2: b.mul(n, n) };
  };
  const fromSnr = (s2: Value, n2: Value) => ({ s: b.sqrt(s2), n: b.sqrt(n2), s2, n2 });
  switch (kind) {
    case 'noiseVariance':
      return fromNoise(level);
    case 'noiseRate':
      return fromNoise(b.mul(level, level));
    case 'sigma': {
      const total = b.add(one, b.mul(level, level));
      return fromSnr(b.div(one, total), b.div(b.mul(level, level), total));
    }
    case 'logSnr':
      return fromSnr(b.sigmoid(level), b.sigmoid(b.neg(level)));
    case 'diffusionTime': {
      if (schedule.kind !== 'continuousCosine')
        throw new SeedbedError(
          'BadArgument',
          'an oracle told the diffusion time has schedule continuousCosine',
        );
      const [first, last] = [Math.acos(schedule.maxSignalRate), Math.acos(schedule.minSignalRate)];
      return fromAngle(b.add(b.scalar(first), b.mul(b.scalar(last - first), level)));
    }
    case 'timestep': {
      if (schedule.kind !== 'alphaBar')
        throw new SeedbedError('BadArgument', 'an oracle told the timestep has schedule alphaBar');
      const table = (values: readonly number[]) =>
        b.op('Gather', [b.constant(float32([values.length], values)), b.cast(level, 'int64')], { axis: 0 });
      return fromSnr(table(schedule.values), table(schedule.values.map(value => 1 - value)));
    }
  }
}

/** The same on a flow schedule. */
function flowRates(b: GraphBuilder, kind: DenoiserInfo['level'], level: Value, count: number): RateValues {
  const readers: Partial<Record<DenoiserInfo['level'], () => Value>> = {
    noiseVariance: () => b.sqrt(level),
    noiseRate: () => level,
    timestep: () => b.div(level, b.scalar(count)),
    sigma: () => b.div(level, b.add(level, b.scalar(1))),
  };
  const n = readers[kind]?.();
  if (!n)
    throw new SeedbedError(
      'BadArgument',
      `an oracle on a flow schedule is told ${Object.keys(readers).join(', ')}`,
    );
  const s = b.sub(b.scalar(1), n);
  return { s, n, s2: b.mul(s, s), n2: b.mul(n, n) };
}
