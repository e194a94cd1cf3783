import { SeedbedError } from '../errors.ts';
import { bdia, type ExactSolver, edict, obelm, rex } from './exact.ts';
import { fireflow, rfSolver } from './midpoint.ts';
import { ddimSolver, dpmpp2mSolver, heunSigmaSolver, heunSolver, type Solver } from './solvers.ts';

/** A sampler that leads one state from noise to the picture. */
export interface OneState {
  readonly states: 1;
  readonly solver: Solver;
  /** Whether its steps are S(x) = alpha x + beta p(x), each of one evaluation, which can be undone one by one. */
  readonly affine: boolean;
  /** Whether it is run from the picture to the noise as well, to invert it. */
  readonly reverses: boolean;
  /** Network evaluations for a picture in T steps. */
  evaluations(steps: number): number;
}

/** A sampler that keeps two states, and is undone by its own arithmetic. */
export interface TwoStates {
  readonly states: 2;
  readonly solver: ExactSolver;
  /** What its last pair holds: the picture twice, or the state before the last step and the picture. */
  readonly ends: 'picture twice' | 'state and picture';
  /** Network evaluations for a picture in T steps. @param paired whether both states of a seed are given, not one. */
  evaluations(steps: number, paired: boolean): number;
}

export type SamplerRow = OneState | TwoStates;

/**
 * All samplers: what leads a seed to its picture. Whoever adds one adds a row here, its solver (solvers.ts, midpoint.ts, exact.ts),
 * and what it multiplies Gaussian data by (experiments/verify/gains.ts); command line, studio, methods and checks read this table.
 */
const TABLE = {
  ddim: { states: 1, solver: ddimSolver, affine: true, reverses: false, evaluations: steps => steps },
  heun: {
    states: 1,
    solver: heunSolver,
    affine: false,
    reverses: false,
    evaluations: steps => 2 * steps - 1,
  },
  heunsigma: {
    states: 1,
    solver: heunSigmaSolver,
    affine: false,
    reverses: false,
    evaluations: steps => 2 * steps - 1,
  },
  dpmpp2m: { states: 1, solver: dpmpp2mSolver, affine: false, reverses: false, evaluations: steps => steps },
  rfsolver: { states: 1, solver: rfSolver, affine: false, reverses: true, evaluations: steps => 2 * steps },
  fireflow: { states: 1, solver: fireflow, affine: false, reverses: true, evaluations: steps => steps + 1 },
  edict: { states: 2, solver: edict, ends: 'picture twice', evaluations: steps => 2 * steps },
  // A pair has their first step behind it.
  bdia: { states: 2, solver: bdia, ends: 'state and picture', evaluations: afterPair },
  obelm: { states: 2, solver: obelm, ends: 'state and picture', evaluations: afterPair },
  rex: { states: 2, solver: rex, ends: 'state and picture', evaluations: steps => 2 * steps - 1 },
} satisfies Record<string, SamplerRow>;

function afterPair(steps: number, paired: boolean): number {
  return paired ? steps - 1 : steps;
}

/**
 * A way from a seed to its picture, one of {@link SAMPLERS}.
 * @group Sampling
 * @useDeclaredType
 */
export type SamplerKind = keyof typeof TABLE;

/** The samplers whose row is so. */
type KindThat<Row> = { [Kind in SamplerKind]: (typeof TABLE)[Kind] extends Row ? Kind : never }[SamplerKind];

/** The samplers that keep two states, and are undone exactly. */
export type ExactKind = KindThat<{ readonly states: 2 }>;

/** The samplers that are run from the picture to the noise as well. */
export type ReversingKind = KindThat<{ readonly reverses: true }>;

/**
 * The samplers: how a seed is led to its picture. `ddim` (Song et al. 2021), `heun` (in the DDIM angle) and
 * `heunsigma` (in sigma, Karras et al. 2022), `dpmpp2m` (Lu et al. 2022), `rfsolver` (Wang et al. 2024) and `fireflow` (Deng et al.
 * 2024) keep one state;
 * `edict` (Wallace et al. 2023), `bdia` (Zhang et al. 2023), `obelm` (Wang et al. 2024) and `rex` (Blasingame and Liu 2025)
 * keep two and can be run backwards exactly.
 * @group Sampling
 * @example
 * import { SAMPLERS } from 'seedbed';
 * console.log(SAMPLERS.join(', ')); // prints ddim, heun, heunsigma, dpmpp2m, rfsolver, fireflow, edict, bdia, obelm, rex
 */
export const SAMPLERS = Object.keys(TABLE) as readonly SamplerKind[];

export const EXACT_SAMPLERS = SAMPLERS.filter(kind => TABLE[kind].states === 2) as readonly ExactKind[];

export const REVERSING_SAMPLERS = SAMPLERS.filter(kind => {
  const row: SamplerRow = TABLE[kind];
  return row.states === 1 && row.reverses;
}) as readonly ReversingKind[];

/** What a sampler is. @throws {SeedbedError} BadArgument for one that there is not, as a call from JavaScript may name. */
export function samplerRow(kind: SamplerKind): SamplerRow {
  if (!Object.hasOwn(TABLE, kind))
    throw new SeedbedError('BadArgument', `there is no sampler '${kind}'; there are: ${SAMPLERS.join(', ')}`);
  return TABLE[kind];
}

/** The samplers of one kind, in words for messages: 'ddim', 'heun' and 'dpmpp2m'. */
export function samplersThat(holds: (row: SamplerRow) => boolean): string {
  const names = SAMPLERS.filter(kind => holds(TABLE[kind])).map(kind => `'${kind}'`);
  return [names.slice(0, -1).join(', '), names.at(-1)].filter(Boolean).join(' and ');
}
