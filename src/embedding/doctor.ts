import { padImages } from '../data/pixels.ts';
import { samplerGrid } from '../diffusion/grid.ts';
import type { Denoiser, SamplerInfo } from '../diffusion/info.ts';
import { levelInput } from '../diffusion/network.ts';
import { createSampler } from '../diffusion/sampler.ts';
import { timestepsOf } from '../diffusion/schedule.ts';
import { GraphBuilder } from '../graph/builder.ts';
import { replay } from '../graph/replay.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { normals } from '../tensor/random.ts';
import { float32, rows, type Tensor } from '../tensor/tensor.ts';
import { embed } from './embed.ts';
import { type Ask, denoisingErrors, hypotheses, likelierRange, timeOf } from './hypotheses.ts';
import { toPixels } from './metrics.ts';

type Floats = Tensor<'float32'>;

/**
 * Something that is wrong with a model's description, or that limits what can be done with the model.
 * @group Models
 */
export interface Finding {
  /** What it is about. */
  readonly topic: 'prediction' | 'range' | 'start' | 'final signal' | 'round trip';
  /** What was seen, and what to change, in words. */
  readonly text: string;
}

/**
 * What a look at a model found.
 * @group Models
 */
export interface Diagnosis {
  /** What is wrong; empty for a sound model. */
  readonly findings: readonly Finding[];
  /** The error of denoising under the description (`change` empty) and under each change of it, least first. */
  readonly errors: readonly { readonly change: string; readonly error: number }[];
  /** The same error of a denoiser that knows nothing but the pictures' variance. */
  readonly baseline: number;
  /** Whether the pictures were given, or grown by the model itself for want of them. */
  readonly given: boolean;
  /** The model's own samples, embedded by split inversion and grown again. */
  readonly roundTrip?: { readonly psnr: number; readonly variance: number; readonly evaluations: number };
}

/** Pictures that are looked at, those that are grown and embedded, and points instead of pictures. */
const LOOKED_AT = 4;
const GROWN = 2;
const POINTS = 256;
/** Diffusion times at which noise is removed. */
const TIMES = [0.15, 0.4, 0.65];
/** Starts that are tried where the model's own diverges, by their signal rates. */
const STARTS = [0.02, 0.03, 0.045, 0.07, 0.1];
/** More signal than this at the start makes noise an unfair start. */
const MOST_SIGNAL = 0.1;
/** By what factor a change must lower the error to be believed. */
const BELIEVED = 1.25;
/** A round trip of less than this is worth a word, decibels. */
const LEAST_PSNR = 30;

/**
 * Looks for what is wrong with a model's description: removes noise from pictures as the description says and as it would
 * be with each likely mistake mended (another prediction, level, step, schedule or range), grows pictures from noise, and
 * embeds them.
 * @param pictures [n, C, H, W], pixels in [0,1] (points: [n, D]); the model's own samples are used unless given.
 */
export async function diagnose(
  runtime: Runtime,
  model: Denoiser,
  pictures: Floats | undefined,
  onProgress: (doing: string) => void = () => {},
): Promise<Diagnosis> {
  onProgress('growing pictures');
  const started = await findStart(runtime, model, onProgress);
  const findings: Finding[] = [...started.findings];
  const most = isPicture(model) ? LOOKED_AT : POINTS;
  const looked = pictures
    ? rows(pictures, 0, Math.min(most, pictures.shape[0]!))
    : started.grown && toPixels(started.grown, model.info);
  const { errors, baseline } = looked
    ? await tryHypotheses(runtime, model, looked, onProgress)
    : { errors: [], baseline: Number.NaN };
  findings.push(...judge(errors, baseline));
  const range = started.grown && pictures && likelierRange(model.info, started.grown, pad(model, pictures));
  if (range)
    findings.push({
      topic: 'range',
      text: `the pictures given do not look like what the model grows, but would with pixels from ${range}: mend "range" in the description`,
    });
  if (!started.grown || !started.sampler)
    return { findings, errors: sortedErrors(errors), baseline, given: pictures !== undefined };
  onProgress('embedding what was grown');
  const roundTrip = await tryRoundTrip(runtime, model, started.sampler, toPixels(started.grown, model.info));
  if (!(roundTrip.psnr >= LEAST_PSNR))
    findings.push({
      topic: 'round trip',
      text: `the model's own samples come back with ${roundTrip.psnr.toFixed(1)} dB: try more --sampler-steps, or another method (seedbed race)`,
    });
  return { findings, errors: sortedErrors(errors), baseline, given: pictures !== undefined, roundTrip };
}

type Errors = Diagnosis['errors'];

const sortedErrors = (errors: Errors) => errors.toSorted((a, b) => a.error - b.error);

const pad = ({ info }: Denoiser, pictures: Floats) =>
  info.padding > 0 ? padImages(pictures, info.padding) : pictures;

const isPicture = ({ info }: Denoiser) => info.shape.length === 3;

