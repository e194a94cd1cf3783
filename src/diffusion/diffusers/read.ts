import { z } from 'zod';
import { SeedbedError } from '../../errors.ts';
import type { Graph } from '../../graph/ir.ts';
import { furtherInputs, inputInWords } from '../further-inputs.ts';
import { checked } from './checked.ts';
import { type Config, FIELDS } from './fields.ts';
import { type Pipeline, pipelineOf, tokensOf } from './pipeline.ts';
import { isPreconditioned, preconditionedFields } from './preconditioned.ts';
import { clipsIn, samplerOf } from './sampler.ts';
import { betaSchedule, flowSchedule } from './schedule.ts';
import { leftOut, type Read, SCHEDULERS } from './schedulers.ts';

/** What of a diffusers unet/config.json says which pictures it works on. */
const unetSchema = z.object({
  in_channels: z.int().gt(0),
  out_channels: z.int().gt(0).nullish(),
  patch_size: z.union([z.int().gt(0), z.array(z.int().gt(0)).min(1)]).nullish(),
  all_patch_size: z.array(z.int().gt(0)).nullish(),
  sample_size: z.union([z.int().gt(0), z.array(z.int().gt(0)).length(2)]).nullish(),
});

/** Steps of the sampler where nobody says how many; diffusers' pipelines take 50. */
const STEPS = 50;

interface Options {
  /** The model's name. */
  readonly name: string;
  /** The name that messages give it. */
  readonly file: string;
  /** Fields of the description that somebody gives: they count instead of what the folder says, which is then not read. */
  readonly given?: Readonly<Record<string, unknown>> | undefined;
  /** The folder's model_index.json, which names the class of its pipeline. */
  readonly index?: unknown;
  /** T. */
  readonly steps?: number | undefined;
  /** Keeps the scheduler's clipping of x0, which has no inverse; left out unless asked for. */
  readonly clip?: boolean | undefined;
  /** Follows diffusers where it steps beside its own timesteps. */
  readonly like?: 'diffusers' | undefined;
  /** Whether an autoencoder lies beside the network, which then works on latents. */
  readonly autoencoder?: boolean | undefined;
  /** Told what is left out. */
  readonly note?: (text: string) => void;
}

/**
 * The description of a diffusers model exported to ONNX, from its scheduler_config.json and, where there is one, the
 * network's config.json: the schedule, what is predicted, and the timesteps that diffusers itself would visit. Every field is
 * read as the tables say (schedulers.ts, fields.ts).
 * @throws {SeedbedError} Unsupported, naming class or field, for what has no counterpart here, BadFile for a damaged file;
 * neither for what is given.
 */
export function fromDiffusers(
  graph: Graph,
  scheduler: unknown,
  unet: unknown,
  { name, file, given = {}, index, steps = STEPS, clip = false, like, autoencoder, note = () => {} }: Options,
): Record<string, unknown> {
  const pipeline = pipelineOf(index);
  const where = `${file}: scheduler_config.json`;
  const isGiven = (field: string) => field in given;
  const reads = READ_OF_SCHEDULER.some(field => !isGiven(field));
  const { row, config } = reads ? classOf(scheduler, where, note) : NOT_READ;
  if (reads) passFields(row, config, isGiven, { where, clip, note });
  const { shape, own, outputChannels, tokens } = shapeOf(graph, unet, given.shape, pipeline, file);
  const ofLatents = autoencoder || !PICTURE_CHANNELS.includes(own.length);
  const said: Record<string, () => unknown> = {
    name: () => name,
    inputs: () => inputsOf(graph, file),
    output: () => graph.outputs[0]?.name,
    predicts: () => predictsOf(row, config, where, note),
    level: () => 'timestep',
    shape: () => shape,
    range: () => rangeOf(own.length, ofLatents),
    schedule: () =>
      isFlow(row, config)
        ? flowSchedule(config, { tokens, steps, pipeline }, where, note)
        : betaSchedule(config, where),
    ...(outputChannels && { outputChannels: () => outputChannels }),
    conditions: () => conditionsOf(graph, given, file, note),
    ...(isPreconditioned(row.spacing) && preconditionedFields(row.spacing, config, steps, where)),
  };
  const rest = Object.entries(said).filter(([field]) => !isGiven(field));
  const described: Record<string, unknown> = {
    ...Object.fromEntries(rest.map(([field, say]) => [field, say()])),
    ...given,
  };
  if (isGiven('sampler')) return described;
  const { schedule } = described;
  return {
    ...described,
    sampler: samplerOf(config, row, schedule, { steps, clip, like, pipeline, where, note }),
  };
}

