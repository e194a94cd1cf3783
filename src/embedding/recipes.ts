/**
 * How seeds are moved by descent through the sampler: by Adam (Kingma and Ba 2015), each seed by its own loss.
 * @group Embedding
 */
export interface DescentRecipe {
  /** Distance between the grown picture and the target, standardised: half the squared sum, or a mean. */
  readonly loss: 'halfSse' | 'mse' | 'mae';
  /** Weight of mean(z^2), which keeps seeds near the origin; 0 for none. */
  readonly penalty: number;
  /** Adam's rate, at the first iteration. */
  readonly learningRate: number;
  /** 'cosine' lets the rate fall to zero at the last iteration. */
  readonly decay: 'constant' | 'cosine';
  /** How many iterations, 2 T network evaluations each. */
  readonly iterations: number;
}

/**
 * Named recipes: `paper` is eq. 12 of Asperti et al. 2023 (rate and count are ours, the paper gives none), `code` the
 * authors' program, `seedbed` our own for starts from noise, `refine` for starts from an embedder's seeds.
 * @group Embedding
 * @example
 * import { embed, loadModel, readPicture, RECIPES, SHIPPED_DENOISER } from 'seedbed';
 * const model = await loadModel(SHIPPED_DENOISER);
 * const bag = await readPicture('examples/fashion-mnist/8-bag.png', model);
 * const recipe = { ...RECIPES.seedbed, iterations: 5 };
 * const { results } = await embed(model, bag, { method: 'descent', recipe });
 * console.log(results[0].losses.length); // prints 5
 */
export const RECIPES = {
  paper: { loss: 'halfSse', penalty: 0, learningRate: 1e-2, decay: 'constant', iterations: 3000 },
  code: { loss: 'mae', penalty: 0.005, learningRate: 1e-2, decay: 'constant', iterations: 1500 },
  seedbed: { loss: 'mse', penalty: 0, learningRate: 0.1, decay: 'cosine', iterations: 200 },
  refine: { loss: 'mse', penalty: 0, learningRate: 0.015, decay: 'cosine', iterations: 16 },
} as const satisfies Record<string, DescentRecipe>;
export type RecipeName = keyof typeof RECIPES;

/**
 * Two ways through the sampler with the same gradient: all T steps in one graph, or one at a time, whose memory does
 * not grow with T and which takes three network evaluations where the other takes two.
 * @group Embedding
 */
export type Memory = 'unrolled' | 'checkpointed';
export const MEMORIES = ['unrolled', 'checkpointed'] as const satisfies readonly Memory[];
