/**
 * What a graph may be, as far as it shows: where a form begins that a person fills in.
 * @module
 */
import type { GraphCard, GraphValue } from './own-model.ts';

/** What a description says, as a form holds it; the tables name the values of what is chosen by name. */
export interface Described {
  readonly image: string;
  readonly level: string;
  readonly output: string;
  /** [C, H, W] or [D], separated by commas. */
  readonly shape: string;
  readonly predicts: keyof typeof PREDICTS;
  readonly fed: keyof typeof FED;
  readonly range: keyof typeof RANGES;
  readonly schedule: keyof typeof SCHEDULE_KINDS;
  readonly timesteps: string;
  readonly steps: string;
}

export const PREDICTS = {
  epsilon: 'the noise (epsilon)',
  x0: 'the clean picture (x0)',
  v: 'v = s epsilon - n x0',
  flow: 'flow = epsilon - x0',
} as const;

export const FED = {
  timestep: 'the timestep, from 0',
  diffusionTime: 'diffusion time, 0 to 1',
  noiseVariance: 'noise variance n²',
  noiseRate: 'noise rate n',
  sigma: 'sigma = n / s',
  logSnr: 'log of s² / n²',
} as const;

/** What the network sees of a pixel. */
export const RANGES = {
  signed: { text: 'pixels from -1 to 1', from: [-1, 1] },
  unit: { text: 'pixels from 0 to 1', from: [0, 1] },
} as const;

/** How much noise there is at each time, and whether time goes by timesteps. */
export const SCHEDULE_KINDS = {
  linearBeta: {
    ...{ text: 'DDPM, linear betas', stepped: true },
    of: (timesteps: number) => ({ kind: 'linearBeta', timesteps, betaStart: 0.0001, betaEnd: 0.02 }),
  },
  scaledLinearBeta: {
    ...{ text: 'scaled linear betas, as Stable Diffusion’s', stepped: true },
    of: (timesteps: number) => ({ kind: 'scaledLinearBeta', timesteps, betaStart: 0.00085, betaEnd: 0.012 }),
  },
  cosineBeta: {
    ...{ text: 'improved DDPM, cosine', stepped: true },
    of: (timesteps: number) => ({ kind: 'cosineBeta', timesteps }),
  },
  continuousCosine: {
    ...{ text: 'cosine in continuous time', stepped: false },
    of: () => ({ kind: 'continuousCosine', maxSignalRate: 0.95, minSignalRate: 0.02 }),
  },
  flow: { text: 'flow matching', stepped: false, of: () => ({ kind: 'flow' }) },
} as const;

const isFloat = ({ dtype }: GraphValue) => dtype === 'float32';
/** Names by which exporters call what a level input is fed; the first that fits. */
const LEVEL_NAMES: readonly (readonly [RegExp, Described['fed']])[] = [
  [/snr/i, 'logSnr'],
  [/sigma/i, 'sigma'],
  [/var/i, 'noiseVariance'],
  [/rate/i, 'noiseRate'],
  [/step|^ts?$/i, 'timestep'],
  [/time/i, 'diffusionTime'],
];
const OUTPUT_NAMES: readonly (readonly [RegExp, Described['predicts']])[] = [
  [/flow|velocity/i, 'flow'],
  [/x_?0|clean|denoised/i, 'x0'],
  [/^v(_pred.*)?$/i, 'v'],
];

const named = <T>(table: readonly (readonly [RegExp, T])[], name: string) =>
  table.find(([pattern]) => pattern.test(name))?.[1];

/** The likeliest description of a graph: its picture is the input of most dimensions, its level the one of fewest that is called like one. */
export function guessOf({ inputs, outputs }: GraphCard): Described {
  const byRank = [...inputs].sort((a, b) => b.shape.length - a.shape.length);
  const image = byRank.find(isFloat) ?? byRank[0];
  const others = [...byRank].reverse().filter(input => input !== image);
  const level = others.find(({ name }) => named(LEVEL_NAMES, name)) ?? others[0];
  const output = outputs.find(({ shape }) => shape.length === image?.shape.length) ?? outputs[0];
  const predicts = named(OUTPUT_NAMES, output?.name ?? '') ?? 'epsilon';
  const whole = level !== undefined && !isFloat(level);
  const fed = whole ? 'timestep' : (named(LEVEL_NAMES, level?.name ?? '') ?? 'timestep');
  const sides = image?.shape.slice(1) ?? [];
  return {
    ...{ image: image?.name ?? '', level: level?.name ?? '', output: output?.name ?? '', predicts, fed },
    shape: sides.map(dim => (typeof dim === 'number' ? dim : 64)).join(', '),
    range: sides.length === 1 ? 'unit' : 'signed',
    schedule: predicts === 'flow' ? 'flow' : fed === 'timestep' ? 'linearBeta' : 'continuousCosine',
    ...{ timesteps: '1000', steps: '20' },
  };
}

/** The description that a form holds, as docs/bring-your-own-model.md explains it. */
export function descriptionOf(name: string, form: Described, { inputs, outputs }: GraphCard): object {
  const shape = form.shape.split(/[\s,x]+/).map(Number);
  const [channels = 1] = shape;
  const { of, stepped } = SCHEDULE_KINDS[form.schedule];
  const timesteps = Number(form.timesteps);
  const given = outputs.find(output => output.name === form.output)?.shape[1];
  const further = inputs.map(input => input.name).filter(name => name !== form.image && name !== form.level);
  const learnsVariance = shape.length === 3 && given === 2 * channels;
  return {
    name,
    inputs: { image: form.image, level: form.level },
    ...{ output: form.output, predicts: form.predicts, level: form.fed, shape },
    range: {
      from: RANGES[form.range].from,
      ...{ mean: Array(channels).fill(0), std: Array(channels).fill(1) },
    },
    schedule: of(timesteps),
    sampler: {
      ...{ kind: 'ddim', steps: Number(form.steps), grid: 'linspace', final: 'x0' },
      start: stepped ? { timestep: timesteps - 1 } : { diffusionTime: 1 },
    },
    ...(further.length > 0 && { conditions: further }),
    ...(learnsVariance && { outputChannels: Array.from({ length: channels }, (_, i) => i) }),
  };
}