/** Channels of pictures; networks of others work on an autoencoder's latents, as every diffusers pipeline does. */
const PICTURE_CHANNELS = [1, 3];

function rangeOf(channels: number, ofLatents: boolean) {
  const each = (value: number) => new Array<number>(channels).fill(value);
  return ofLatents
    ? { from: null, mean: each(0), std: each(1) }
    : { from: [0, 1], mean: each(0.5), std: each(0.5) };
}

/** What is read from scheduler_config.json. */
const READ_OF_SCHEDULER = ['schedule', 'predicts', 'sampler'] as const;
const NOT_READ: { row: Read; config: Config } = { row: { spacing: 'own', fields: {} }, config: {} };

/** The scheduler's row, and its fields with the defaults of its class. */
function classOf(
  scheduler: unknown,
  where: string,
  note: (text: string) => void,
): { row: Read; config: Config } {
  const said = checked(z.looseObject({ _class_name: z.string().default('DDPMScheduler') }), scheduler, where);
  const name = said._class_name;
  const row = Object.hasOwn(SCHEDULERS, name) ? SCHEDULERS[name] : undefined;
  if (!row || 'refused' in row)
    throw new SeedbedError(
      'Unsupported',
      `its scheduler, ${name}, is not read: ${row ? row.refused : 'Seedbed does not know it'}. Describe it with --config: schedule, predicts and sampler`,
      { at: where },
    );
  const fields = Object.keys(said).filter(field => !field.startsWith('_') && field !== 'predict_epsilon');
  const unknown = fields.filter(field => !Object.hasOwn(row.fields, field));
  if (unknown.length > 0)
    note(
      `its scheduler_config.json has what ${name} does not know, which is passed over: ${unknown.join(', ')}`,
    );
  const known = fields.filter(field => Object.hasOwn(row.fields, field));
  const chosen = Object.fromEntries(known.map(field => [field, said[field]]));
  const config = { ...row.fields, ...chosen, ...pick(said, 'predict_epsilon') };
  const left = leftOut(row, config);
  if (left) note(`its ${name} makes ${left}, left out: steps are DDIM's, on its timesteps`);
  return { row, config };
}

const pick = (from: Config, field: string) => (field in from ? { [field]: from[field] } : {});

/** Refuses, or says with a note, what a field asks for that is not done. */
function passFields(
  row: Read,
  config: Config,
  isGiven: (field: string) => boolean,
  { where, clip, note }: { where: string; clip: boolean; note: (text: string) => void },
): void {
  for (const field of Object.keys(row.fields)) {
    const { does, text, instead, asks } = FIELDS[field]!;
    if (!asks?.(config[field], config) || (instead && isGiven(instead))) continue;
    if (does === 'refused')
      throw new SeedbedError(
        'Unsupported',
        `${field} ${JSON.stringify(config[field])}: ${text}. Say otherwise with --config: {"${instead}": ...}`,
        { at: where },
      );
    note(`its ${field} is left out: it ${text}`);
  }
  if (clipsIn(row, config) && !clip && !isGiven('sampler'))
    note('its scheduler clips x0; left out, since a clipped step has no inverse (--clip keeps it)');
}

/** Whether noise and picture add up to one, and not their squares. */
function isFlow({ spacing }: Read, config: Config): boolean {
  return spacing === 'flow' || config.use_flow_sigmas === true;
}

const PREDICTS = { epsilon: 'epsilon', sample: 'x0', v_prediction: 'v', flow_prediction: 'flow' } as const;

