/**
 * What the studio asks of Seedbed's library, in a worker of its own: building graphs takes a while, and the page stays quick.
 * @module
 */
import {
  cloudStatistics,
  compareGrown,
  createRuntime,
  curvePoints,
  type Denoiser,
  type DenoiserRecipe,
  type Embedder,
  embed,
  encodePng,
  float32,
  importDenoiser,
  interpolateSeeds,
  loadEmbedder,
  loadModel,
  type Method,
  marchenkoPastur,
  naturalness,
  openSampler,
  parseForeignInfo,
  parseModel,
  pictureShape,
  principalComponents,
  RECIPES,
  type Runtime,
  ratesAt,
  readModel,
  readPicture,
  readSeeds,
  type SamplerSession,
  SCHEDULES,
  SeedbedError,
  type SeedPath,
  type SeedResult,
  SHIPPED_DENOISER,
  SHIPPED_EMBEDDER,
  sample,
  type Tensor,
  trainDenoiser,
  writeNpy,
  writeSeeds,
} from 'seedbed';

export type Floats = Tensor<'float32'>;
export type Device = 'wasm' | 'webgpu';
export type ScheduleName = keyof typeof SCHEDULES;

/** What the page knows of a model. */
export interface ModelCard {
  /** By which it is asked for. */
  readonly key: string;
  readonly name: string;
  readonly hash: string;
  /** Of the seeds, [C, H, W] or [D]. */
  readonly shape: readonly number[];
  /** Of the pictures, without the padding. */
  readonly picture: readonly number[];
  readonly steps: number;
  readonly schedule: string;
  readonly weights: number;
  readonly hasEmbedder: boolean;
}

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
  /** Show seeds and pictures on the way, so many times a second. */
  readonly live?: number | undefined;
}

export interface Found {
  readonly latent: Floats;
  readonly pictures: Floats;
  readonly results: readonly SeedResult[];
}

/** How a sampler is changed for a while: another number of steps, another schedule of noise. */
export interface Sampling {
  readonly steps?: number | undefined;
  readonly schedule?: ScheduleName | undefined;
}

/** Networks that ship with the studio, beside the one that all rooms begin with. */
const NETWORKS: Readonly<Record<string, URL>> = {
  'fashion-mnist': SHIPPED_DENOISER,
  'fashion-mnist-32-64-128': new URL(
    '../../../models/reproduction/fashion-mnist-32-64-128.onnx',
    import.meta.url,
  ),
  'fashion-mnist-small-se': new URL(
    '../../../models/reproduction/fashion-mnist-small-se.onnx',
    import.meta.url,
  ),
};

/** The largest file that a page is asked to hold: WebAssembly addresses 4 GiB, and a network is there several times. */
const LARGEST_MODEL = 600 * 2 ** 20;

let runtime: Promise<Runtime>;
const models = new Map<string, Promise<Denoiser>>();
const embedders = new Map<string, Promise<Embedder>>();
const samplers = new Map<string, Promise<SamplerSession>>();
const running = new Map<number, AbortController>();

/** Chooses where networks run, anew when it has run elsewhere before. */
export async function begin(device: Device | undefined): Promise<{ device: string; threads: number }> {
  const before = runtime;
  runtime = createRuntime(device ? { device } : {});
  samplers.clear();
  const started = await runtime;
  await before?.then(old => old.dispose()).catch(() => {});
  const threads = globalThis.crossOriginIsolated ? navigator.hardwareConcurrency : 1;
  return { device: started.device, threads };
}

/** Ends a task before its next step. */
export function cancel(task: number): void {
  running.get(task)?.abort();
}

async function cancellable<T>(task: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  running.set(task, controller);
  try {
    return await work(controller.signal);
  } finally {
    running.delete(task);
  }
}

function modelOf(key: string): Promise<Denoiser> {
  const known = models.get(key);
  if (known) return known;
  const source = NETWORKS[key];
  if (!source)
    throw new SeedbedError('BadArgument', `there is no model '${key}' in this page; open its file again`);
  return remembered(models, key, loadModel(source));
}

/** Keeps a promise by its key, unless it fails. */
function remembered<T>(kept: Map<string, Promise<T>>, key: string, made: Promise<T>): Promise<T> {
  kept.set(key, made);
  made.catch(() => kept.delete(key));
  return made;
}

/** The embedder that was trained for a denoiser, where there is one. */
async function embedderOf(key: string): Promise<Embedder | undefined> {
  if (key === 'fashion-mnist' && !embedders.has(key))
    remembered(embedders, key, loadEmbedder(SHIPPED_EMBEDDER));
  return embedders.get(key);
}

/** What is known of a model; loads it. */
export async function describe(key: string): Promise<ModelCard> {
  const model = await modelOf(key);
  const { name, shape, sampler, schedule } = model.info;
  return {
    ...{ key, name, hash: model.hash, shape, picture: pictureShape(model), steps: sampler.steps },
    schedule: schedule.kind,
    weights: [...model.graph.initializers.values()].reduce((sum, { data }) => sum + data.length, 0),
    hasEmbedder: (await embedderOf(key)) !== undefined,
  };
}

