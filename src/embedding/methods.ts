import type { Denoiser, Embedder } from '../diffusion/info.ts';
import type { SamplerInfo } from '../diffusion/sampler-info.ts';
import { type SamplerRow, samplerRow, samplersThat } from '../diffusion/samplers.ts';
import { requireWhole, SeedbedError } from '../errors.ts';
import { type DescentSettings, descentFinder, type Finder } from './finders.ts';
import { solves } from './inversion/climb.ts';
import {
  autoFinder,
  exactFinder,
  type Inverting,
  reversedFinder,
  splitFinder,
  undoingFinder,
  wholeFinder,
} from './inverters.ts';
import { type DescentRecipe, RECIPES } from './recipes.ts';
import { DEFAULTS, type InversionOptions } from './settings.ts';

/** What a finder is made of. */
export interface Seeking extends Inverting, Omit<DescentSettings, 'sampler'> {}

/** What is asked of a method. */
export interface Asked {
  readonly method: Method;
  readonly sampler: SamplerInfo;
  readonly inversion: InversionOptions;
  readonly model: Denoiser;
  readonly starts: number;
}

/** A way to find seeds. */
export interface MethodRow {
  /** Whether it begins with the seed of a trained network. */
  readonly network: boolean;
  /**
   * The samplers it inverts: those of one state, those whose steps can be undone one by one, those that are run from the
   * picture to the noise as well, those of two states.
   */
  readonly inverts: 'one state' | 'affine steps' | 'both directions' | 'two states';
  /** Whether different starts find different seeds. */
  starts(inversion: InversionOptions): boolean;
  /** What it refuses besides, in words. */
  refuses?(asked: Asked): string | undefined;
  /** The settings that it uses: what seed files and unfinished work record. */
  readonly uses: readonly (keyof InversionOptions)[];
  /** Where its settings differ from split inversion's. */
  readonly settings?: Partial<InversionOptions>;
  /** How it descends where nothing is said; only of descent. */
  readonly recipe?: DescentRecipe;
  /** Seeds in work at once where nothing is said on the command line. */
  readonly batch: number;
  finder(seeking: Seeking): Finder;
}

const fromNoise = { network: false, starts: () => true, batch: 16 } as const;

const descent: MethodRow = {
  ...fromNoise,
  inverts: 'one state',
  uses: [],
  recipe: RECIPES.seedbed,
  finder: seeking => descentFinder(seeking.runtime, seeking.model, seeking, seeking.first),
};

const lbfgs: MethodRow = {
  ...fromNoise,
  inverts: 'affine steps',
  uses: ['lbfgs'],
  finder: seeking => wholeFinder(seeking, 'lbfgs'),
};

const gaussNewton: MethodRow = {
  ...fromNoise,
  inverts: 'affine steps',
  uses: ['whole'],
  finder: seeking => wholeFinder(seeking, 'gauss-newton'),
};

const split: MethodRow = {
  ...fromNoise,
  inverts: 'affine steps',
  uses: ['lastStep', 'interior'],
  // Results come as they are found.
  batch: 2,
  refuses: ({ inversion, method }) =>
    inversion.interior.solver === 'renoise'
      ? `'renoise' undoes steps from the picture on, as in method 'fixed-point'; method '${method}' cannot use it`
      : undefined,
  finder: splitFinder,
};

/** Undoing the sampler's steps from the picture on. */
function undoing(interior: Partial<InversionOptions['interior']>): MethodRow {
  return {
    network: false,
    inverts: 'affine steps',
    starts: ({ diffused, interior: { solver } }) => diffused > 0 || solver === 'renoise',
    refuses: ({ inversion, model: { info } }) =>
      inversion.interior.solver === 'renoise' &&
      (info.shape.length !== 3 || info.shape.slice(1).some(side => side % 4))
        ? `'renoise' works on pictures whose sides are multiples of 4, not on [${info.shape}]`
        : undefined,
    uses: ['interior', 'diffused'],
    settings: { interior: { ...DEFAULTS.interior, tolerance: 5e-3, ...interior } },
    batch: 16,
    finder: undoingFinder,
  };
}

/** The method from the seed of a trained network. */
function fromNetwork(row: MethodRow): MethodRow {
  return {
    ...row,
    network: true,
    starts: () => false,
    batch: 16,
    ...(row.recipe && { recipe: RECIPES.refine }),
  };
}

/**
 * All methods. Whoever adds one adds a row here, its finder, and a known answer (experiments/verify/methods.ts); command
 * line, studio and race read this table.
 */
const TABLE = {
  embedder: {
    network: true,
    inverts: 'one state',
    starts: () => false,
    uses: [],
    batch: 16,
    finder: ({ first }) => first!,
  },
  descent,
  'embedder+descent': fromNetwork(descent),
  naive: undoing({ solver: 'naive' }),
  'uni-inv': undoing({ solver: 'uni-inv' }),
  pmi: undoing({ solver: 'pmi' }),
  reversed: {
    network: false,
    inverts: 'both directions',
    starts: () => false,
    uses: [],
    batch: 16,
    finder: reversedFinder,
  },
  'fixed-point': undoing({ iterations: 20 }),
  newton: undoing({ solver: 'newton' }),
  lbfgs,
  'embedder+lbfgs': fromNetwork(lbfgs),
  'gauss-newton': gaussNewton,
  'embedder+gauss-newton': fromNetwork(gaussNewton),
  split,
  'embedder+split': fromNetwork(split),
  auto: { ...split, finder: autoFinder },
  exact: { ...fromNoise, inverts: 'two states', uses: ['lastStep'], finder: exactFinder },
} satisfies Record<string, MethodRow>;

