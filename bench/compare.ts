import { median } from '../src/tensor/statistics.ts';
import { Peer } from './peer.ts';
import { type Compared, type Comparison, PRODUCT_SIZE, type Setting, type Side, unitsOf } from './results.ts';

/** A program that takes part, and what it may be set to. */
export interface Contender {
  readonly name: string;
  readonly command: readonly string[];
  readonly forms: readonly string[];
  /** In rising order. */
  readonly batches: readonly number[];
}

export interface Effort {
  /** Repeats of the interleaved runs. */
  readonly repeats: number;
  /** Least seconds a run. */
  readonly seconds: number;
}

/** Steps before any that is timed: the first ones lay out their memory. */
const WARM_UP = 3;
const UNITS = { sampling: 'evaluations/s', descent: 'seeds/s', denoiser: 'images/s', embedder: 'images/s' };

/**
 * Compares programs on one task: each finds its best setting alone; then fresh processes at these settings run by
 * turns, A B A B, so that all see the same machine, and between them a matrix product that says what it can do.
 * @param contenders Seedbed first; @param product the command of the matrix product's process.
 * @param onMissing told of a rival that cannot take part, or does other work than Seedbed.
 */
export async function compare(
  task: Compared,
  contenders: readonly Contender[],
  product: readonly string[],
  effort: Effort,
  onMissing: (program: string, why: string) => void,
): Promise<Comparison> {
  const searches: Search[] = [];
  for (const [i, contender] of contenders.entries()) {
    try {
      searches.push(await findBest(task, contender, effort));
    } catch (error) {
      if (i === 0) throw error;
      onMissing(contender.name, (error as Error).message);
    }
  }
  const peers: Peer[] = [];
  try {
    const racers = [];
    let flopsPerUnit = 0;
    for (const [i, { command, best, rate }] of searches.entries()) {
      const peer = await Peer.start(command);
      peers.push(peer);
      await peer.prepare(task, best);
      await peer.run(WARM_UP);
      const { flops } = await peer.run(1);
      const units = unitsOf(task, best.batch);
      if (i === 0) flopsPerUnit = flops / units;
      racers.push({ peer, units, steps: stepsFor(effort.seconds, units / rate), rates: [] as number[] });
    }
    const machine = await Peer.start(product);
    peers.push(machine);
    await machine.prepare('product', { batch: PRODUCT_SIZE, form: '' });
    const { seconds, flops } = await machine.run(1);
    const products = {
      peer: machine,
      units: flops,
      steps: stepsFor(effort.seconds / 4, seconds),
      rates: [] as number[],
    };
    for (let repeat = 0; repeat < effort.repeats; repeat++) {
      for (const { peer, units, steps, rates } of [products, ...racers])
        rates.push((units * steps) / (await peer.run(steps)).seconds);
    }
    const sides: Side[] = [];
    for (const [i, { peer, rates }] of racers.entries()) {
      const { best, tried } = searches[i]!;
      sides.push({ name: peer.name, best, tried, rates, peakBytes: await peer.peakBytes() });
    }
    return { task, unit: UNITS[task], sides, flopsPerUnit, products: products.rates };
  } finally {
    await Promise.all(peers.map(peer => peer.stop()));
  }
}

interface Search {
  readonly command: readonly string[];
  readonly best: Setting;
  readonly rate: number;
  readonly tried: readonly (Setting & { readonly rate: number })[];
}

/** Tries all forms at the middle batch size, then all batch sizes in the best form. */
async function findBest(
  task: Compared,
  { command, forms, batches }: Contender,
  { seconds }: Effort,
): Promise<Search> {
  const peer = await Peer.start(command);
  const tried: (Setting & { rate: number })[] = [];
  const attempt = async (setting: Setting) => {
    await peer.prepare(task, setting);
    await peer.run(WARM_UP);
    const steps = stepsFor(seconds / 2, (await peer.run(1)).seconds);
    const units = steps * unitsOf(task, setting.batch);
    tried.push({ ...setting, rate: units / (await peer.run(steps)).seconds });
  };
  const fastest = () => tried.reduce((best, other) => (other.rate > best.rate ? other : best));
  try {
    const middle = batches[Math.floor(batches.length / 2)]!;
    for (const form of forms) await attempt({ batch: middle, form });
    const { form } = fastest();
    for (const batch of batches.filter(size => size !== middle)) await attempt({ batch, form });
  } finally {
    await peer.stop();
  }
  const { batch, form, rate } = fastest();
  return { command, best: { batch, form }, rate, tried };
}

function stepsFor(seconds: number, secondsPerStep: number): number {
  return Math.max(1, Math.round(seconds / secondsPerStep));
}

/** The ratio of Seedbed's rate to a rival's in each repeat, sorted. */
export function ratios(comparison: Comparison, rival: Side): { low: number; middle: number; high: number } {
  const each = comparison.sides[0]!.rates.map((rate, i) => rate / rival.rates[i]!);
  return { low: Math.min(...each), middle: median(each), high: Math.max(...each) };
}

/** The share of the machine's matrix product rate at which a side worked. */
export function shareOfPeak(comparison: Comparison, side: Side): number {
  const each = side.rates.map((rate, i) => (rate * comparison.flopsPerUnit) / comparison.products[i]!);
  return median(each);
}
