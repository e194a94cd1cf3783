import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Dataset, imagesInMemory } from '../../src/data/dataset.ts';
import type { Denoiser, Embedder } from '../../src/diffusion/info.ts';
import { createModel } from '../../src/diffusion/model.ts';
import type { Claim, Findings, SheetPicture } from '../../src/experiments/paper/claims.ts';
import {
  type Experiment,
  errorsAgainst,
  find,
  grow,
  type Lab,
  readPictures,
  type SeedCloud,
  type Sizes,
  SUBJECTS,
  type Subject,
} from '../../src/experiments/paper/lab.ts';
import { readNumbers, writeNumbers } from '../../src/experiments/paper/saved.ts';
import { GraphBuilder } from '../../src/graph/builder.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import { normals } from '../../src/tensor/random.ts';
import { average } from '../../src/tensor/statistics.ts';
import type { Floats } from '../../src/tensor/tensor.ts';

/** Both halves of an experiment, with its numbers written to JSON and read again in between. */
export async function run(
  experiment: Experiment,
  lab: Lab,
): Promise<Findings & { readonly sheets: readonly SheetPicture[] }> {
  const { numbers, sheets = [] } = await experiment.measure(lab);
  return { ...experiment.report(readNumbers(JSON.parse(writeNumbers(numbers)))), sheets };
}

/** Sizes at which an experiment takes a second. */
export const TOY: Sizes = {
  table: 24,
  clouds: { pictures: 2, seeds: 24 },
  sample: 12,
  descent: { pictures: 2, seeds: 4, recipe: 'seedbed', iterations: 20 },
  plane: 200,
  shown: 4,
};

export interface ToyParts {
  readonly denoisers?: Readonly<Record<string, Denoiser>>;
  readonly embedders?: Readonly<Record<string, Embedder>>;
  readonly data?: Readonly<Record<string, Dataset>>;
  readonly sizes?: Partial<Sizes>;
}

/** What a laboratory that has every denoiser lacks: a model of another shape, and trainings after the third. */
const BEYOND = /^anime64$|-([4-9]|1\d)$/;

/** A laboratory of oracles: every model and data set that an experiment asks for by name is one that is known in closed form. */
export async function toyLab({
  denoisers = {},
  embedders = {},
  data = {},
  sizes = {},
}: ToyParts): Promise<Lab> {
  const take = async <T>(of: Readonly<Record<string, T>>, name: string): Promise<T> => {
    const found = of[name] ?? of['*'];
    if (!found) throw new Error(`the toy laboratory has no ${name}`);
    return found;
  };
  const folder = mkdtempSync(join(tmpdir(), 'seedbed-lab-'));
  const lab: Lab = {
    runtime: await createRuntime({ threads: 1 }),
    sizes: { ...TOY, ...sizes },
    rng: 0,
    has: what =>
      what.startsWith('data:')
        ? what.slice(5) in data
        : what in denoisers || what in embedders || ('*' in denoisers && !BEYOND.test(what)),
    denoiser: name => take(denoisers, name),
    embedder: name => take(embedders, name),
    data: (name, split) => take(data, split === 'train' && `${name}:train` in data ? `${name}:train` : name),
    inScratch: (name, work) => work(join(folder, name)),
    kept: (name, _schema, make) => once(name, make),
    async eachPicture(_subject, count, work) {
      const all = [];
      for (let index = 0; index < count; index++) all.push(await work(index));
      return all;
    },
    cloud: (subject, index, method = 'auto') =>
      once(`${subject}-${method}-${index}`, () => seek(subject, index, method)),
  };
  const made = new Map<string, Promise<unknown>>();
  /** What several experiments share is made once, as in the laboratory of `reproduce`. */
  function once<T>(name: string, make: () => Promise<T>): Promise<T> {
    if (!made.has(name)) made.set(name, make());
    return made.get(name) as Promise<T>;
  }
  async function seek(subject: Subject, index: number, method: 'auto' | 'descent'): Promise<SeedCloud> {
    const model = await take(denoisers, SUBJECTS[subject].model);
    const image = await readPictures(await take(data, subject), index, index + 1);
    const starts = method === 'auto' ? lab.sizes.clouds.seeds : lab.sizes.descent.seeds;
    const found = await find(lab, model, image, { method, starts });
    return {
      name: `${subject}-${method}-${index}`,
      model,
      index,
      image,
      latent: found.latent,
      pictures: found.pictures,
      errors: found.results.map(({ mse }) => mse),
      evaluations: average(found.results.map(({ evaluations }) => evaluations)),
    };
  }
  return lab;
}

/** Pictures [n, C, H, W] in [0,1] as a data set, rounded to 8 bits. */
export function asDataset(name: string, shape: readonly number[], pixels: ArrayLike<number>): Dataset {
  return imagesInMemory(
    name,
    shape,
    Uint8Array.from(pixels, value => Math.round(255 * Math.min(1, Math.max(0, value)))),
  );
}

/** Pictures [n, 1, 8, 8] of round Gaussian data about grey, .5 + .2 sqrt(variance) n, kept within [0, 1]. */
export function gaussianPictures(name: string, count: number, variance: number): Dataset {
  const z = normals({ seed: 7, purpose: name }, [count, ...SHAPE]).data;
  return asDataset(
    name,
    SHAPE,
    z.map(value => 0.5 + 0.2 * Math.sqrt(variance) * value),
  );
}

/** The shape of toy pictures. */
export const SHAPE = [1, 8, 8];

/** An embedding network that multiplies pictures, standardised, by a factor: exact for a round Gaussian's sampler of gain 1 / factor. */
export function scalingEmbedder(denoiser: Denoiser, factor: number): Embedder {
  const { shape, range, padding, sampler } = denoiser.info;
  const b = new GraphBuilder('scaling');
  const x = b.input('x', 'float32', ['N', ...shape]);
  return createModel(b.build({ latent: b.mul(x, b.scalar(factor)) }), {
    seedbed: 1,
    kind: 'embedder',
    name: 'scaling',
    inputs: { image: 'x' },
    output: 'latent',
    shape,
    range,
    padding,
    sampler,
    denoiser: denoiser.hash,
  });
}

/** Clouds of made-up seeds so far: each has a name of its own, so that no work on one is taken for another's. */
let madeUp = 0;

/** A cloud of made-up seeds about one picture of a subject. */
export async function madeUpCloud(
  lab: Lab,
  model: Denoiser,
  image: Floats,
  latent: Floats,
  index = 0,
): Promise<SeedCloud> {
  const grown = await grow(lab, model, latent);
  return {
    name: `made-up-${++madeUp}`,
    model,
    index,
    image,
    latent,
    pictures: grown,
    errors: errorsAgainst(grown, image),
    evaluations: 0,
  };
}

/** The numbers of all claims by name, of two of one name that of the first. */
export function valuesIn(claims: readonly Pick<Claim, 'values'>[]): Readonly<Record<string, number>> {
  return Object.assign({}, ...[...claims].reverse().map(({ values }) => values));
}
