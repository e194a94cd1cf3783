/**
 * Pictures of seeds.
 * @module
 */
import { compareGrown, float32, interpolateSeeds, type SeedPath, sample } from 'seedbed';
import { modelOf, type Sampling, samplerOf } from './open.ts';
import { running } from './runtime.ts';
import { type Floats, type OnReport, watched, working } from './work.ts';

/** Seeds, and what they grow. */
export interface Grown {
  readonly latent: Floats;
  readonly pictures: Floats;
}

/** The pictures that seeds grow, [n, C, H, W]; of points, where they land. */
export async function grow(model: string, latent: Floats, sampling?: Sampling): Promise<Floats> {
  return (await samplerOf(model, latent.shape[0]!, sampling)).grow(latent);
}

/** The same as long work, evaluation by evaluation; with the seeds. */
export async function growSlowly(
  task: number,
  model: string,
  latent: Floats,
  report: OnReport,
): Promise<Grown> {
  return working(task, report, async ({ signal }) => {
    report({ doing: 'building graphs' });
    const { steps, batch, grow } = await samplerOf(model, latent.shape[0]!);
    const total = steps * Math.ceil(latent.shape[0]! / batch);
    let done = 0;
    const count = () => report({ doing: 'growing', done: Math.min(done++, total), total });
    return { latent, pictures: await grow(latent, { signal, report: count }) };
  });
}

/** The states that seeds are led through, standardised, the seeds first. */
export async function trajectories(model: string, latent: Floats, sampling?: Sampling): Promise<Floats[]> {
  return (await samplerOf(model, latent.shape[0]!, sampling)).trajectories(latent);
}

/** How a picture grows from a seed. */
export interface Growth {
  /** The states that the seed is led through, standardised, itself first: [T + 1, ...shape]. */
  readonly states: Floats;
  /** What the network believes the clean picture to be, in each state that it is asked in: [T, C, H, W]. */
  readonly clean: Floats;
}

/** How a picture grows from one seed [1, ...shape], step by step. */
export async function growth(task: number, model: string, latent: Floats, report: OnReport): Promise<Growth> {
  return working(task, report, async ({ signal }) => {
    const { steps, growth } = await samplerOf(model, 1);
    let done = 0;
    const count = () => report({ doing: 'growing', done: Math.min(done++, steps), total: steps });
    const { states, clean } = await growth(latent, { signal, report: count });
    return { states: stacked(states), clean: stacked(clean) };
  });
}

/** Tensors [1, ...] as one. */
function stacked(all: readonly Floats[]): Floats {
  return float32(
    [all.length, ...all[0]!.shape.slice(1)],
    all.flatMap(({ data }) => [...data]),
  );
}

/** Seeds on the way from one to another, and what they grow: `count` of each, both ends among them. */
export async function walk(
  task: number,
  model: string,
  [from, to]: readonly [Floats, Floats],
  path: SeedPath,
  count: number,
  report: OnReport,
): Promise<Grown> {
  const seeds = Array.from({ length: count }, (_, i) => interpolateSeeds(from, to, i / (count - 1), path));
  return growSlowly(task, model, stacked(seeds), report);
}

/** Pictures that grow from random seeds, and the seeds. */
export async function sampled(
  task: number,
  model: string,
  count: number,
  rng: number,
  report: OnReport,
): Promise<Grown> {
  return working(task, report, async watch =>
    sample(await modelOf(model), { count, rng, runtime: watched(await running(), watch) }),
  );
}

/** How near the pictures of one model come to those that another grows from the same seeds. */
export async function compare(a: Floats, b: Floats): Promise<ReturnType<typeof compareGrown>> {
  return compareGrown(a, b);
}
