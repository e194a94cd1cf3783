/** An embedding network of Table 1: its model here, and what the paper says of it. */
export interface Contender {
  readonly title: string;
  readonly model: string;
  /** As the paper counts them: 78 are of one channel in and three out, the U-Net's of three. */
  readonly parameters: number;
  /** Mean squared error on Fashion-MNIST. */
  readonly error: number;
}

/** The five networks of Table 1 (Asperti et al. 2023), simplest first. */
export const CONTENDERS: readonly Contender[] = [
  { title: 'one 5x5 convolution', model: 'embedder-conv-1', parameters: 78, error: 0.0152 },
  { title: 'three 5x5, 16-16-out', model: 'embedder-conv-3x16', parameters: 7233, error: 0.00523 },
  { title: 'three 5x5, 64-64-out', model: 'embedder-conv-3x64', parameters: 105_729, error: 0.00454 },
  { title: 'six layers of 128', model: 'embedder-conv-6x128', parameters: 859_009, error: 0.00172 },
  { title: 'U-Net', model: 'fashion-mnist-embedder', parameters: 9_577_683, error: 0.00089 },
];
