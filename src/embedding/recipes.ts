/** How seeds are moved by descent through the sampler. */
export interface DescentRecipe {
  /** Distance between the grown picture and the target, standardised: half the squared sum, or a mean. */
  readonly loss: 'halfSse' | 'mse' | 'mae';
  /** Weight of mean(z^2), which keeps seeds near the origin; 0 for none. */
  readonly penalty: number;
  readonly learningRate: number;
  /** 'cosine' lets the rate fall to zero at the last iteration. */
  readonly decay: 'constant' | 'cosine';
  readonly iterations: number;
}

/**
 * Named recipes: `paper` is eq. 12 of Asperti et al. 2023 (rate and count are ours, the paper gives none), `code` the
 * authors' program, `seedbed` our own for starts from noise, `refine` for starts from an embedder's seeds.
 */
export const RECIPES = {
  paper: { loss: 'halfSse', penalty: 0, learningRate: 1e-2, decay: 'constant', iterations: 3000 },
  code: { loss: 'mae', penalty: 0.005, learningRate: 1e-2, decay: 'constant', iterations: 1500 },
  seedbed: { loss: 'mse', penalty: 0, learningRate: 0.1, decay: 'cosine', iterations: 200 },
  refine: { loss: 'mse', penalty: 0, learningRate: 0.015, decay: 'cosine', iterations: 16 },
} as const satisfies Record<string, DescentRecipe>;
export type RecipeName = keyof typeof RECIPES;

/** Two ways through the sampler with the same gradient: all steps in one graph, or one step at a time. */
export type Memory = 'unrolled' | 'checkpointed';