/** Grows pictures from the model's own start, or from the highest one from which they do not diverge. */
async function findStart(
  runtime: Runtime,
  model: Denoiser,
  onProgress: (doing: string) => void,
): Promise<{ findings: Finding[]; grown?: Floats; sampler?: SamplerInfo }> {
  const { info } = model;
  const own = info.sampler;
  const { signalRate } = samplerGrid(info, own)[0]!.from;
  const grown = await growSound(runtime, model, own);
  if (grown) {
    const text = `at the start the signal rate is ${signalRate.toPrecision(3)}, not nearly 0: in training the network saw pictures there, from noise it grows others, and seeds of pictures are not standard normal. Nothing in the description mends that; trust distances between seeds less`;
    return {
      findings: signalRate > MOST_SIGNAL ? [{ topic: 'final signal', text }] : [],
      grown,
      sampler: own,
    };
  }
  for (const rate of STARTS.filter(rate => rate > signalRate)) {
    const start = startAt(model, rate);
    onProgress(`growing pictures from ${JSON.stringify(start)}`);
    const sampler = { ...own, start, grid: 'linspace' as const };
    const lower = await growSound(runtime, model, sampler);
    if (!lower) continue;
    const text = `from ${JSON.stringify(own.start)}, where the signal rate is ${signalRate.toExponential(1)}, pictures diverge: the predicted picture is divided by it. From ${JSON.stringify(start)} they do not: write "start": ${JSON.stringify(start)} and "grid": "linspace" into the description's sampler`;
    return { findings: [{ topic: 'start', text }], grown: lower, sampler };
  }
  const text = `pictures diverge from every start that was tried: the prediction, the level or the schedule is described wrongly`;
  return { findings: [{ topic: 'start', text }] };
}

function startAt({ info }: Denoiser, signalRate: number): SamplerInfo['start'] {
  const time = timeOf(info.schedule, signalRate);
  const count = timestepsOf(info.schedule);
  return 'timestep' in info.sampler.start && count !== undefined
    ? { timestep: Math.floor(time * count) - 1 }
    : { diffusionTime: Number(time.toFixed(3)) };
}

/** Pictures grown from noise, where they stay within a quarter of the pixels' range; undefined where it does not. */
async function growSound(
  runtime: Runtime,
  model: Denoiser,
  sampler: SamplerInfo,
): Promise<Floats | undefined> {
  const { info } = model;
  const count = isPicture(model) ? GROWN : POINTS;
  const engine = await createSampler(runtime, model, sampler, count);
  const x0 = await engine.sample(normals({ seed: 0, purpose: 'sample' }, [count, ...info.shape]));
  await engine.dispose();
  if (!x0.data.every(Number.isFinite)) return undefined;
  const channels = info.shape[0]!;
  const plane = x0.data.length / (count * channels);
  const outside = x0.data.filter((value, i) => {
    const channel = Math.floor(i / plane) % channels;
    const pixel = value * info.range.std[channel]! + info.range.mean[channel]!;
    return isPicture(model) ? pixel < -0.25 || pixel > 1.25 : Math.abs(value) > 100;
  }).length;
  return outside <= 0.01 * x0.data.length ? x0 : undefined;
}

async function tryHypotheses(
  runtime: Runtime,
  model: Denoiser,
  pictures: Floats,
  onProgress: (doing: string) => void,
): Promise<{ errors: Errors; baseline: number }> {
  const { info, graph } = model;
  const count = pictures.shape[0]!;
  const b = new GraphBuilder(`${info.name} as it is`);
  const seen = b.input('seen', 'float32', [count, ...info.shape]);
  const fed = levelInput(b, model, count, b.input('fed', 'float32', []));
  const output = replay(b, graph, { [info.inputs.image]: seen, [info.inputs.level]: fed })[info.output]!;
  const session = await runtime.load(b.build({ output }));
  const ask: Ask = async (x, level) =>
    (await session.run({ seen: x, fed: float32([], [level]) })).output as Floats;
  const whole = graph.inputs.find(({ name }) => name === info.inputs.level)!.dtype !== 'float32';
  const all = hypotheses(info, whole);
  onProgress(`trying ${all.length} readings of the description`);
  const padded = pad(model, pictures);
  const noise = normals({ seed: 0, purpose: 'doctor' }, padded.shape);
  const { errors, baseline } = await denoisingErrors(ask, info, all, padded, noise, TIMES);
  await session.dispose();
  return { errors: all.map(({ change }, i) => ({ change, error: errors[i]! })), baseline };
}

/** What the errors say: the change that lowers the error most, if by enough; and whether anything is better than nothing. */
function judge(errors: Errors, baseline: number): Finding[] {
  const own = errors.find(({ change }) => change === '');
  if (!own) return [];
  const better = errors
    .filter(({ change, error }) => change !== '' && error * BELIEVED < own.error)
    .sort((a, b) => a.error - b.error)[0];
  const times = (a: number, b: number) => `${(a / b).toPrecision(2)} times`;
  if (better)
    return [
      {
        topic: 'prediction',
        text: `noise is removed ${times(own.error, better.error)} better with ${better.change}: the description is likely wrong there`,
      },
    ];
  if (own.error < baseline) return [];
  return [
    {
      topic: 'prediction',
      text: `noise is removed ${times(own.error, baseline)} worse than by a denoiser that knows only the pictures' variance, and no single change of the description mends it: more than one field may be wrong, or the pictures are not of the model's kind`,
    },
  ];
}

async function tryRoundTrip(runtime: Runtime, model: Denoiser, sampler: SamplerInfo, pictures: Floats) {
  const used: Denoiser = { ...model, info: { ...model.info, sampler: { ...sampler, kind: 'ddim' } } };
  const { results } = await embed(runtime, used, pictures, { method: 'split', batch: pictures.shape[0]! });
  const mean = (value: (result: (typeof results)[number]) => number) =>
    results.reduce((sum, result) => sum + value(result), 0) / results.length;
  return {
    psnr: -10 * Math.log10(mean(r => r.mse)),
    variance: mean(r => r.latentVariance),
    evaluations: mean(r => r.evaluations),
  };
}