/**
 * A way to find a seed, one of {@link METHODS}.
 * @group Embedding
 * @useDeclaredType
 */
export type Method = keyof typeof TABLE;

/**
 * Ways to find a seed: a trained network (`embedder`), descent through the sampler from noise or from the network's
 * seed; undoing the sampler's steps, by one prediction each (`naive`, `uni-inv`, `pmi`) or to the end (`fixed-point`,
 * `newton`); the sampler's own solver `reversed`, for `fireflow` and `rfsolver`; least squares through the whole sampler
 * (`lbfgs`, `gauss-newton`); `split` inversion, the last step as least squares and the others undone; `auto`, split
 * inversion whose flagged seeds are repaired by least squares through the whole sampler; and `exact`, for samplers that
 * keep two states.
 * @group Embedding
 * @example
 * import { METHODS } from 'seedbed';
 * console.log(METHODS.includes('split'), METHODS.includes('embedder+split')); // prints true true
 */
export const METHODS = Object.keys(TABLE) as readonly Method[];

/** What a method is. @throws {SeedbedError} BadArgument where there is none of the name. */
export function methodRow(method: Method): MethodRow {
  if (Object.hasOwn(TABLE, method)) return TABLE[method];
  throw refusal(`there is no method '${method}'. There are: ${METHODS.join(', ')}`);
}

/**
 * What one must know of a method to offer it.
 * @returns whether it needs an embedding network; and how it descends where no recipe is given, if it does.
 * @group Embedding
 * @example
 * import { methodNeeds } from 'seedbed';
 * console.log(methodNeeds('embedder+split').embedder, methodNeeds('descent').recipe?.iterations); // prints true 200
 */
export function methodNeeds(method: Method): { embedder: boolean; recipe: DescentRecipe | undefined } {
  const { network, recipe } = methodRow(method);
  return { embedder: network, recipe };
}

/** A method's settings, with those given in place of its own. */
export function inversionFor(method: Method, given: Partial<InversionOptions> = {}): InversionOptions {
  return { ...DEFAULTS, ...methodRow(method).settings, ...given };
}

/** Which of the settings a method uses. */
export function usedSettings(method: Method, options: InversionOptions): Partial<InversionOptions> {
  return Object.fromEntries(methodRow(method).uses.map(name => [name, options[name]]));
}

/**
 * Refuses what a method cannot do.
 * @throws {SeedbedError} BadArgument saying what it can, Mismatch for an embedder of another denoiser.
 */
export function checkMethod(asked: Asked): void {
  const { method, sampler, inversion, starts } = asked;
  const row = methodRow(method);
  const way = samplerRow(sampler.kind);
  const unfit = unfitFor(row, way, method, sampler);
  if (unfit) throw refusal(unfit);
  requireWhole('diffused', inversion.diffused, 0);
  if (!(inversion.diffused < sampler.steps))
    throw refusal(
      `of ${sampler.steps} steps at most ${sampler.steps - 1} can be replaced by noise, not ${inversion.diffused}`,
    );
  const { solver, iterations } = inversion.interior;
  // The first is naive inversion's guess; how well it undoes a step shows only in the next.
  if (row.uses.includes('interior') && (solves(solver) || solver === 'renoise'))
    requireWhole('iterations', iterations, 2);
  const refused = row.refuses?.(asked);
  if (refused) throw refusal(refused);
  const fixed = way.states === 2 && way.ends === 'picture twice';
  if (starts !== 1 && (fixed || !row.starts(inversion)))
    throw refusal(
      `method '${method}' finds one seed a picture; several starts need a method that begins from noise, such as 'split' or 'descent'`,
    );
}

/** Why a method cannot invert a sampler; undefined where it can. */
function unfitFor(
  { inverts }: MethodRow,
  way: SamplerRow,
  method: Method,
  { kind }: SamplerInfo,
): string | undefined {
  if (way.states === 2 && inverts !== 'two states')
    return `sampler '${kind}' keeps two states, which method 'exact' inverts; method '${method}' cannot`;
  if (way.states === 1 && inverts === 'two states')
    return `method '${method}' inverts samplers ${samplersThat(({ states }) => states === 2)}; '${kind}' has no exact inverse. Give one of them, or another method`;
  if (way.states === 1 && inverts === 'both directions' && !way.reverses)
    return `method '${method}' runs samplers ${samplersThat(row => row.states === 1 && row.reverses)} from the picture to the noise, not '${kind}'. Give one of them, or another method`;
  if (way.states === 1 && inverts === 'affine steps' && !way.affine)
    return `method '${method}' undoes the steps of sampler 'ddim'; for '${kind}' use method ${way.reverses ? "'reversed' or 'descent'" : "'descent'"}`;
  return undefined;
}

/** Refuses a method that begins with an embedder's seed without one of this denoiser. @throws {SeedbedError} BadArgument, Mismatch. */
export function checkEmbedder(method: Method, model: Denoiser, embedder: Embedder | undefined): void {
  if (!methodRow(method).network) return;
  if (!embedder) throw refusal(`method '${method}' needs an embedder. Give one, or use method 'split'`);
  if (embedder.info.denoiser !== model.hash)
    throw new SeedbedError(
      'Mismatch',
      `the embedder was trained for denoiser ${embedder.info.denoiser}, but this one is ${model.hash}`,
    );
}

function refusal(message: string): SeedbedError {
  return new SeedbedError('BadArgument', message);
}
