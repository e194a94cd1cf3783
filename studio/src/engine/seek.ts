/**
 * Seeds of pictures.
 * @module
 */
import {
  type DescentState,
  embed,
  type Journal,
  type Method,
  methodNeeds,
  naturalness,
  type SeedResult,
} from 'seedbed';
import { grow } from './grow.ts';
import { embedderOf, modelOf } from './open.ts';
import { paceOf } from './pace.ts';
import { running } from './runtime.ts';
import { type Floats, type OnReport, type Report, watched, working } from './work.ts';

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
  /** Where descent goes on that was stopped. */
  readonly resume?: DescentState | undefined;
}

export interface Found {
  readonly latent: Floats;
  readonly pictures: Floats;
  readonly results: readonly SeedResult[];
}

/** Network evaluations that a picture takes by a method, about: for each of the sampler's T steps. */
const EVALUATIONS = { once: 1, descent: 2, search: 12 } as const;

/** Finds seeds; reports its progress, and what it has by then. */
export async function seek(task: number, request: EmbedRequest, report: OnReport): Promise<Found> {
  return working(task, report, async watch => {
    report({ doing: 'reading the model' });
    const model = await modelOf(request.model);
    const { method, inversion } =
      request.naturalness === undefined
        ? { method: request.method, inversion: undefined }
        : naturalness(request.naturalness, model);
    const { embedder, recipe } = methodNeeds(method);
    const steps = model.info.sampler.steps * request.images.shape[0]! * (request.starts ?? 1);
    const passes = recipe
      ? EVALUATIONS.descent * (request.iterations ?? recipe.iterations)
      : EVALUATIONS[method === 'embedder' ? 'once' : 'search'];
    await foretell(request.model, passes * steps, report);
    report({ doing: 'building graphs' });
    let progress: Report = {};
    const runtime = watched(await running(), watch);
    const { latent, pictures, results } = await embed(model, request.images, {
      ...{ method, inversion, signal: watch.signal, runtime },
      embedder: embedder ? await embedderOf(request.model) : undefined,
      ...(recipe && { recipe: { ...recipe, iterations: request.iterations ?? recipe.iterations } }),
      ...{ starts: request.starts, firstStart: request.firstStart, noiseOf: request.noiseOf },
      onProgress(now) {
        progress = now;
        report(now);
      },
      ...(recipe && request.live && { journal: shownLive(request, () => progress, report) }),
    });
    return { latent, pictures, results };
  });
}

/** Says what work will cost, where that is worth knowing. */
async function foretell(model: string, evaluations: number, report: OnReport): Promise<void> {
  const pace = await paceOf(model, report);
  if (pace === undefined) return;
  const expected = evaluations * pace;
  report({ doing: `about ${evaluations} evaluations of ${pace.toPrecision(2)} s`, expected });
}

/** A journal that shows seeds and pictures on the way, and from which descent goes on. */
function shownLive(
  { model, live = 1, resume }: EmbedRequest,
  progress: () => Report,
  report: OnReport,
): Journal {
  let shownAt = performance.now();
  return {
    read: async () => resume,
    due: () => performance.now() - shownAt > 1000 / live,
    finished: async () => undefined,
    finish: async () => {},
    async write(_, state) {
      const { latent } = state;
      report({ ...progress(), state, shown: { latent, pictures: await grow(model, latent) } });
      shownAt = performance.now();
    },
  };
}
