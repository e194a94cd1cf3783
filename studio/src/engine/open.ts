/**
 * The models and samplers that are open in the worker.
 * @module
 */
import {
  type Denoiser,
  type Embedder,
  loadEmbedder,
  loadModel,
  openSampler,
  pictureShape,
  SCHEDULES,
  SeedbedError,
  SHIPPED_DENOISER,
  SHIPPED_EMBEDDER,
} from 'seedbed';
import { boundInWords } from './conditions.ts';
import { type Condition, gateOf } from './gate.ts';
import { downloaded, running } from './runtime.ts';
import { type Floats, type OnReport, type Watch, watched, working } from './work.ts';

export type ScheduleName = keyof typeof SCHEDULES;

/** What the page knows of a model. */
export interface ModelCard {
  /** By which it is asked for. */
  readonly key: string;
  readonly name: string;
  /** Of its weights, what it is bound to, and its autoencoder: names of results go by it. */
  readonly hash: string;
  /** What it is bound to, in words, where it is conditional. */
  readonly bound?: string | undefined;
  /** Of the seeds, [C, H, W] or [D]. */
  readonly shape: readonly number[];
  /** Of the pictures, without the padding. */
  readonly picture: readonly number[];
  readonly steps: number;
  readonly weights: number;
  readonly hasEmbedder: boolean;
  /** Of an embedder of one's own, the first letters of its hash. */
  readonly embedder?: string | undefined;
  /** What it has shown of itself; undefined where nobody has measured. */
  readonly gate?: readonly Condition[] | undefined;
}

/** How a sampler is changed for a while: another number of steps, another schedule of noise. */
export interface Sampling {
  readonly steps?: number | undefined;
  readonly schedule?: ScheduleName | undefined;
}

/** Networks that ship with the studio, the one that all rooms begin with among them. */
const NETWORKS: Readonly<Record<string, URL>> = {
  'fashion-mnist': SHIPPED_DENOISER,
  'fashion-mnist-small': new URL('../../../models/reproduction/fashion-mnist-small.onnx', import.meta.url),
  'fashion-mnist-small-se': new URL(
    '../../../models/reproduction/fashion-mnist-small-se.onnx',
    import.meta.url,
  ),
  'cifar10-small': new URL('../../../models/reproduction/cifar10-small.onnx', import.meta.url),
};

export const ships = (key: string) => key in NETWORKS;

/** A session that grows seeds, and how it cuts them. */
export interface OpenSampler {
  readonly steps: number;
  readonly batch: number;
  /** Grows seeds; tells of each run of the network, and begins none when it was ended. */
  grow(latent: Floats, watch?: Watch): Promise<Floats>;
  trajectories(latent: Floats): Promise<Floats[]>;
  /** The same, with the clean pictures that the network believes in. */
  growth(latent: Floats, watch: Watch): Promise<{ states: Floats[]; clean: Floats[] }>;
  dispose(): Promise<void>;
}

const models = new Map<string, Promise<Denoiser>>();
const embedders = new Map<string, Promise<Embedder>>();
/** The hashes of those of one's own. */
const ownEmbedders = new Map<string, string>();
const samplers = new Map<string, Promise<OpenSampler>>();

/** A model by its key. */
export function modelOf(key: string): Promise<Denoiser> {
  const known = models.get(key);
  if (known) return known;
  const source = NETWORKS[key];
  if (!source)
    throw new SeedbedError('BadArgument', `there is no model '${key}' in this page; open its file again`);
  return remembered(models, key, loadModel(source));
}

/** Reads a model that ships, and tells how much of it is there. @returns what is known of it. */
export async function describe(task: number, key: string, report: OnReport): Promise<ModelCard> {
  const source = NETWORKS[key];
  if (source && !models.has(key))
    await remembered(
      models,
      key,
      working(task, report, async watch => loadModel(await downloaded(source, key, watch))),
    );
  return cardOf(key);
}

/** Keeps a promise by its key, unless it fails. */
function remembered<T>(kept: Map<string, Promise<T>>, key: string, made: Promise<T>): Promise<T> {
  kept.set(key, made);
  made.catch(() => kept.delete(key));
  return made;
}

