import type { DenoiserRecipe } from 'seedbed';

/** The networks that one can choose: U-Nets, by the channels of their levels. */
export const NETWORKS = {
  small: { channels: [16, 32], text: 'small: 65,000 weights' },
  medium: { channels: [24, 48, 72], text: 'medium: 463,000 weights' },
  large: { channels: [32, 64, 96], text: 'large: 819,000 weights' },
} as const;
export type NetworkName = keyof typeof NETWORKS;
export const NETWORK_NAMES = Object.keys(NETWORKS) as NetworkName[];

/** Pictures that a step learns from. */
export const BATCH = 16;

/** How a network is trained: at a constant rate, so that more steps go on with what fewer have learned. */
export function recipeOf(network: NetworkName, steps: number): DenoiserRecipe {
  return {
    network: {
      ...{ kind: 'unet', channels: [...NETWORKS[network].channels], blocks: 2 },
      ...{ embedding: 32, levelAt: 'blocks' },
    },
    schedule: 'continuousCosine',
    training: {
      ...{ loss: 'mae', learningRate: 0.002, warmup: 50, levels: 'stratified' },
      ...{ batch: BATCH, steps, ema: 0.99 },
    },
  };
}
