import { padImages } from '../data/pixels.ts';
import { guidanceOf } from '../diffusion/condition-record.ts';
import { openConversion } from '../diffusion/conversion.ts';
import { samplerGrid } from '../diffusion/grid.ts';
import { type Denoiser, isOfLatents } from '../diffusion/info.ts';
import { playNetwork } from '../diffusion/network.ts';
import { toPixels } from '../diffusion/pictures.ts';
import type { SamplerInfo } from '../diffusion/sampler-info.ts';
import { SeedbedError } from '../errors.ts';
import { GraphBuilder } from '../graph/builder.ts';
import { sharedRuntime } from '../runtime/platform.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { normals } from '../tensor/random.ts';
import { psnr } from '../tensor/statistics.ts';
import { type Floats, float32, rows } from '../tensor/tensor.ts';
import { checkImages } from './checks.ts';
import { embed } from './embed.ts';
import { type Finding, findStart, isPicture, POINTS } from './growth.ts';
import { type Ask, denoisingErrors, hypotheses } from './hypotheses.ts';

/**
 * What a look at a model found.
 * @group Models
 */
export interface Diagnosis {
  /** What is wrong; empty for a sound model. */
  readonly findings: readonly Finding[];
  /**
   * The squared error of denoising under the description (`change` empty) and under each change of it, least first; 1 is
   * that of a denoiser that knows nothing but the pictures' variance.
   */
  readonly errors: readonly { readonly change: string; readonly error: number }[];
  /** Whether the pictures were given, or grown by the model itself for want of them. */
  readonly given: boolean;
  /** The model's own samples, embedded by split inversion and grown again; where nothing was found before. */
  readonly roundTrip?: { readonly psnr: number; readonly variance: number; readonly evaluations: number };
}

/** Pictures that are looked at. */
const LOOKED_AT = 4;
/** Diffusion times at which noise is removed. */
const TIMES = [0.15, 0.4, 0.65];
/** By what factor a change must lower the error to be believed. */
const BELIEVED = 1.25;
/** A round trip of less than this is worth a word, decibels. */
const LEAST_PSNR = 30;

/**
 * How {@link diagnose} looks.
 * @group Models
 */
export interface DiagnoseOptions {
  /** Pictures [n, C, H, W] with pixels in [0,1], or points [n, D]; the model's own samples unless given. */
  readonly pictures?: Floats | undefined;
  /** Whether own samples are embedded and grown again, which takes most of the time; true. */
  readonly roundTrip?: boolean | undefined;
  /** Told what is being done, in words. */
  readonly onProgress?: ((doing: string) => void) | undefined;
  /** Where to compute; one that calls share, the default of {@link createRuntime}, unless given. */
  readonly runtime?: Runtime | undefined;
}

/**
 * Looks for what is wrong with a model's description: removes noise from pictures as it says, and as it would be with each
 * likely mistake corrected (another prediction, level, step, schedule or range); grows pictures; embeds them again. It stops
 * at a mistake: what would be measured after it would be that mistake's doing. Of a model with an autoencoder the latents
 * of pictures are looked at.
 * @param options `pictures` of the model's kind, [n, C, H, W] with pixels in [0,1], make the answer firmer: the model's own
 * samples are used for want of them. Of a model with guidance no readings are tried: a guided prediction is no denoiser's.
 * @throws {SeedbedError} BadShape and BadArgument for pictures that are not the model's or do not vary, Machine when the device fails.
 * @group Models
 * @example
 * import { diagnose, loadModel, SHIPPED_DENOISER } from 'seedbed';
 * const model = await loadModel(SHIPPED_DENOISER);
 * const { findings } = await diagnose(model);
 * console.log(findings.length); // prints 0
 */
export async function diagnose(model: Denoiser, options: DiagnoseOptions = {}): Promise<Diagnosis> {
  const { runtime = await sharedRuntime(), pictures: all, ...how } = options;
  const { autoencoder, ...bare } = model;
  const pictures = all && lookedAt(model, all);
  if (!autoencoder || !pictures) return examine(runtime, bare, pictures, how);
  const conversion = openConversion(runtime, model, pictures.shape[0]!);
  const latents = await conversion.toNetwork(pictures).finally(conversion.dispose);
  return examine(runtime, bare, toPixels(latents, model.info), how);
}

/** Those of some pictures that are looked at. @throws {SeedbedError} BadArgument where they do not vary. */
function lookedAt(model: Denoiser, all: Floats): Floats {
  checkImages(all, model);
  const pictures = rows(all, 0, Math.min(isPicture(model) ? LOOKED_AT : POINTS, all.shape[0]!));
  const [first] = pictures.data;
  if (pictures.data.every(value => value === first))
    throw new SeedbedError(
      'BadArgument',
      `the pictures are ${first} throughout, and a denoiser of nothing else is perfect. Give others`,
    );
  return pictures;
}

