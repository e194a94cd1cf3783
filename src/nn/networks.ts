import { SeedbedError } from '../errors.ts';
import { GraphBuilder, type Value } from '../graph/builder.ts';
import type { Graph } from '../graph/ir.ts';
import { float32, type Tensor } from '../tensor/tensor.ts';
import { type Attention, residualBlock, spatialAttention } from './blocks.ts';
import { Layers, Weights } from './layers.ts';

/** A network as data. */
export interface NetworkConfig {
  /** A U-Net over pictures, plain convolutions over pictures, or a multilayer perceptron over points. */
  readonly kind: 'unet' | 'conv' | 'mlp';
  /** U-Net: channels a level, from full size down. conv and mlp: width of each hidden layer. */
  readonly channels: readonly number[];
  /** U-Net: residual blocks a level. */
  readonly blocks: number;
  /** Numbers that encode the noise level, half sines, half cosines. */
  readonly embedding: number;
  readonly attention: Attention;
  /** U-Net: where the noise level's encoding is joined to the channels, at the input (unless given) or at every block. */
  readonly levelAt?: 'input' | 'blocks' | undefined;
  /** conv: kernel size of each layer, the last one's included. */
  readonly kernels?: readonly number[] | undefined;
}

/** What a network is for: a denoiser also sees the noise level. */
export interface NetworkPurpose {
  readonly name: string;
  /** [C, H, W] or [D]. */
  readonly shape: readonly number[];
  /** Name of the noise level's input; null for a network without one. */
  readonly level: string | null;
  readonly output: string;
}

/**
 * Builds a network as a graph: input `x` [N, ...shape], where asked a level [N], one output of x's shape.
 * Weights are initialisers named by their place, such as `down.0.conv1.weight`.
 * @param trained weights to start from, all of them; they are drawn from `seed` unless given.
 * @throws {SeedbedError} BadArgument when the network is for other items, or pictures cannot be halved as often as it has levels, Mismatch for weights of
 * another network.
 */
export function buildNetwork(
  config: NetworkConfig,
  purpose: NetworkPurpose,
  seed: number,
  trained?: ReadonlyMap<string, Tensor>,
): Graph {
  const takes = config.kind === 'mlp' ? 1 : 3;
  if (purpose.shape.length !== takes)
    throw new SeedbedError(
      'BadArgument',
      `a network of kind '${config.kind}' is for ${takes === 1 ? 'points [D]' : 'pictures [C, H, W]'}, these items are [${purpose.shape}]: give network.kind '${takes === 1 ? 'unet' : 'mlp'}'`,
    );
  const b = new GraphBuilder(purpose.name);
  const weights = new Weights(seed, trained);
  const layers = new Layers(b, weights);
  const x = b.input('x', 'float32', ['N', ...purpose.shape]);
  const level = purpose.level === null ? undefined : b.input(purpose.level, 'float32', ['N']);
  const body = { unet, conv: convolutions, mlp: perceptron }[config.kind];
  const output = body(layers, config, x, level);
  weights.requireAllAsked();
  return b.build({ [purpose.output]: output });
}

/**
 * The noise level v as numbers: sin and cos of 2 pi f v, f = exp of evenly spaced points from log 1 to log 1000.
 * @returns [N, dims]
 */
function levelEmbedding({ b }: Layers, level: Value, dims: number): Value {
  const half = dims / 2;
  const frequencies = Array.from(
    { length: half },
    (_, i) => 2 * Math.PI * Math.exp((Math.log(1000) * i) / Math.max(1, half - 1)),
  );
  const angles = b.mul(
    b.reshape(level, [0, 1]),
    b.constant(float32([1, half], frequencies), 'level.frequencies'),
  );
  return b.concat([b.sin(angles), b.cos(angles)], 1);
}

