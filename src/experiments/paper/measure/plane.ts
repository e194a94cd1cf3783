import { optimiserOf, parseDenoiserConfig } from '../../../diffusion/config.ts';
import { type Denoiser, withSampler } from '../../../diffusion/info.ts';
import { asDenoiser, readModel } from '../../../diffusion/model.ts';
import { mixtureDenoiser } from '../../../diffusion/oracle.ts';
import { ddim } from '../../../diffusion/sampler-info.ts';
import { denoiserTask } from '../../../diffusion/train-denoiser.ts';
import { train } from '../../../nn/trainer.ts';
import { joinPath, readBytes } from '../../../runtime/files.ts';
import { type Floats, float32 } from '../../../tensor/tensor.ts';
import { grow, type Lab, readPictures } from '../lab.ts';

/** Data in the plane, as in the paper. */
export const CURVES = ['circles', 'moons'] as const;
export type Curve = (typeof CURVES)[number];

/** The signal rate next to the data, where noise is less than the data's own; and the one of pictures' schedules. */
const CLEAN = 0.999;
const PICTURES = 0.95;
/** Steps of the samplers in the plane. */
const STEPS = 20;

const trained = new WeakMap<Lab, Map<Curve, Promise<Denoiser>>>();

/** A small denoiser of points, trained on the spot and once for a laboratory; a run that was stopped goes on. */
export function planeDenoiser(lab: Lab, curve: Curve): Promise<Denoiser> {
  const known = trained.get(lab) ?? new Map<Curve, Promise<Denoiser>>();
  trained.set(lab, known);
  const model = known.get(curve) ?? trainOn(lab, curve);
  known.set(curve, model);
  return model;
}

async function trainOn(lab: Lab, curve: Curve): Promise<Denoiser> {
  const steps = lab.sizes.plane;
  const config = parseDenoiserConfig(
    {
      data: `${curve}:train`,
      heldOut: 512,
      network: { kind: 'mlp', channels: [192, 192, 192, 192], embedding: 8 },
      schedule: { kind: 'continuousCosine', maxSignalRate: CLEAN, minSignalRate: 0.02 },
      training: {
        ...{ loss: 'mse', learningRate: 0.003, decay: 'cosine', batch: 512, ema: 0.99, steps },
        ...{ checkpointEvery: 500, evaluateEvery: steps },
      },
    },
    `the denoiser of ${curve}`,
  );
  const dataset = await lab.data(curve, 'train');
  const file = await lab.inScratch(`plane-${curve}`, async out => {
    const task = await denoiserTask(lab.runtime, { config, dataset, rng: lab.rng, out });
    await train(lab.runtime, task, {
      ...config.training,
      optimiser: optimiserOf(config.training),
      out,
      config,
      resume: true,
      signal: lab.signal,
      onProgress: ({ step }) => lab.report?.(step, steps),
    });
    return joinPath(out, 'model.onnx');
  });
  return withSampler(asDenoiser(readModel(await readBytes(file), file), file), ddim(STEPS));
}

/** The same denoiser with a sampler that stops where the schedule of pictures does, at a signal rate of .95. */
export function stoppedEarly(model: Denoiser): Denoiser {
  const angle = (rate: number) => Math.acos(rate);
  const least = (angle(PICTURES) - angle(CLEAN)) / (angle(0.02) - angle(CLEAN));
  const grid = Array.from({ length: STEPS }, (_, k) => 1 - (1 - least) * (k / (STEPS - 1)));
  return withSampler(model, { ...ddim(STEPS), grid });
}

/** What the points of the best denoiser vary by: about the noise of the data, in their units. */
const SPREAD = 0.006;

/**
 * The best denoiser of points `from` to `to` of the training data, in closed form: a mixture of narrow Gaussians about them,
 * sampled as the trained one is.
 */
export async function bestDenoiser(
  lab: Lab,
  curve: Curve,
  { info }: Denoiser,
  [from, to]: readonly [number, number],
): Promise<Denoiser> {
  const { mean, std } = info.range;
  const points = await readPictures(await lab.data(curve, 'train'), from, to);
  const means = pointsOf(points).map(point => point.map((value, i) => (value - mean[i]!) / std[i]!));
  const best = mixtureDenoiser({ means, variance: SPREAD }, [2]);
  const { range, schedule, sampler } = info;
  return { ...best, info: { ...best.info, range, schedule, sampler } };
}

/** Seeds on a square grid about the origin, `side` in a row, and where each lands. */
export async function gravitationalMap(
  lab: Lab,
  model: Denoiser,
  side: number,
  reach: number,
): Promise<{ seeds: Floats; landed: Floats }> {
  const at = (i: number) => reach * ((2 * i) / (side - 1) - 1);
  const seeds = float32(
    [side * side, 2],
    Array.from({ length: side * side }, (_, i) => [at(i % side), at(Math.floor(i / side))]).flat(),
  );
  return { seeds, landed: await grow(lab, model, seeds) };
}

/** The points of a tensor [n, 2]. */
export function pointsOf({ data }: Floats): [number, number][] {
  return Array.from({ length: data.length / 2 }, (_, i) => [data[2 * i]!, data[2 * i + 1]!]);
}