/** What the network predicts; `predict_epsilon` is of diffusers 0.7 to 0.9, which later ones ignore. */
function predictsOf(row: Read, config: Config, where: string, note: (text: string) => void): string {
  if (row.spacing === 'flow') return 'flow';
  const kinds = isFlow(row, config)
    ? (['epsilon', 'sample', 'v_prediction', 'flow_prediction'] as const)
    : (['epsilon', 'sample', 'v_prediction'] as const);
  const schema = z.object({ prediction_type: z.enum(kinds).default('epsilon') });
  const { prediction_type } = checked(schema, config, where);
  if (prediction_type === 'v_prediction' && isFlow(row, config))
    throw new SeedbedError(
      'Unsupported',
      'prediction_type "v_prediction" with use_flow_sigmas: diffusers reads v as where the squares of both rates add up to 1, and with flow sigmas they do not, so that its pictures come out fainter than those that the network learned. --config {"predicts": "v"} takes v as what it means',
      { at: where },
    );
  if (config.predict_epsilon === false && prediction_type === 'epsilon')
    note(
      'its predict_epsilon, false, is a key of old that diffusers ignores too: taken as predicting epsilon. If it predicts the clean picture, say {"predicts": "x0"} by --config',
    );
  return PREDICTS[prediction_type];
}

function inputsOf(graph: Graph, file: string): { image: string; level: string } {
  const image = graph.inputs.find(input => input.shape.length === 4);
  const level = graph.inputs.find(input => /time|t$/i.test(input.name) && input.shape.length < 2);
  if (image && level) return { image: image.name, level: level.name };
  throw new SeedbedError(
    'BadFile',
    `does not look like a diffusers network: no input of pictures and one of timesteps among ${graph.inputs.map(i => i.name).join(', ')}. Describe it with --config`,
    { at: file },
  );
}

/** What the network takes besides picture and level, such as an encoded text, and nothing holds fixed. */
function conditionsOf(
  graph: Graph,
  given: Readonly<Record<string, unknown>>,
  file: string,
  note: (text: string) => void,
): string[] | undefined {
  const inputs = namesSchema.safeParse(given.inputs).data ?? inputsOf(graph, file);
  const fixed = z.looseObject({}).safeParse(given.fixedInputs).data ?? {};
  const open = furtherInputs(graph, { inputs }).filter(({ name }) => !Object.hasOwn(fixed, name));
  if (open.length === 0) return undefined;
  note(
    `its further inputs become conditions, which every command is given: ${open.map(inputInWords).join(', ')}`,
  );
  return open.map(({ name }) => name);
}

const namesSchema = z.object({ image: z.string(), level: z.string() });

/** The most channels of a picture; more are refused, by the graph that has fewer, or as a description. */
const MOST_CHANNELS = 4096;

/** The shape of a picture, its channels, and which of the output's are the prediction, where it has more. */
function shapeOf(
  graph: Graph,
  unet: unknown,
  given: unknown,
  pipeline: Pipeline | undefined,
  file: string,
): { shape: readonly number[]; own: number[]; outputChannels: number[] | undefined; tokens: number } {
  // Beside a shape that is given, a damaged or incomplete file does not matter.
  const config =
    given === undefined && unet !== undefined
      ? checked(unetSchema, unet, `${file}: the network's config.json`)
      : (unetSchema.partial().safeParse(unet).data ?? {});
  const { in_channels, out_channels, sample_size, patch_size, all_patch_size } = config;
  const dims = graph.inputs.find(input => input.shape.length === 4)?.shape.slice(1) ?? [];
  const size = typeof sample_size === 'number' ? [sample_size, sample_size] : (sample_size ?? dims.slice(1));
  // A config.json may speak of latents packed two by two; the module that is exported packs them.
  const packed = in_channels !== undefined && 4 * Number(dims[0]) === in_channels;
  const shape = Array.isArray(given) ? given : [packed ? dims[0] : (in_channels ?? dims[0]), ...size];
  if (given === undefined && !(shape.length === 3 && shape.every(dim => typeof dim === 'number')))
    throw new SeedbedError(
      'BadFile',
      `the size of its pictures is open ([${dims}]) and no config.json beside it says it. Describe it with --config`,
      { at: file },
    );
  const channels = out_channels ?? graph.outputs[0]?.shape[1];
  const own = Array.from({ length: Math.min(Number(shape[0]) || 0, MOST_CHANNELS) }, (_, i) => i);
  const networkPatch = Array.isArray(patch_size) ? patch_size.at(-1) : (patch_size ?? all_patch_size?.[0]);
  const tokens = tokensOf(pipeline, shape.map(Number), packed ? 2 : networkPatch);
  return { shape, own, outputChannels: channels === 2 * own.length ? own : undefined, tokens };
}
