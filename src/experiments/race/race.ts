import { z } from 'zod';
import type { Denoiser, Embedder } from '../../diffusion/info.ts';
import { embed } from '../../embedding/embed.ts';
import type { Journal } from '../../embedding/journal.ts';
import { methodRow } from '../../embedding/methods.ts';
import type { SeedResult } from '../../embedding/result.ts';
import { isSeedbedError } from '../../errors.ts';
import type { Panel } from '../../latent/gaussianity.ts';
import { summarise } from '../../latent/summary.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { average, bootstrapMean, type Interval } from '../../tensor/statistics.ts';
import { type Floats, float32, rows, sizeOf, takeRows } from '../../tensor/tensor.ts';
import { startClock } from '../clock.ts';
import type { Contestant } from './contestants.ts';

/** What one contestant reached on all pictures. */
export interface Standing {
  readonly family: string;
  readonly name: string;
  /** Network evaluations per seed, the check at the end included. */
  readonly evaluations: number;
  /** Seconds a seed, the loading of graphs left out; undefined for seeds found elsewhere. */
  readonly seconds?: number | undefined;
  /** Mean squared error over pictures with its 95 % bootstrap interval. */
  readonly mse: Interval;
  /** The greatest of any picture. */
  readonly worst: number;
  /** Mean square of the seeds' coordinates, 1 for noise. */
  readonly variance: number;
  /** The share of seeds that the panel tells from noise at a level of 1 %. */
  readonly rejected: number;
  /** The same by single statistics. */
  readonly rejectedBy: Readonly<Record<string, number>>;
  /** Root mean square over statistics and seeds of their distance from noise, in noise's own deviations; about 1 for noise. */
  readonly departure: number;
  /** Pictures whose equations were solved, and those with something flagged. */
  readonly converged: number;
  readonly flagged: number;
}

/** A standing as it is kept in a file. */
export const standingSchema: z.ZodType<Standing> = z.object({
  family: z.string(),
  name: z.string(),
  evaluations: z.number(),
  seconds: z.number().optional(),
  mse: z.object({ mean: z.number(), low: z.number(), high: z.number() }),
  worst: z.number(),
  variance: z.number(),
  rejected: z.number(),
  rejectedBy: z.record(z.string(), z.number()),
  departure: z.number(),
  converged: z.number(),
  flagged: z.number(),
});

/** The squared error of a picture that is lost, and the departure and variance of a seed that is no number. */
const LOST = { mse: 1, departure: 1e6 };

/** Lets one contestant find the seeds of all pictures. */
export async function compete(
  runtime: Runtime,
  model: Denoiser,
  embedder: Embedder | undefined,
  images: Floats,
  contestant: Contestant,
  panel: Panel,
  settings: {
    rng: number;
    batch: number;
    signal: AbortSignal;
    journal?: Journal;
    onProgress?: (share: number) => void;
  },
): Promise<Standing> {
  const clock = startClock();
  const found = await embed(model, images, {
    runtime,
    ...contestant.options,
    ...(methodRow(contestant.options.method!).network && { embedder }),
    rng: settings.rng,
    batch: settings.batch,
    signal: settings.signal,
    journal: {
      ...(settings.journal ?? NO_JOURNAL),
      async finish(batch, found) {
        clock.count(found.results.length);
        await settings.journal?.finish(batch, found);
      },
    },
    onProgress: ({ done, total }) => settings.onProgress?.(done / total),
  }).catch(error => {
    // A contestant that diverges has lost all pictures, and the race goes on.
    if (isSeedbedError(error, 'Diverged')) return allLost(model, images.shape[0]!, contestant);
    throw error;
  });
  return standing(contestant, found.latent, found.results, panel, clock.perSeed(), settings.rng);
}

/** Seeds that are no numbers, of as many pictures, at what was to be paid for them. */
function allLost({ info }: Denoiser, count: number, { cost }: Contestant) {
  const shape = [count, ...info.shape];
  const one = { mse: Number.NaN, latentVariance: Number.NaN, evaluations: cost, converged: false };
  return {
    latent: float32(shape, new Float32Array(sizeOf(shape)).fill(Number.NaN)),
    results: new Array(count).fill({ ...one, certificate: undefined }) as StandingResult[],
  };
}

const NO_JOURNAL: Omit<Journal, 'finish'> = {
  read: async () => undefined,
  write: async () => {},
  due: () => false,
  finished: async () => undefined,
};

/** What a standing knows of a seed. */
type StandingResult = Pick<
  SeedResult,
  'mse' | 'latentVariance' | 'evaluations' | 'converged' | 'certificate'
>;

/** What is known of seeds, wherever they come from. */
export function standing(
  { family, name }: Pick<Contestant, 'family' | 'name'>,
  latent: Floats,
  results: readonly StandingResult[],
  panel: Panel,
  seconds: number | undefined,
  rng: number,
): Standing {
  const errors = results.map(({ mse }) => (Number.isFinite(mse) ? mse : LOST.mse));
  const sound = results.flatMap((_, row) =>
    rows(latent, row, row + 1).data.every(Number.isFinite) ? [row] : [],
  );
  const lost = results.length - sound.length;
  const verdicts = sound.length > 0 ? panel.judge(takeRows(latent, sound)) : [];
  const summary = verdicts.length > 0 ? summarise(panel, verdicts) : undefined;
  /** Of all seeds, those lost being told from noise. */
  const ofAll = (rejected: number) => (rejected * sound.length + lost) / results.length;
  const departures = [
    ...new Array<number>(lost * panel.statistics.length).fill(LOST.departure ** 2),
    ...verdicts.flatMap(({ statistics: of }) =>
      Object.entries(of).map(([statistic, { value }]) => {
        const { mean, low, high } = panel.expected[statistic]!;
        return Math.min(Math.abs(value - mean) / ((high - low) / 3.92), LOST.departure) ** 2;
      }),
    ),
  ];
  return {
    family,
    name,
    evaluations: average(results.map(({ evaluations }) => evaluations)),
    seconds,
    mse: bootstrapMean(errors, rng),
    worst: Math.max(...errors),
    variance: average([
      ...new Array<number>(lost).fill(LOST.departure),
      ...sound.map(row => results[row]!.latentVariance),
    ]),
    rejected: ofAll(summary?.rejected ?? 0),
    rejectedBy: Object.fromEntries(
      panel.statistics.map(statistic => [statistic, ofAll(summary?.statistics[statistic]?.rejected ?? 0)]),
    ),
    departure: Math.sqrt(average(departures)),
    converged: results.filter(({ converged }) => converged).length,
    flagged: results.filter(({ certificate }) => certificate?.flags.length).length,
  };
}

/** Of each family the most faithful within a budget, the most faithful family first. */
export function bestWithin(
  standings: readonly Standing[],
  cost: (standing: Standing) => number | undefined,
  budget: number,
): Standing[] {
  const best = new Map<string, Standing>();
  for (const standing of standings) {
    if (!((cost(standing) ?? Number.POSITIVE_INFINITY) <= budget)) continue;
    const known = best.get(standing.family);
    if (!known || standing.mse.mean < known.mse.mean) best.set(standing.family, standing);
  }
  return [...best.values()].sort((a, b) => a.mse.mean - b.mse.mean);
}
