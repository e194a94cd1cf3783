import type { Dataset } from '../data/dataset.ts';
import { prepare } from '../diffusion/batches.ts';
import { askableAt } from '../diffusion/grid.ts';
import type { Denoiser } from '../diffusion/info.ts';
import { createNetwork } from '../diffusion/network.ts';
import { readings } from '../diffusion/prediction.ts';
import type { Level } from '../diffusion/schedule.ts';
import { coordinates, type PrincipalComponents, principalComponents } from '../latent/pca.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { normals } from '../tensor/random.ts';
import { combine, inBatches } from '../tensor/rowwise.ts';
import { average, meanSquaredErrors } from '../tensor/statistics.ts';
import { type Floats, sizeOf, zeros } from '../tensor/tensor.ts';
import { linearError, seenBy } from './linear.ts';

/**
 * How well a denoiser sees at one noise level: squared errors per coordinate, standardised, over held-out pictures.
 * @group Quality
 */
export interface LevelError {
  /** Diffusion time; 1 is noise. */
  readonly time: number;
  /** Of the clean picture that the network sees. */
  readonly network: number;
  /** Of the one that the best linear denoiser sees in the same noise. */
  readonly linear: number;
  /** Of the mean picture. */
  readonly mean: number;
  /** Of the noise that the network sees. */
  readonly noise: number;
}

/** The diffusion times that are looked at: those that ten steps evenly spaced in time visit, where the network says something of the picture. */
export const TIMES = Array.from({ length: 10 }, (_, i) => 1 - i / 10);
const BATCH = 32;

/**
 * {@link LevelError} at ten times.
 * @param data components of what the network learned from; @param pictures [n, ...shape], standardised, that it did not learn.
 */
export async function errorsByLevel(
  runtime: Runtime,
  model: Denoiser,
  data: PrincipalComponents,
  pictures: Floats,
  options: {
    readonly rng: number;
    /** Told how many times are done. */
    readonly onProgress?: (done: number) => void;
  },
): Promise<LevelError[]> {
  const levels = TIMES.map(time => askableAt(model.info, time))
    // A network of few timesteps has one for several times.
    .filter(({ time }, i, all) => i === 0 || time !== all[i - 1]!.time)
    .filter(sees);
  const network = await createNetwork(runtime, model, BATCH);
  const seen = seenBy(data, pictures);
  const zero = zeros('float32', data.mean.shape);
  // What knows nothing of the noisy picture errs alike at every level.
  const mean = average(
    pictures.data.map((value, i) => (value - data.mean.data[i % data.mean.data.length]!) ** 2),
  );
  const errors: LevelError[] = [];
  try {
    for (const [i, level] of levels.entries()) {
      const { time, signalRate, noiseRate } = level;
      const epsilon = normals({ seed: options.rng, purpose: `quality noise ${i}` }, pictures.shape);
      const noisy = combine([signalRate, pictures], [noiseRate, epsilon]);
      const clean = await inBatches(noisy, BATCH, part => network.clean(part, level));
      const predicted = combine([1 / noiseRate, noisy], [-signalRate / noiseRate, clean]);
      const noise = coordinates(epsilon, data, 0, data.variances.length, zero);
      errors.push({
        time,
        network: average(meanSquaredErrors(clean, pictures)),
        linear: linearError(data, seen, noise, level),
        mean,
        noise: average(meanSquaredErrors(predicted, epsilon)),
      });
      options.onProgress?.(i + 1);
    }
  } finally {
    await network.dispose();
  }
  return errors;
}

/** Pictures of the training data that the linear denoiser is made of. */
export const LEARNED = 10_000;
/** Held-out pictures that are looked at while a network learns. */
const LOOKED_AT = 64;
/** Coordinates beyond which the linear denoiser takes minutes. */
const MOST = 1024;

/** A {@link LevelError} as a training's log and a model's record have it. */
export type LevelRecord = Pick<LevelError, 'time' | 'network' | 'linear'>;

/**
 * What a training watches beside its loss: {@link errorsByLevel} of some held-out pictures, by one linear denoiser that is made
 * when it is first needed. Of points, and of pictures of more than 1,024 coordinates, it says nothing.
 */
export function levelWatch(runtime: Runtime, rng: number) {
  let data: PrincipalComponents | undefined;
  return async (model: Denoiser, learned: Dataset, kept: Dataset): Promise<LevelRecord[]> => {
    const { shape, padding, range } = model.info;
    if (shape.length !== 3 || sizeOf(shape) > MOST || learned.length < 2) return [];
    const first = async (of: Dataset, count: number) =>
      prepare(await of.read(Array.from({ length: Math.min(count, of.length) }, (_, i) => i)), padding, range);
    data ??= principalComponents(await first(learned, LEARNED));
    const errors = await errorsByLevel(runtime, model, data, await first(kept, LOOKED_AT), { rng });
    const short = (value: number) => Number(value.toPrecision(4));
    return errors.map(({ time, network, linear }) => {
      return { time: short(time), network: short(network), linear: short(linear) };
    });
  };
}

/** Where a network sees least in terms of the best linear denoiser; undefined of no levels. */
export function worstLevel<Level extends LevelRecord>(levels: readonly Level[]): Level | undefined {
  const beyond = ({ network, linear }: Level) => {
    const ratio = network / linear;
    return Number.isFinite(ratio) ? ratio : Number.POSITIVE_INFINITY;
  };
  return levels.reduce<Level | undefined>((a, b) => (a && beyond(a) >= beyond(b) ? a : b), undefined);
}

/** Whether a prediction at a level says what the clean picture is: of epsilon, without any signal, it does not. */
const sees = (level: Level) => Number.isFinite(readings(level).x0.x) && Number.isFinite(level.fed);
