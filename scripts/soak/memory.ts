import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes that this process holds once garbage is collected, buffers outside of the heap included. */
export async function kept(): Promise<number> {
  // Buffers are given back once their owners are, in a turn of their own.
  for (let turn = 0; turn < 3; turn++) {
    collect();
    await new Promise(resolve => setImmediate(resolve));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** What came of working for long. */
export interface Soaked {
  readonly what: string;
  /** How much was done. */
  readonly how: string;
  /** What was measured. */
  readonly memory: string;
  /** Bytes after the warm-up, and at the end. */
  readonly warm: number;
  readonly last: number;
  /** The largest rise above the memory after the warm-up, as a part of it. */
  readonly growth: number;
  readonly isFlat: boolean;
}

/** The part of all samples during which caches fill and the machine's code is made. */
export const WARM_UP = 0.2;
/** How far memory may rise after that. */
export const MOST_GROWTH = 0.05;
const PARTS = 10;

/** Judges samples of memory, in bytes, evenly spread over the work. @throws {Error} when there are too few. */
export function judge(what: string, how: string, memory: string, samples: readonly number[]): Soaked {
  const counted = samples.slice(Math.floor(WARM_UP * samples.length));
  if (counted.length < PARTS)
    throw new Error(`${what}: ${samples.length} samples are too few to judge; do more of it`);
  const medians = Array.from({ length: PARTS }, (_, i) => {
    const [from, to] = [i, i + 1].map(part => Math.floor((part * counted.length) / PARTS));
    const part = counted.slice(from, to).sort((a, b) => a - b);
    return part[part.length >> 1]!;
  });
  const warm = medians[0]!;
  const growth = Math.max(...medians) / warm - 1;
  return { what, how, memory, warm, last: medians.at(-1)!, growth, isFlat: growth <= MOST_GROWTH };
}
