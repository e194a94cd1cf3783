import type { z } from 'zod';
import type { Dataset } from '../../data/dataset.ts';
import type { Denoiser, Embedder } from '../../diffusion/info.ts';
import { embed } from '../../embedding/embed.ts';
import type { Embedding, EmbedOptions } from '../../embedding/embedding.ts';
import type { RecipeName } from '../../embedding/recipes.ts';
import { decode } from '../../embedding/sampling.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { normals } from '../../tensor/random.ts';
import { average, meanSquaredErrors } from '../../tensor/statistics.ts';
import { type Floats, takeRows } from '../../tensor/tensor.ts';
import type { Findings, Measured, SheetPicture } from './claims.ts';
import { type Means, meansOf } from './means.ts';

/** The data sets that experiments look at, with the model whose seeds stand for each set. */
export const SUBJECTS = {
  'fashion-mnist': { model: 'fashion-mnist', title: 'Fashion-MNIST' },
  mnist: { model: 'mnist-small', title: 'MNIST' },
  cifar10: { model: 'cifar10-small', title: 'CIFAR-10' },
} as const;
export type Subject = keyof typeof SUBJECTS;

/** How large experiments are. */
export interface Sizes {
  /** Test images of a table. */
  readonly table: number;
  /** Pictures that have a cloud, and seeds of each. */
  readonly clouds: { readonly pictures: number; readonly seeds: number };
  /** Seeds or images of other measurements. */
  readonly sample: number;
  /** The same of the small clouds that descent finds, and how it does. */
  readonly descent: {
    readonly pictures: number;
    readonly seeds: number;
    readonly recipe: RecipeName;
    readonly iterations: number;
  };
  /** Steps that train a denoiser in the plane. */
  readonly plane: number;
  /** Pictures shown in a row. */
  readonly shown: number;
}

/** What takes minutes on two cores, and the sizes of the paper. */
export const SIZES = {
  default: {
    table: 1000,
    clouds: { pictures: 20, seeds: 64 },
    sample: 100,
    descent: { pictures: 10, seeds: 4, recipe: 'seedbed', iterations: 200 },
    plane: 3000,
    shown: 8,
  },
  full: {
    table: 10_000,
    clouds: { pictures: 20, seeds: 2000 },
    sample: 1000,
    descent: { pictures: 10, seeds: 16, recipe: 'code', iterations: 1500 },
    plane: 20_000,
    shown: 8,
  },
} as const satisfies Record<string, Sizes>;

/** Seeds of one picture, and what they grow. */
export interface SeedCloud {
  /** By which work on it is kept: the subject, the method, which picture. */
  readonly name: string;
  readonly model: Denoiser;
  /** Which of the test pictures it is of. */
  readonly index: number;
  /** The picture, [1, C, H, W] in [0,1]. */
  readonly image: Floats;
  /** [K, ...shape] */
  readonly latent: Floats;
  /** [K, C, H, W] in [0,1]. */
  readonly pictures: Floats;
  /** Mean squared error of each picture. */
  readonly errors: readonly number[];
  /** Network evaluations per seed, mean. */
  readonly evaluations: number;
}

/** What an experiment is given: models, data, and work that several share. */
export interface Lab {
  readonly runtime: Runtime;
  readonly sizes: Sizes;
  readonly rng: number;
  readonly signal?: AbortSignal | undefined;
  /** Told how far a piece of work has come. @throws {SeedbedError} Interrupted when it is to stop. */
  report?(done: number, total: number): void;
  /** Whether a model or a data set is at hand, of those that an experiment can do without. */
  has(what: string): boolean;
  /** A denoiser by its name, such as `mnist-small-se`. */
  denoiser(name: string): Promise<Denoiser>;
  /** An embedding network by its name, such as `fashion-mnist-embedder`. */
  embedder(name: string): Promise<Embedder>;
  /** A data set, or a folder of pictures made to fit the shape [C, H, W] that is given. */
  data(name: string, split: 'train' | 'test', shape?: readonly number[]): Promise<Dataset>;
  /** Does work of that name, one experiment at a time, in a folder which is kept until all is done, so that it can go on. */
  inScratch<T>(name: string, work: (folder: string) => Promise<T>): Promise<T>;
  /** What several experiments share: made once, and kept until all is done. @param schema what a kept file has to hold. */
  kept<T>(name: string, schema: z.ZodType<T>, make: () => Promise<T>): Promise<T>;
  /**
   * Does work on each of a subject's first test pictures, at first on those that no other experiment is at, so that one finds
   * what the other will read; what it gives, in the pictures' order.
   */
  eachPicture<T>(subject: Subject, count: number, work: (index: number) => Promise<T>): Promise<T[]>;
  /** Seeds of a test picture of a subject: `sizes.clouds.seeds` of them by `auto`, or a few by descent (`sizes.descent`). */
  cloud(subject: Subject, index: number, method?: 'auto' | 'descent'): Promise<SeedCloud>;
}

