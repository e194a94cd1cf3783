import { unstandardise } from '../data/pixels.ts';
import { samplerGrid } from '../diffusion/grid.ts';
import { type Denoiser, isOfLatents } from '../diffusion/info.ts';
import { createSampler } from '../diffusion/sampler.ts';
import type { SamplerInfo } from '../diffusion/sampler-info.ts';
import { timeOf, timestepsOf } from '../diffusion/schedule.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { normals } from '../tensor/random.ts';
import type { Floats } from '../tensor/tensor.ts';

/**
 * Something that is wrong with a model's description, or that limits what can be done with the model.
 * @group Models
 */
export interface Finding {
  /** What it is about. */
  readonly topic: 'prediction' | 'range' | 'start' | 'pictures' | 'final signal' | 'round trip';
  /** What was seen, and what to change, in words. */
  readonly text: string;
}

/** Pictures that are grown, and points instead of pictures. */
const GROWN = 2;
export const POINTS = 256;
/** Starts that are tried where the model's own diverges, by their signal rates. */
const STARTS = [0.02, 0.03, 0.045, 0.07, 0.1];
/** More signal than this at the start makes noise an unfair start. */
const MOST_SIGNAL = 0.1;
/** Numbers of standardised pictures are smaller than this, but for a few; coordinates of points than that. */
const TAME = 5;
const FAR = 100;
/** That few: the share that must be so. */
const MOST = 0.99;

export const isPicture = ({ info }: Denoiser) => info.shape.length === 3;

/** From where a model's sampler may begin, and what there is to say of it. */
export interface Start {
  readonly findings: readonly Finding[];
  /** What grew from it, in the network's units; undefined where nothing did. */
  readonly grown?: Floats;
  readonly sampler: SamplerInfo;
}

/**
 * Grows pictures from the model's own start, or from the highest one from which they do not diverge, where that depends on it.
 * @param error what denoising leaves of noise in pictures that were given; undefined where none were.
 */
export async function findStart(
  runtime: Runtime,
  model: Denoiser,
  error: number | undefined,
  onProgress: (doing: string) => void,
): Promise<Start> {
  const { info } = model;
  const own = info.sampler;
  const { signalRate } = samplerGrid(info, own)[0]!.from;
  const signal: Finding = {
    topic: 'final signal',
    text: `at the start the signal rate is ${signalRate.toPrecision(3)}, not nearly 0: in training the network saw pictures there, from noise it grows others, and seeds of pictures are not standard normal. Nothing in the description corrects that; trust distances between seeds less`,
  };
  const lasting = signalRate > MOST_SIGNAL ? [signal] : [];
  const grown = await grow(runtime, model, own);
  if (isWithin(model, grown)) return { findings: lasting, grown, sampler: own };
  // Only a predicted noise becomes a picture by a division by the signal rate: for other predictions no start is safer.
  const higher = info.predicts === 'epsilon' ? STARTS.filter(rate => rate > signalRate) : [];
  for (const rate of higher) {
    const start = startAt(model, rate);
    onProgress(`growing pictures from ${JSON.stringify(start)}`);
    const sampler = lowered(own, start);
    const lower = await grow(runtime, model, sampler);
    if (!isWithin(model, lower)) continue;
    const text = `from ${JSON.stringify(own.start)}, where the signal rate is ${signalRate.toExponential(1)}, pictures diverge: the predicted picture is divided by it. From ${JSON.stringify(start)} they do not: write "start": ${JSON.stringify(start)} and "grid": "linspace"${sampler.steps < own.steps ? ` and "steps": ${sampler.steps}` : ''}${own.stride === undefined ? '' : ' and no "stride"'} into the description's sampler`;
    return { findings: [{ topic: 'start', text }], grown: lower, sampler };
  }
  const firmer = error === undefined ? ". Give pictures of the model's kind for a firmer answer" : '';
  const wrong = `pictures leave the range of pixels${higher.length > 0 ? ' from every start that was tried' : ''}`;
  if (isTame(grown) && error === undefined) {
    const text = `${wrong}, without diverging: "range" in the description is wrong, or the network has learned too little${firmer}`;
    return { findings: [{ topic: 'range', text }, ...lasting], grown, sampler: own };
  }
  if (isTame(grown) && error! < 1) {
    const text = `${percent(1 - shareWithin(model, grown))} of the numbers of grown pictures lie a quarter of the range of pixels and more outside it, though nothing in the description was found that would correct it: the network may have learned too little, or take more --sampler-steps`;
    return { findings: [{ topic: 'pictures', text }, ...lasting], grown, sampler: own };
  }
  const text = `${wrong}: the prediction, the level, the schedule or the range is described wrongly, or the network has not learned to remove noise${firmer}`;
  return { findings: [{ topic: 'start', text }, ...lasting], sampler: own };
}

/** A sampler that begins elsewhere, at levels of its own: no more than there are timesteps, each step leading to the next. */
function lowered({ stride: _, ...own }: SamplerInfo, start: SamplerInfo['start']): SamplerInfo {
  const steps = 'timestep' in start ? Math.min(own.steps, start.timestep + 1) : own.steps;
  return { ...own, start, steps, grid: 'linspace' };
}

function startAt({ info }: Denoiser, signalRate: number): SamplerInfo['start'] {
  const time = timeOf(info.schedule, { signalRate, noiseRate: Math.sqrt(1 - signalRate ** 2) });
  const count = timestepsOf(info.schedule);
  return 'timestep' in info.sampler.start && count !== undefined
    ? { timestep: Math.floor(time * count) - 1 }
    : { diffusionTime: Number(time.toFixed(3)) };
}

/** Pictures grown from noise, in the network's units. */
async function grow(runtime: Runtime, model: Denoiser, sampler: SamplerInfo): Promise<Floats> {
  const count = isPicture(model) ? GROWN : POINTS;
  const engine = await createSampler(runtime, model, sampler, count);
  const seeds = normals({ seed: 0, purpose: 'sample' }, [count, ...model.info.shape]);
  return engine.sample(seeds).finally(() => engine.dispose());
}

/** Whether pictures stay within a quarter of the range of pixels, and latents and points within reach, but for one number in a hundred. */
const isWithin = (model: Denoiser, x0: Floats) => shareWithin(model, x0) >= MOST;

function shareWithin(model: Denoiser, x0: Floats): number {
  if (!isPicture(model) || isOfLatents(model.info)) return share(x0, value => Math.abs(value) < FAR);
  return share(unstandardise(x0, model.info.range), pixel => pixel >= -0.25 && pixel <= 1.25);
}

/** Whether numbers are such as standardised pictures have, but for one in a hundred, whatever the range of pixels. */
function isTame(x0: Floats): boolean {
  return share(x0, value => Math.abs(value) < TAME) >= MOST;
}

function share({ data }: Floats, holds: (value: number) => boolean): number {
  return data.filter(value => Number.isFinite(value) && holds(value)).length / data.length;
}

const percent = (share: number) => `${Number((100 * share).toPrecision(2))} %`;