/** The embedder that was trained for a denoiser, where there is one. */
export async function embedderOf(key: string): Promise<Embedder | undefined> {
  if (key === 'fashion-mnist' && !embedders.has(key))
    remembered(embedders, key, loadEmbedder(SHIPPED_EMBEDDER));
  return embedders.get(key);
}

/** What is known of a model. */
async function cardOf(key: string): Promise<ModelCard> {
  const model = await modelOf(key);
  const { name, shape, sampler, training } = model.info;
  const bound = boundInWords(model.conditioned);
  return {
    ...{ key, name, shape, picture: pictureShape(model), steps: sampler.steps },
    hash: identityOf(model),
    ...(bound && { bound }),
    weights: [...model.graph.initializers.values()].reduce((sum, { data }) => sum + data.length, 0),
    hasEmbedder: key === 'fashion-mnist' || embedders.has(key),
    embedder: ownEmbedders.get(key),
    gate: gateOf(training),
  };
}

/** All that what a model makes depends on. */
function identityOf({ hash, conditioned, autoencoder }: Denoiser): string {
  return [hash, boundInWords(conditioned), autoencoder?.hash.slice(0, 6)].filter(Boolean).join(' ');
}

/** Takes up a denoiser of one's own. @returns what is known of it. */
export async function takeDenoiser(model: Denoiser): Promise<ModelCard> {
  const key = identityOf({ ...model, hash: model.hash.slice(0, 12) });
  models.set(key, Promise.resolve(model));
  return cardOf(key);
}

/** Takes up an embedder for the denoiser that it was trained for. @returns what is known of that; undefined where it is not open. */
export async function takeEmbedder(embedder: Embedder): Promise<ModelCard | undefined> {
  for (const [key, model] of models) {
    if ((await model).hash !== embedder.info.denoiser) continue;
    embedders.set(key, Promise.resolve(embedder));
    ownEmbedders.set(key, embedder.hash.slice(0, 6));
    return cardOf(key);
  }
  return undefined;
}

/** Keeps a model of the page's own making under a key, in place of the one before. */
export async function keep(key: string, model: Denoiser): Promise<void> {
  models.set(key, Promise.resolve(model));
  for (const [name, sampler] of samplers) {
    if (JSON.parse(name)[0] !== key) continue;
    samplers.delete(name);
    await sampler.then(old => old.dispose()).catch(() => {});
  }
}

/** A session that grows seeds, made once. */
export async function samplerOf(key: string, count: number, sampling: Sampling = {}): Promise<OpenSampler> {
  const model = await modelOf(key);
  const { shape } = model.info;
  // Networks of points are so small that what takes time is each call.
  const batch = shape.length === 1 ? count : count >= 16 ? 16 : count > 1 ? 4 : 1;
  const name = JSON.stringify([key, batch, sampling]);
  return samplers.get(name) ?? remembered(samplers, name, open(model, batch, sampling));
}

async function open(model: Denoiser, batch: number, { steps, schedule }: Sampling): Promise<OpenSampler> {
  const changed = schedule ? { ...model, info: { ...model.info, schedule: SCHEDULES[schedule] } } : model;
  const nobody: Watch = { signal: new AbortController().signal, report: () => {} };
  let [watch, last] = [nobody, Promise.resolve<unknown>(undefined)];
  const watchedByTurns = watched(await running(), {
    get signal() {
      return watch.signal;
    },
    report: told => watch.report(told),
  });
  const session = await openSampler(changed, { runtime: watchedByTurns, samplerSteps: steps, batch });
  // One after the other, so that each is watched by its own.
  const inTurn = <T>(by: Watch, work: () => Promise<T>): Promise<T> => {
    const done = last.then(() => {
      watch = by;
      return work();
    });
    last = done.catch(() => {});
    return done;
  };
  return {
    steps: steps ?? model.info.sampler.steps,
    batch,
    grow: (latent, by = nobody) => inTurn(by, () => session.grow(latent)),
    trajectories: latent => inTurn(nobody, () => session.trajectories(latent)),
    growth: (latent, by) => inTurn(by, () => session.growth(latent)),
    // After what is in hand.
    dispose: () => inTurn(nobody, () => session.dispose()),
  };
}
