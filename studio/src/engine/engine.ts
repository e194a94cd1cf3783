/**
 * What the studio asks of Seedbed's library, in a worker of its own: building graphs takes a while, and the page stays quick.
 * @module
 */
import {
  cloudStatistics,
  compareGrown,
  curvePoints,
  type Denoiser,
  type DenoiserRecipe,
  embed,
  encodePng,
  float32,
  interpolateSeeds,
  type Method,
  marchenkoPastur,
  methodNeeds,
  naturalness,
  openSampler,
  principalComponents,
  ratesAt,
  readPicture,
  readSeeds,
  SCHEDULES,
  SeedbedError,
  type SeedPath,
  type SeedResult,
  sample,
  type Tensor,
  trainDenoiser,
  writeNpy,
  writeSeeds,
} from 'seedbed';
import {
  describe,
  embedderOf,
  keep,
  type ModelCard,
  modelOf,
  running,
  type Sampling,
  type ScheduleName,
  samplerOf,
} from './open.ts';

export { begin, type Device, describe, type ModelCard, openModel, type ScheduleName } from './open.ts';

export type Floats = Tensor<'float32'>;

/** How far a task has come, in its own units; `shown` is what it has by then. */
export interface Report {
  readonly done: number;
  readonly total: number;
  readonly loss?: number;
  readonly shown?: { readonly latent: Floats; readonly pictures: Floats };
  readonly landed?: Floats;
}
export type OnReport = (report: Report) => void;

export interface EmbedRequest {
  readonly model: string;
  /** [n, C, H, W] */
  readonly images: Floats;
  readonly method: Method;
  /** Of descent; the recipe's own unless given. */
  readonly iterations?: number | undefined;
  /** The dial of Edit, in place of `method`. */
  readonly naturalness?: number | undefined;
  readonly starts?: number | undefined;
  readonly firstStart?: number | undefined;
  /** What the pictures were before they were changed: they keep its noise. */
  readonly noiseOf?: Floats | undefined;
  /** Show seeds and pictures on the way, so many times a second. */
  readonly live?: number | undefined;
}

export interface Found {
  readonly latent: Floats;
  readonly pictures: Floats;
  readonly results: readonly SeedResult[];
}

const tasks = new Map<number, AbortController>();

/** Ends all tasks, each before its next step. */
export function cancelAll(): void {
  for (const controller of tasks.values()) controller.abort();
}

/** Ends a task before its next step. */
export function cancel(task: number): void {
  tasks.get(task)?.abort();
}

async function cancellable<T>(task: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  tasks.set(task, controller);
  try {
    return await work(controller.signal);
  } finally {
    tasks.delete(task);
  }
}

/** Reads a picture as a model takes it, [1, C, H, W] in [0,1], and says what was done to it. */
export async function picture(
  source: Blob | string,
  model: string,
): Promise<{ readonly pixels: Floats; readonly changes: readonly string[] }> {
  const changes: string[] = [];
  const pixels = await readPicture(source, await modelOf(model), {
    onChanges: told => changes.push(...told),
  });
  return { pixels, changes };
}

/** The pictures that seeds grow, [n, C, H, W]; of points, where they land. */
export async function grow(model: string, latent: Floats, sampling?: Sampling): Promise<Floats> {
  return (await samplerOf(model, latent.shape[0]!, sampling)).grow(latent);
}

/** The states that seeds are led through, standardised, the seeds first. */
export async function trajectories(model: string, latent: Floats, sampling?: Sampling): Promise<Floats[]> {
  return (await samplerOf(model, latent.shape[0]!, sampling)).trajectories(latent);
}

/** Finds seeds; reports its progress, and what it has by then. */
export async function seek(task: number, request: EmbedRequest, report: OnReport): Promise<Found> {
  return cancellable(task, async signal => {
    const model = await modelOf(request.model);
    const { method, inversion } =
      request.naturalness === undefined
        ? { method: request.method, inversion: undefined }
        : naturalness(request.naturalness, model.info.sampler.steps);
    const { embedder, recipe } = methodNeeds(method);
    let [shownAt, progress] = [performance.now(), { done: 0, total: 1, loss: 0 }];
    const interval = 1000 / (request.live ?? 1);
    const { latent, pictures, results } = await embed(model, request.images, {
      ...{ method, inversion, signal, runtime: await running() },
      embedder: embedder ? await embedderOf(request.model) : undefined,
      ...(recipe && { recipe: { ...recipe, iterations: request.iterations ?? recipe.iterations } }),
      ...{ starts: request.starts, firstStart: request.firstStart, noiseOf: request.noiseOf },
      onProgress(now) {
        progress = now;
        report(now);
      },
      ...(recipe &&
        request.live && {
          journal: {
            read: async () => undefined,
            due: () => performance.now() - shownAt > interval,
            finished: async () => undefined,
            finish: async () => {},
            async write(_, { latent }) {
              report({ ...progress, shown: { latent, pictures: await grow(request.model, latent) } });
              shownAt = performance.now();
            },
          },
        }),
    });
    return { latent, pictures, results };
  });
}

/** Seeds on the way from one to another, and what they grow: `count` of each, both ends among them. */
export async function walk(
  model: string,
  [from, to]: readonly [Floats, Floats],
  path: SeedPath,
  count: number,
): Promise<{ latent: Floats; pictures: Floats }> {
  const seeds = Array.from({ length: count }, (_, i) => interpolateSeeds(from, to, i / (count - 1), path));
  const latent = float32(
    [count, ...from.shape.slice(1)],
    seeds.flatMap(({ data }) => [...data]),
  );
  return { latent, pictures: await grow(model, latent) };
}

