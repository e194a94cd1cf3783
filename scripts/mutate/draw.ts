import { fillUniform } from '../../src/tensor/random.ts';

/** The random choices of one file: the same for the same (`--rng`, kind, number), whatever was drawn before. */
export class Draw {
  private readonly rng: number;
  private readonly kind: string;
  private readonly number: number;
  private readonly uniform = new Float64Array(64);
  private used = this.uniform.length;
  private block = 0;

  constructor(rng: number, kind: string, number: number) {
    this.rng = rng;
    this.kind = kind;
    this.number = number;
  }

  /** A whole number from 0 to `count` - 1. */
  below(count: number): number {
    if (this.used === this.uniform.length) {
      fillUniform(
        { seed: this.rng, purpose: `mutate ${this.kind}` },
        this.number,
        this.block++,
        this.uniform,
      );
      this.used = 0;
    }
    return Math.min(count - 1, Math.floor(this.uniform[this.used++]! * count));
  }

  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }
}

/** Numbers at which sizes, counts and offsets go wrong. */
export const EDGES: readonly bigint[] = [
  ...[0n, 1n, 2n, 3n, 5n, 0x7fn, 0x80n, 0xffn, 0x7fffn, 0xffffn, 100_000n],
  ...[2n ** 30n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n],
  ...[2n ** 40n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n],
  ...[-1n, -2n, -(2n ** 31n), -(2n ** 63n)],
];
