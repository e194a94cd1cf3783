import { buildNetwork, countParameters, type NetworkConfig } from '../../../nn/networks.ts';

/** An embedding network of Table 1: its model here, and what the paper says of it. */
export interface Contender {
  readonly title: string;
  readonly model: string;
  /** As the paper counts them: 78 are of one channel in and three out, the U-Net's of three. */
  readonly parameters: number;
  /** The network as the paper's label, or its count, has it. */
  readonly config: NetworkConfig;
  /** Mean squared error on Fashion-MNIST. */
  readonly error: number;
}

const convolutions = (channels: readonly number[], kernels: readonly number[]): NetworkConfig => ({
  kind: 'conv',
  channels,
  kernels,
  blocks: 1,
  embedding: 64,
  attention: null,
});

/** The five networks of Table 1 (Asperti et al. 2023), simplest first. */
export const CONTENDERS: readonly Contender[] = [
  {
    title: 'one 5x5 convolution',
    model: 'embedder-conv-1',
    config: convolutions([], [5]),
    parameters: 78,
    error: 0.0152,
  },
  {
    title: 'three 5x5, 16-16-out',
    model: 'embedder-conv-3x16',
    config: convolutions([16, 16], [5, 5, 5]),
    parameters: 7233,
    error: 0.00523,
  },
  {
    title: 'three 5x5, 64-64-out',
    model: 'embedder-conv-3x64',
    config: convolutions([64, 64], [5, 5, 5]),
    parameters: 105_729,
    error: 0.00454,
  },
  {
    title: 'six layers of 128',
    model: 'embedder-conv-6x128',
    config: convolutions([128, 128, 128, 128, 128], [5, 5, 3, 3, 3, 5]),
    parameters: 859_009,
    error: 0.00172,
  },
  {
    title: 'U-Net',
    model: 'embedder-unet',
    config: { kind: 'unet', channels: [48, 96, 192, 384], blocks: 2, embedding: 64, attention: null },
    parameters: 9_577_683,
    error: 0.00089,
  },
];

/** The parameters of a network of Table 1 for pictures of so many channels, running statistics counted. */
export function parametersFor({ config, title }: Contender, channels: 1 | 3): number {
  const network = buildNetwork(
    config,
    { name: title, shape: [channels, 64, 64], level: null, output: 'z' },
    0,
  );
  const { weights, statistics } = countParameters(network);
  return weights + statistics;
}