/** A figure, table or claim of the paper in two halves: what is measured, and what is said of it. */
export interface Experiment<Numbers = unknown> {
  /** As the command knows it: `fig12`. */
  readonly name: string;
  readonly title: string;
  /** Models and data sets that it cannot do without: `mnist-small`, `data:mnist`. */
  readonly needs: readonly string[];
  /** It takes times: nothing else may run beside it. */
  readonly timed?: true;
  /** Runs networks. */
  measure(lab: Lab): Promise<Measured<Numbers>>;
  /** Pure: the numbers may come from a file that `measure` filled long ago. */
  report(numbers: Numbers): Findings;
}

/** An experiment whose halves agree on their numbers, as the compiler sees. */
export function experiment<Numbers>(halves: Experiment<Numbers>): Experiment<Numbers> {
  return halves;
}

/** A subject's title, and the model that stands for it. */
export interface Named {
  readonly title: string;
  readonly model: string;
}

/** What is measured of each subject whose model and data are at hand, one after the other. */
export async function perSubject<Numbers>(
  lab: Lab,
  measure: (subject: Subject, title: string) => Promise<Measured<Numbers>>,
  order = Object.keys(SUBJECTS) as readonly Subject[],
): Promise<{ numbers: readonly (Numbers & Named)[]; sheets: readonly SheetPicture[] }> {
  const numbers: (Numbers & Named)[] = [];
  const sheets: SheetPicture[] = [];
  for (const subject of order) {
    const { model, title } = SUBJECTS[subject];
    if (!lab.has(model) || !lab.has(`data:${subject}`)) continue;
    const found = await measure(subject, title);
    numbers.push({ ...found.numbers, title, model });
    sheets.push(...(found.sheets ?? []));
  }
  return { numbers, sheets };
}

/**
 * What is measured of the clouds of a subject's first test pictures: means over the pictures, which are independent of each
 * other as the seeds of one are not.
 */
export async function perCloud<F>(
  lab: Lab,
  subject: Subject,
  measure: (cloud: SeedCloud) => Promise<F>,
  pictures = lab.sizes.clouds.pictures,
): Promise<Means<F>> {
  const all = await lab.eachPicture(subject, pictures, async index =>
    measure(await lab.cloud(subject, index)),
  );
  return meansOf(all, lab.rng);
}

/** Seeds, embeddings and networks in work at once. */
export const BATCH = 16;

/** The pixels [n, C, H, W] that a denoiser grows from seeds. */
export function grow(lab: Lab, model: Denoiser, latent: Floats, batch = BATCH): Promise<Floats> {
  return decode(model, latent, {
    runtime: lab.runtime,
    batch,
    onProgress: (done, total) => lab.report?.(done, total),
  });
}

/** The seeds of pictures [n, C, H, W]. */
export function find(
  lab: Lab,
  model: Denoiser,
  images: Floats,
  options: EmbedOptions = {},
): Promise<Embedding> {
  return embed(model, images, {
    runtime: lab.runtime,
    batch: BATCH,
    rng: lab.rng,
    ...(lab.signal && { signal: lab.signal }),
    onProgress: ({ done, total }) => lab.report?.(Math.round(done), Math.round(total)),
    ...options,
  });
}

/** Random seeds [count, ...shape]; those of one purpose are the same for all models of one shape. */
export function randomSeeds(lab: Lab, model: Denoiser, count: number, purpose = 'sample'): Floats {
  return normals({ seed: lab.rng, purpose }, [count, ...model.info.shape]);
}

/** Random seeds [count, ...shape] to hold a cloud against, of each picture others. */
export function noiseFor(lab: Lab, { model, index }: SeedCloud, count: number, purpose: string): Floats {
  return randomSeeds(lab, model, count, `${purpose} ${index}`);
}

/** Pictures `from` to `to` of a data set, [n, C, H, W] in [0,1]. */
export function readPictures(data: Dataset, from: number, to: number): Promise<Floats> {
  return data.read(Array.from({ length: to - from }, (_, i) => from + i));
}

/** Squared error of each picture [n, C, H, W] against one picture [1, C, H, W]. */
export function errorsAgainst(grown: Floats, image: Floats): number[] {
  return meanSquaredErrors(grown, takeRows(image, new Uint8Array(grown.shape[0]!)));
}

/** The errors of what seeds grow against the picture of a cloud. */
export async function errorsOf(lab: Lab, cloud: SeedCloud, latent: Floats): Promise<number[]> {
  return errorsAgainst(await grow(lab, cloud.model, latent), cloud.image);
}

/** Their mean. */
export async function errorOf(lab: Lab, cloud: SeedCloud, latent: Floats): Promise<number> {
  return average(await errorsOf(lab, cloud, latent));
}