/** The U-Net of Asperti et al. 2023 (code): skips by concatenation after every block, the last one used first. */
function unet(layers: Layers, config: NetworkConfig, input: Value, level: Value | undefined): Value {
  const { b } = layers;
  const [imageChannels, height, width] = b.type(input).shape.slice(1) as [number, number, number];
  const halvings = config.channels.length - 1;
  if (height % 2 ** halvings !== 0 || width % 2 ** halvings !== 0) {
    throw new SeedbedError(
      'BadArgument',
      `a U-Net of ${config.channels.length} levels halves the picture ${halvings} times; ${height}x${width} pixels do not divide by ${2 ** halvings}. ` +
        `Set image.padding or image.size in the configuration (28 pixels with padding 2 make 32)`,
    );
  }
  const embedded =
    level && b.reshape(levelEmbedding(layers, level, config.embedding), [0, config.embedding, 1, 1]);
  const pixels = new Map<number, Value>();
  const joinLevel = (x: Value, depth: number) => {
    if (!embedded) return x;
    const [h, w] = [height / 2 ** depth, width / 2 ** depth];
    const everywhere =
      pixels.get(depth) ??
      b.constant(
        float32([1, 1, h, w], new Float32Array(h * w).fill(1)),
        depth === 0 ? 'level.pixels' : `level.pixels.${depth}`,
      );
    pixels.set(depth, everywhere);
    return b.concat([x, b.mul(embedded, everywhere)], 1);
  };
  const stage = (name: string, input: Value, channels: number, depth: number) => {
    const x = config.levelAt === 'blocks' ? joinLevel(input, depth) : input;
    const block = residualBlock(layers, name, x, channels, config.attention);
    const low = depth >= halvings - 1;
    return config.attention === 'spatial' && low
      ? spatialAttention(layers, `${name}.attention`, block)
      : block;
  };

  let x = layers.conv('inp', input, config.channels[0]!, 1);
  if (config.levelAt !== 'blocks') x = joinLevel(x, 0);
  const skips: Value[] = [];
  const down = config.channels.slice(0, -1);
  down.forEach((channels, depth) => {
    for (let i = 0; i < config.blocks; i++) {
      x = stage(`down.${depth * config.blocks + i}`, x, channels, depth);
      skips.push(x);
    }
    x = layers.pool(x);
  });
  for (let i = 0; i < config.blocks; i++) x = stage(`mid.${i}`, x, config.channels.at(-1)!, halvings);
  down.toReversed().forEach((channels, index) => {
    x = layers.upsample(x);
    for (let i = 0; i < config.blocks; i++) {
      x = stage(
        `up.${index * config.blocks + i}`,
        b.concat([x, skips.pop()!], 1),
        channels,
        halvings - 1 - index,
      );
    }
  });
  return layers.conv('out', x, imageChannels, 1, { initialiser: 'zeros' });
}

/** Convolutions with swish between them and none after the last (Table 1 of the paper). */
function convolutions(layers: Layers, config: NetworkConfig, input: Value): Value {
  const widths = [...config.channels, layers.channels(input)];
  const kernels = config.kernels ?? widths.map(() => 3);
  return widths.reduce((x, width, i) => {
    const y = layers.conv(`layer.${i}`, x, width, kernels[i]!);
    return i < widths.length - 1 ? layers.b.swish(y) : y;
  }, input);
}

/** Dense layers with swish between them, for points: the level's encoding is joined to the input. */
function perceptron(layers: Layers, config: NetworkConfig, input: Value, level: Value | undefined): Value {
  const { b } = layers;
  const dims = layers.channels(input);
  let x = level === undefined ? input : b.concat([input, levelEmbedding(layers, level, config.embedding)], 1);
  config.channels.forEach((width, i) => {
    x = b.swish(layers.dense(`layer.${i}`, x, width));
  });
  return layers.dense('out', x, dims, 'zeros');
}

/** A classifier as data. */
export interface ClassifierNetwork {
  /** Of each level, from full size down. */
  readonly channels: readonly number[];
  /** The width of the layer before the scores. */
  readonly features: number;
}

/**
 * Builds a classifier: a residual block a level, the mean over pixels, a layer of features, scores of the classes.
 * Input `pixels` [N, C, H, W] in [0,1]; outputs `features` [N, F], and `scores` [N, classes], logarithms of probabilities but for
 * a constant.
 * @throws {SeedbedError} BadArgument when the pictures cannot be halved as often.
 * @param trained weights to start from, all of them; they are drawn from `seed` unless given.
 */
export function buildClassifier(
  { channels, features }: ClassifierNetwork,
  { name, shape, classes }: { name: string; shape: readonly number[]; classes: number },
  seed: number,
  trained?: ReadonlyMap<string, Tensor>,
): Graph {
  const least = 2 ** (channels.length - 1);
  if (shape.slice(1).some(side => side < least))
    throw new SeedbedError(
      'BadArgument',
      `a classifier of ${channels.length} levels halves the picture ${channels.length - 1} times; pictures [${shape}] are too small. Give fewer network.channels`,
    );
  const b = new GraphBuilder(name);
  const weights = new Weights(seed, trained);
  const layers = new Layers(b, weights);
  const pixels = b.input('pixels', 'float32', ['N', ...shape]);
  let x = layers.conv('inp', layers.batchNorm('norm', pixels), channels[0]!, 3);
  channels.forEach((width, level) => {
    if (level > 0) x = layers.pool(x);
    x = residualBlock(layers, `level.${level}`, x, width, null);
  });
  const seen = b.reshape(b.mean(b.swish(layers.batchNorm('last', x)), [2, 3]), [0, channels.at(-1)!]);
  const hidden = b.swish(layers.dense('features', seen, features));
  const scores = layers.dense('scores', hidden, classes);
  weights.requireAllAsked();
  return b.build({ features: hidden, scores });
}

/** Whether an initialiser is a weight that training changes. */
export function isTrainable(name: string): boolean {
  return /\.(weight|bias)$/.test(name);
}

/** Whether an initialiser is a running statistic of a batch normalisation. */
export function isStatistic(name: string): boolean {
  return /\.running_(mean|var)$/.test(name);
}

/** The number of trainable weights of a network, and of its running statistics. */
export function countParameters(graph: Graph): { weights: number; statistics: number } {
  const count = (wanted: (name: string) => boolean) =>
    [...graph.initializers].reduce((sum, [name, t]) => sum + (wanted(name) ? t.data.length : 0), 0);
  return { weights: count(isTrainable), statistics: count(isStatistic) };
}
