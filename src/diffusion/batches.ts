import { padImages, type Standardisation, standardise } from '../data/pixels.ts';
import { permutation } from '../tensor/random.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** Data as a network sees it: padded and standardised. */
export function prepare(
  pixels: Tensor<'float32'>,
  padding: number,
  range: Standardisation,
): Tensor<'float32'> {
  return standardise(padding > 0 ? padImages(pixels, padding) : pixels, range);
}

/**
 * Random batches addressed by step: each epoch is a fresh order of all items, and batches run on across
 * epochs.
 */
export class Batches {
  private readonly length: number;
  private readonly seed: number;
  private readonly batch: number;
  private orders = new Map<number, Uint32Array>();

  constructor(length: number, seed: number, batch: number) {
    this.length = length;
    this.seed = seed;
    this.batch = batch;
  }

  /** Indices of the items of step 0, 1, ... */
  indices(step: number): number[] {
    return Array.from({ length: this.batch }, (_, i) => {
      const at = step * this.batch + i;
      return this.order(Math.floor(at / this.length))[at % this.length]!;
    });
  }

  private order(epoch: number): Uint32Array {
    const known = this.orders.get(epoch);
    if (known) return known;
    const order = permutation({ seed: this.seed, purpose: 'data order' }, this.length, epoch);
    this.orders = new Map([...this.orders].filter(([e]) => e === epoch - 1).concat([[epoch, order]]));
    return order;
  }
}