/** Looks at a denoiser, given pictures or latents, whichever it sees. */
async function examine(
  runtime: Runtime,
  model: Denoiser,
  pictures: Floats | undefined,
  { roundTrip = true, onProgress = () => {} }: Omit<DiagnoseOptions, 'pictures' | 'runtime'>,
): Promise<Diagnosis> {
  const given = pictures !== undefined;
  const readings = (of: Floats) =>
    isGuided(model) ? undefined : tryHypotheses(runtime, model, of, given, onProgress);
  const tried = pictures && (await readings(pictures));
  if (tried?.mistake) return { findings: [tried.mistake], errors: tried.errors, given };
  onProgress('growing pictures');
  const { grown, sampler, ...found } = await findStart(
    runtime,
    model,
    tried && asDescribed(tried.errors),
    onProgress,
  );
  const own = grown && toPixels(grown, model.info);
  const { mistake, errors } = tried ?? (own && (await readings(own))) ?? { errors: [] };
  if (mistake) return { findings: [mistake], errors, given };
  // Under a wrong range its own samples are no pictures of its kind, from which noise could be removed.
  const isRange = found.findings.some(({ topic }) => topic === 'range');
  const findings = [...found.findings, ...(isRange ? [] : hopeless(model, errors, given))];
  if (isRange || !own || !roundTrip) return { findings, errors, given };
  onProgress('embedding what was grown');
  const again = await tryRoundTrip(runtime, model, sampler, own);
  if (!(again.psnr >= LEAST_PSNR)) {
    const ways = [...otherSamplers(model, sampler), 'another method (seedbed race)'].join(', or ');
    const text = `the model's own samples come back with ${again.psnr.toFixed(1)} dB: try ${ways}`;
    findings.push({ topic: 'round trip', text });
  }
  return { findings, errors, given, roundTrip: again };
}

/** By which flags a sampler of several steps may be one that is easier to invert. */
function otherSamplers({ info }: Denoiser, sampler: SamplerInfo): string[] {
  if (sampler.steps === 1) return [];
  const begins = samplerGrid(info, sampler)[0]!.from.signalRate > 0;
  return [...(begins && sampler.grid !== 'logSnr' ? ['--sampler-grid logSnr'] : []), 'more --sampler-steps'];
}

/** Whether its prediction is led away from that without its condition: such a prediction is no denoiser's. */
const isGuided = ({ conditioned }: Denoiser) => guidanceOf(conditioned) !== 1;

type Errors = Diagnosis['errors'];

async function tryHypotheses(
  runtime: Runtime,
  model: Denoiser,
  pictures: Floats,
  given: boolean,
  onProgress: (doing: string) => void,
): Promise<{ mistake?: Finding | undefined; errors: Errors }> {
  const { info, graph } = model;
  const count = pictures.shape[0]!;
  const b = new GraphBuilder(`${info.name} as it is`);
  const seen = b.input('seen', 'float32', [count, ...info.shape]);
  const output = playNetwork(b, model, seen, b.input('fed', 'float32', []));
  const session = await runtime.load(b.build({ output }));
  const ask: Ask = async (x, level) =>
    (await session.run({ seen: x, fed: float32([], [level]) })).output as Floats;
  const whole = graph.inputs.find(({ name }) => name === info.inputs.level)!.dtype !== 'float32';
  const padded = info.padding > 0 ? padImages(pictures, info.padding) : pictures;
  const all = hypotheses(info, whole, given ? padded : undefined);
  onProgress(`trying ${all.length} readings of the description`);
  const noise = normals({ seed: 0, purpose: 'doctor' }, padded.shape);
  const errors = await denoisingErrors(ask, info, all, padded, noise, TIMES).finally(() => session.dispose());
  const tried = all
    .map(({ change, topic }, i) => ({ change, topic, error: errors[i]! }))
    .sort((a, b) => a.error - b.error);
  const [best] = tried;
  const own = asDescribed(tried);
  const mistaken = best!.error * BELIEVED < own && best!.error < 1;
  const text = `noise is removed ${(own / best!.error).toPrecision(2)} times better with ${best!.change}: the description is likely wrong there. Correct it, import again, and ask again`;
  return {
    mistake: mistaken ? { topic: best!.topic, text } : undefined,
    errors: tried.map(({ change, error }) => ({ change, error })),
  };
}

const asDescribed = (errors: Errors) => errors.find(({ change }) => change === '')!.error;

/** What to say of a description under which noise is removed no better than by knowing next to nothing. */
function hopeless({ info }: Denoiser, errors: Errors, given: boolean): Finding[] {
  if (errors.length === 0 || asDescribed(errors) < 1) return [];
  const subject = isOfLatents(info) ? 'latents' : 'pictures';
  const other = given ? `the ${subject} are not of the model's kind` : 'it has learned next to nothing';
  return [
    {
      topic: 'prediction',
      text: `noise is removed ${asDescribed(errors).toPrecision(2)} times worse than by a denoiser that knows only the ${subject}' variance, and no single change of the description corrects it: more than one field may be wrong, or ${other}`,
    },
  ];
}

async function tryRoundTrip(runtime: Runtime, model: Denoiser, sampler: SamplerInfo, pictures: Floats) {
  const used: Denoiser = { ...model, info: { ...model.info, sampler: { ...sampler, kind: 'ddim' } } };
  const { results } = await embed(used, pictures, { runtime, method: 'auto', batch: pictures.shape[0]! });
  const mean = (value: (result: (typeof results)[number]) => number) =>
    results.reduce((sum, result) => sum + value(result), 0) / results.length;
  return {
    psnr: psnr(mean(r => 10 ** (-r.psnr / 10))),
    variance: mean(r => r.latentVariance),
    evaluations: mean(r => r.evaluations),
  };
}
