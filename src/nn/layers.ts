import { SeedbedError } from '../errors.ts';
import type { GraphBuilder, Value } from '../graph/builder.ts';
import { fillUniform } from '../tensor/random.ts';
import { float32, sizeOf, type Tensor, zeros } from '../tensor/tensor.ts';

/** How a weight starts: Glorot and Bengio's uniform distribution (2010), zeros or ones. */
export type Initialiser = 'glorot' | 'zeros' | 'ones';

/** Names of what training changes, and of running statistics. */
const WEIGHT = /\.(weight|bias|running_mean|running_var)$/;

const START = 'the model to start from is of another network than the configuration';

/** The most weights of a network that is drawn anew: 512 MiB, and training holds several times that. */
const MOST_WEIGHTS = 2 ** 27;

/** Weights by name: those of a trained network, or new ones drawn on first use. */
export class Weights {
  readonly tensors = new Map<string, Tensor>();
  private readonly seed: number;
  private readonly complete: boolean;
  private readonly asked = new Set<string>();
  private drawn = 0;

  constructor(seed: number, trained?: ReadonlyMap<string, Tensor>) {
    this.seed = seed;
    this.complete = trained !== undefined;
    for (const [name, tensor] of trained ?? []) this.tensors.set(name, tensor);
  }

  get(name: string, shape: readonly number[], initialiser: Initialiser): Tensor {
    this.asked.add(name);
    const present = this.tensors.get(name);
    if (present) {
      if (present.shape.join() === shape.join()) return present;
      throw new SeedbedError(
        'Mismatch',
        `${START}: its weight '${name}' is [${present.shape}], and [${shape}] is needed`,
      );
    }
    if (this.complete) throw new SeedbedError('Mismatch', `${START}: it has no weight '${name}'`);
    this.drawn += sizeOf(shape);
    if (this.drawn > MOST_WEIGHTS) {
      throw new SeedbedError(
        'BadArgument',
        `the network of the configuration has more than ${MOST_WEIGHTS} weights; lower its channels or blocks`,
      );
    }
    const fresh = zeros('float32', shape);
    if (initialiser === 'ones') fresh.data.fill(1);
    if (initialiser === 'glorot') {
      fillUniform({ seed: this.seed, purpose: `weight ${name}` }, 0, 0, fresh.data);
      // Of a convolution [co, ci, k, k] or a matrix [in, out], fan-in plus fan-out is (dim 0 + dim 1) times the taps.
      const fans = (shape[0]! + shape[1]!) * sizeOf(shape.slice(2));
      const limit = Math.sqrt(6 / fans);
      fresh.data.forEach((u, i) => {
        fresh.data[i] = (2 * u - 1) * limit;
      });
    }
    this.tensors.set(name, fresh);
    return fresh;
  }

  /** @throws {SeedbedError} Mismatch where the trained network has weights that this one has no place for. */
  requireAllAsked(): void {
    const weights = [...this.tensors.keys()].filter(name => WEIGHT.test(name));
    const left = weights.find(name => !this.asked.has(name));
    if (left !== undefined) throw new SeedbedError('Mismatch', `${START}: that has no weight '${left}'`);
  }
}

/** The layers that networks are made of, each adding its nodes to a graph and its weights by name. */
export class Layers {
  readonly b: GraphBuilder;
  private readonly weights: Weights;

  constructor(b: GraphBuilder, weights: Weights) {
    this.b = b;
    this.weights = weights;
  }

  weight(name: string, shape: readonly number[], initialiser: Initialiser): Value {
    return this.b.constant(this.weights.get(name, shape, initialiser), name);
  }

  channels(x: Value): number {
    return this.b.type(x).shape[1] as number;
  }

  /** A convolution that keeps the picture's size: odd kernel, stride 1, zero padding, bias. */
  conv(
    name: string,
    x: Value,
    channels: number,
    kernel: number,
    options: { group?: number; initialiser?: Initialiser } = {},
  ): Value {
    const { group = 1, initialiser = 'glorot' } = options;
    const weight = this.weight(
      `${name}.weight`,
      [channels, this.channels(x) / group, kernel, kernel],
      initialiser,
    );
    const bias = this.weight(`${name}.bias`, [channels], 'zeros');
    const pad = (kernel - 1) / 2;
    return this.b.op(
      'Conv',
      [x, weight, bias],
      { kernel_shape: [kernel, kernel], pads: [pad, pad, pad, pad], group },
      { name },
    );
  }

  /** x W + b for x [N, in]. */
  dense(name: string, x: Value, width: number, initialiser: Initialiser = 'glorot'): Value {
    const weight = this.weight(`${name}.weight`, [this.channels(x), width], initialiser);
    return this.b.add(this.b.matmul(x, weight), this.weight(`${name}.bias`, [width], 'zeros'));
  }

  /** Batch normalisation without scale and offset (epsilon 1e-3), by running statistics. */
  batchNorm(name: string, x: Value): Value {
    const c = this.channels(x);
    const mean = this.weight(`${name}.running_mean`, [c], 'zeros');
    const variance = this.weight(`${name}.running_var`, [c], 'ones');
    const one = this.b.constant(float32([c], new Float32Array(c).fill(1)));
    const zero = this.b.constant(zeros('float32', [c]));
    return this.b.op(
      'BatchNormalization',
      [x, one, zero, mean, variance],
      { epsilon: { float: 1e-3 } },
      { name },
    );
  }

  /** Layer normalisation over channels at each pixel, with scale and offset (NAFNet's LayerNorm2d). */
  layerNorm(name: string, x: Value): Value {
    const { b } = this;
    const c = this.channels(x);
    const centred = b.sub(x, b.mean(x, [1]));
    const variance = b.mean(b.mul(centred, centred), [1]);
    const normal = b.div(centred, b.sqrt(b.add(variance, b.scalar(1e-6))));
    return b.add(
      b.mul(normal, this.weight(`${name}.gain.weight`, [1, c, 1, 1], 'ones')),
      this.weight(`${name}.bias`, [1, c, 1, 1], 'zeros'),
    );
  }

  /** Half as large by 2x2 means. */
  pool(x: Value): Value {
    return this.b.op('AveragePool', [x], { kernel_shape: [2, 2], strides: [2, 2] });
  }

  /** Twice as large, bilinear. */
  upsample(x: Value): Value {
    const scales = this.b.constant(float32([4], [1, 1, 2, 2]));
    return this.b.op('Resize', [x, '', scales], {
      mode: 'linear',
      coordinate_transformation_mode: 'half_pixel',
    });
  }
}