/** Takes up a model of one's own: a file that Seedbed wrote, or any ONNX file with its description. */
export async function openModel(file: File, description?: File): Promise<ModelCard> {
  if (file.size > LARGEST_MODEL) {
    const megabytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MB`;
    throw new SeedbedError(
      'Unsupported',
      `${file.name} is ${megabytes(file.size)} large; a page can work with ${megabytes(LARGEST_MODEL)}. On the command line there is no such limit: npx seedbed embed --model ${file.name} picture.png`,
    );
  }
  if (description) {
    const info = parseForeignInfo(jsonOf(await description.text(), description.name), description.name);
    const graph = parseModel(new Uint8Array(await file.arrayBuffer()), file.name);
    return taken(importDenoiser(graph, info, new Map(), file.name));
  }
  const opened = readModel(new Uint8Array(await file.arrayBuffer()), file.name);
  if (opened.info.kind === 'denoiser') return taken(opened as Denoiser);
  const { denoiser } = opened.info;
  for (const [key, model] of models) {
    if ((await model).hash !== denoiser) continue;
    embedders.set(key, Promise.resolve(opened as Embedder));
    return describe(key);
  }
  throw new SeedbedError(
    'Mismatch',
    `${file.name} is an embedder of a denoiser that is not open here; open its denoiser first`,
  );
}

function jsonOf(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new SeedbedError(
      'BadFile',
      `${name} is not JSON; it should describe the model (docs/bring-your-own-model.md)`,
    );
  }
}

function taken(model: Denoiser): Promise<ModelCard> {
  const key = model.hash.slice(0, 12);
  models.set(key, Promise.resolve(model));
  return describe(key);
}

/** Reads a picture as a model takes it, [1, C, H, W] in [0,1]. */
export async function picture(source: Blob | string, model: string): Promise<Floats> {
  return readPicture(source, await modelOf(model));
}

/** A session that grows seeds, kept until the device changes. */
async function samplerOf(key: string, count: number, sampling: Sampling = {}): Promise<SamplerSession> {
  const { shape } = (await modelOf(key)).info;
  // Networks of points are so small that what takes time is each call.
  const batch = shape.length === 1 ? count : count >= 16 ? 16 : count > 1 ? 4 : 1;
  const name = JSON.stringify([key, batch, sampling]);
  const known = samplers.get(name);
  if (known) return known;
  const open = async () => {
    const model = await modelOf(key);
    const { steps: samplerSteps, schedule } = sampling;
    const changed = schedule ? { ...model, info: { ...model.info, schedule: SCHEDULES[schedule] } } : model;
    return openSampler(changed, { runtime: await runtime, samplerSteps, batch });
  };
  return remembered(samplers, name, open());
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
    const descends = method.endsWith('descent');
    const recipe = method === 'descent' ? RECIPES.seedbed : RECIPES.refine;
    let [shownAt, progress] = [performance.now(), { done: 0, total: 1, loss: 0 }];
    const interval = 1000 / (request.live ?? 1);
    const { latent, pictures, results } = await embed(model, request.images, {
      ...{ method, inversion, signal, runtime: await runtime },
      embedder: method.includes('embedder') ? await embedderOf(request.model) : undefined,
      ...(descends && { recipe: { ...recipe, iterations: request.iterations ?? recipe.iterations } }),
      ...{ starts: request.starts, firstStart: request.firstStart },
      onProgress(now) {
        progress = now;
        report(now);
      },
      ...(descends &&
        request.live && {
          journal: {
            read: async () => undefined,
            due: () => performance.now() - shownAt > interval,
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
  readonly noiseHigh: number;
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
    noiseHigh: noise.high,
  };
}

/** Pictures that grow from random seeds, and the seeds. */
export async function sampled(
  model: string,
  count: number,
  rng: number,
): Promise<{ latent: Floats; pictures: Floats }> {
  return sample(await modelOf(model), { count, rng, runtime: await runtime });
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

/** Trains a denoiser of points in the plane, and shows on the way where seeds land. */
export async function train(
  task: number,
  points: Floats,
  recipe: DenoiserRecipe,
  seeds: Floats,
  report: OnReport,
): Promise<ModelCard & { landed: Floats; mean: readonly number[]; std: readonly number[] }> {
  return cancellable(task, async signal => {
    const key = `points-${task}`;
    let [shownAt, showing] = [performance.now(), Promise.resolve()];
    const model = await trainDenoiser(points, recipe, {
      ...{ name: 'points', signal, runtime: await runtime },
      onProgress({ step, steps, loss, model }) {
        const now = performance.now();
        if (now - shownAt < 300) return;
        shownAt = now;
        const current = model();
        showing = showing.then(async () => {
          const sampler = await openSampler(current, { runtime: await runtime, batch: seeds.shape[0]! });
          report({ done: step, total: steps, loss, landed: await sampler.grow(seeds) });
          await sampler.dispose();
        });
      },
    });
    await showing;
    models.set(key, Promise.resolve(model));
    const { mean, std } = model.info.range;
    return { ...(await describe(key)), landed: await grow(key, seeds), mean, std };
  });
}

/** The bytes of a seed file, which says where its seeds are from; or of a bare .npy array. */
export async function seedFile(
  model: string,
  { latent, method, pictures }: { latent: Floats; method: string; pictures: readonly string[] },
  format: 'safetensors' | 'npy',
): Promise<Uint8Array> {
  if (format === 'npy') return writeNpy(latent);
  const { hash, info } = await modelOf(model);
  return writeSeeds(latent, {
    ...{ model: hash, sampler: info.sampler, rng: 0, createdBy: 'seedbed studio' },
    method: { name: method },
    images: pictures.map(name => ({ name })),
  });
}

/** Reads a seed file for a model, and says when it is another's. */
export async function openSeeds(file: File, model: string): Promise<{ latent: Floats; from: string }> {
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
  return { latent, from: provenance?.images.map(({ name }) => name).join(', ') || file.name };
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