export interface CloudAnalysis {
  readonly statistics: ReturnType<typeof cloudStatistics>;
  readonly mean: Floats;
  readonly variances: readonly number[];
  /** [K, ...shape] */
  readonly components: Floats;
  /** Variances that isotropic noise of the cloud's own variance would show. */
  readonly noise: readonly number[];
}

/** Measures a cloud: its correlation, and its principal components beside those of noise. */
export async function analyse(seeds: Floats): Promise<CloudAnalysis> {
  const [count = 0, ...shape] = seeds.shape;
  const dims = shape.reduce((product, dim) => product * dim, 1);
  const statistics = cloudStatistics(seeds);
  const { mean, variances, components } = principalComponents(seeds);
  const total = variances.reduce((sum, value) => sum + value, 0);
  const noise = marchenkoPastur(count, dims, total / dims);
  return {
    statistics,
    mean: float32([1, ...shape], mean.data),
    variances: [...variances],
    components,
    noise: [...noise.expected],
  };
}

/** Pictures that grow from random seeds, and the seeds. */
export async function sampled(
  model: string,
  count: number,
  rng: number,
): Promise<{ latent: Floats; pictures: Floats }> {
  return sample(await modelOf(model), { count, rng, runtime: await running() });
}

/** How near the pictures of one model come to those that another grows from the same seeds. */
export async function compare(a: Floats, b: Floats): Promise<ReturnType<typeof compareGrown>> {
  return compareGrown(a, b);
}

/** Points about circles or moons, [n, 2]. */
export async function points(curve: 'circles' | 'moons', count: number): Promise<Floats> {
  return curvePoints(curve, count);
}

/** The signal rates of a schedule at evenly spaced times from 0 to 1. */
export async function signalRates(schedule: ScheduleName, count: number): Promise<number[]> {
  return Array.from({ length: count }, (_, i) => ratesAt(SCHEDULES[schedule], i / (count - 1)).signalRate);
}

/** The key of the denoiser of points, of which there is one at a time. */
const POINTS = 'points';

/** Trains a denoiser of points in the plane, and shows on the way where seeds land. */
export async function train(
  task: number,
  points: Floats,
  recipe: DenoiserRecipe,
  seeds: Floats,
  report: OnReport,
): Promise<ModelCard & { mean: readonly number[]; std: readonly number[] }> {
  return cancellable(task, async signal => {
    let [shownAt, showing] = [performance.now(), Promise.resolve()];
    const show = async (model: Denoiser, told: Report) => {
      const sampler = await openSampler(model, { runtime: await running(), batch: seeds.shape[0]! });
      report({ ...told, landed: await sampler.grow(seeds) });
      await sampler.dispose();
    };
    try {
      const model = await trainDenoiser(points, recipe, {
        ...{ name: 'points', signal, runtime: await running() },
        onProgress({ step, steps, loss, model }) {
          const now = performance.now();
          if (now - shownAt < 300) return;
          shownAt = now;
          const current = model();
          showing = showing.then(() => show(current, { done: step, total: steps, loss }));
        },
      });
      await keep(POINTS, model);
      const { mean, std } = model.info.range;
      return { ...(await describe(POINTS)), mean, std };
    } finally {
      // What is shown on the way uses the runtime, which may be changed after this.
      await showing.catch(() => {});
    }
  });
}

/** Seeds of a file, and where they are from: unknown of a bare array. */
export interface OpenedSeeds {
  readonly latent: Floats;
  /** In words. */
  readonly from: string;
  readonly pictures: readonly string[];
  readonly method: Readonly<Record<string, unknown>>;
}

/** The bytes of a seed file, which says where its seeds are from; or of a bare .npy array. */
export async function seedFile(
  model: string,
  { latent, method, pictures }: Pick<OpenedSeeds, 'latent' | 'method' | 'pictures'>,
  format: 'safetensors' | 'npy',
): Promise<Uint8Array> {
  if (format === 'npy') return writeNpy(latent);
  const { hash, info } = await modelOf(model);
  return writeSeeds(latent, {
    ...{ model: hash, sampler: info.sampler, rng: 0, createdBy: 'seedbed studio' },
    method,
    images: pictures.map(name => ({ name })),
  });
}

/** Reads a seed file for a model, and says when it is another's. */
export async function openSeeds(file: File, model: string): Promise<OpenedSeeds> {
  const { latent, pair, provenance } = readSeeds(new Uint8Array(await file.arrayBuffer()), file.name);
  const { hash, info } = await modelOf(model);
  if (latent.shape.slice(1).join() !== info.shape.join())
    throw new SeedbedError(
      'BadShape',
      `${file.name} holds seeds [${latent.shape.slice(1)}]; ${info.name} grows seeds [${info.shape}]`,
    );
  if (pair)
    throw new SeedbedError(
      'Unsupported',
      `${file.name} holds pairs of states; grow them with: npx seedbed decode ${file.name}`,
    );
  if (provenance && provenance.model !== hash)
    throw new SeedbedError(
      'Mismatch',
      `${file.name} holds seeds of another model (${provenance.model.slice(0, 12)}); open that model first`,
    );
  const pictures = provenance?.images.map(({ name }) => name) ?? [];
  const method = provenance?.method ?? { name: 'unknown' };
  return { latent, from: pictures.join(', ') || file.name, pictures, method };
}

/** Reads seeds that ship with the studio. */
export async function fetchSeeds(address: string): Promise<Floats> {
  const response = await fetch(address);
  return readSeeds(new Uint8Array(await response.arrayBuffer()), address).latent;
}

/** The PNG file of a picture [C, H, W] in [0,1]. */
export async function png(pixels: Floats): Promise<Uint8Array> {
  return encodePng(pixels);
}
