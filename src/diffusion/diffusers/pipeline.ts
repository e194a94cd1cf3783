import { z } from 'zod';
import { SeedbedError } from '../../errors.ts';

/** What a pipeline's model_index.json says that bears on the levels which its network visits. */
export interface Pipeline {
  /** Its class. */
  readonly name: string;
  /** Whether it was made for few steps, at a shift of its own. */
  readonly isDistilled: boolean;
  /** The side of the squares of latents that become a token. */
  readonly patch: number | undefined;
  /** The sigmas that it begins its steps at, before they are shifted. */
  readonly sigmas: readonly number[] | undefined;
}

const schema = z.looseObject({
  _class_name: z.string(),
  is_distilled: z.boolean().nullish(),
  patch_size: z.int().min(1).nullish(),
  sample_sigmas: z.array(z.number().gt(0).max(1)).min(1).nullish(),
});

/** @param index model_index.json; undefined where it is not there or names no pipeline. */
export function pipelineOf(index: unknown): Pipeline | undefined {
  const said = schema.safeParse(index).data;
  return (
    said && {
      name: said._class_name,
      isDistilled: said.is_distilled === true,
      patch: said.patch_size ?? undefined,
      sigmas: said.sample_sigmas ?? undefined,
    }
  );
}

/** Pipelines that name their sigmas, T from 1 to 1 / T, where their scheduler alone would go from 1 to 1 / N. */
const NAMES_SIGMAS =
  /^(Bria|Chroma|DreamLite|ErnieImage|Flux|HunyuanImage|Krea2|LongCatImage|Lumina2|Nucleus|OmniGen|OvisImage|QwenImage|VisualCloze|ZImage)/;
/** Of these, those that leave them to a scheduler of another kind that is told to make sigmas of a flow. */
const LEAVES_SIGMAS = /^(Flux|OvisImage)/;
/** And those that name them only where the shift follows the resolution. */
const NAMES_FOR_RESOLUTION = /^Bria/;

/** Whether a pipeline names the sigmas of its scheduler. */
export function namesSigmas(
  pipeline: Pipeline | undefined,
  { ofFlow, isDynamic }: { ofFlow: boolean; isDynamic: boolean },
): boolean {
  if (!pipeline || !NAMES_SIGMAS.test(pipeline.name)) return false;
  if (!ofFlow && LEAVES_SIGMAS.test(pipeline.name)) return false;
  return isDynamic || !NAMES_FOR_RESOLUTION.test(pipeline.name);
}

/** Pipelines that go by levels of a formula of their own. */
const OWN_LEVELS = /^Ideogram4/;
/** Pipelines whose shift follows the resolution otherwise, and whose network is told the unshifted levels. */
const TELLS_OTHERS = /^(CogView4|GlmImage)/;
/** Pipelines whose shift follows something else than the tokens of the picture. */
const OWN_SHIFT = /^(HiDream|QwenImageLayered)/;

/** Refuses a pipeline whose levels cannot be told by its scheduler and its network's size. @throws {SeedbedError} Unsupported. */
export function requireToldLevels({ name }: Pipeline, isDynamic: boolean, at: string): void {
  const say = 'say the schedule with --config: {"schedule": {"kind": "flow", "shift": 3}}';
  const refuse = (text: string) => {
    throw new SeedbedError('Unsupported', `${name} ${text}`, { at });
  };
  if (OWN_LEVELS.test(name))
    refuse(
      'visits levels by a formula of its own, whatever its scheduler says. Say schedule and sampler with --config: {"schedule": {"kind": "flow", "shift": 1}, "sampler": {"kind": "ddim", "grid": [times from 1 down]}}',
    );
  if (!isDynamic) return;
  if (TELLS_OTHERS.test(name))
    refuse(
      `shifts its levels by a formula of its own, and tells its network others than it steps by, which a description cannot say. Export a network that is told the levels of its steps, and ${say}`,
    );
  if (OWN_SHIFT.test(name)) refuse(`shifts its levels by a formula of its own: ${say}`);
}

/** What the shift of a distilled pipeline is made of, whatever the resolution. */
const DISTILLED_MU = 1.15;

/** Whether a pipeline is shifted by that. */
export function isDistilled(pipeline: Pipeline | undefined): boolean {
  return Boolean(pipeline?.name.startsWith('Krea2') && pipeline.isDistilled);
}

/** The number that a pipeline's shift is made of, where its scheduler's fields do not say it. */
export function ownMu(pipeline: Pipeline | undefined, tokens: number, steps: number): number | undefined {
  if (pipeline?.name.startsWith('Flux2')) return flux2Mu(tokens, steps);
  return isDistilled(pipeline) ? DISTILLED_MU : undefined;
}

/** Of Flux2, whatever its scheduler's fields are: two lines in the number of tokens, at 10 and 200 steps, and between them a line in these. */
function flux2Mu(tokens: number, steps: number): number {
  const many = 0.00016927 * tokens + 0.45666666;
  if (tokens > 4300) return many;
  const few = 8.73809524e-5 * tokens + 1.89833333;
  return many + ((many - few) / 190) * (steps - 200);
}

/** The tokens that a pipeline counts of latents [C, H, W]. @param patch of its network, where its config.json says it. */
export function tokensOf(
  pipeline: Pipeline | undefined,
  [channels = 0, height = 0, width = 0]: readonly number[],
  patch: number | undefined,
): number {
  // It takes the number of channels for that of tokens, at any resolution.
  if (pipeline?.name.startsWith('Lumina2')) return channels;
  const side = pipeline?.name.startsWith('DreamLite') ? 2 : (patch ?? pipeline?.patch ?? 1);
  return Math.floor(height / side) * Math.floor(width / side);
}
