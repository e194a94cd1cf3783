import type { Denoiser } from '../diffusion/info.ts';
import { chooseSampler, type SamplerInfo } from '../diffusion/sampler-info.ts';
import { SeedbedError } from '../errors.ts';
import type { EmbedOptions } from './embedding.ts';
import { checkEmbedder, checkMethod, inversionFor, METHODS, type Method, methodRow } from './methods.ts';
import type { InversionOptions } from './settings.ts';
import { checkSettings } from './settings-check.ts';

/** What is to be inverted, and how. */
export interface Plan {
  readonly method: Method;
  readonly sampler: SamplerInfo;
  readonly inversion: InversionOptions;
}

/**
 * The method, sampler and settings that options choose, whatever the picture.
 * @throws {SeedbedError} BadArgument for options that there are not, are out of range or contradict each other, Mismatch for an embedder of another denoiser.
 */
export function planFor(model: Denoiser, options: EmbedOptions): Plan {
  const { embedder, starts = 1 } = options;
  const method = options.method ?? (embedder ? 'embedder+descent' : 'auto');
  const sampler = chooseSampler(model.info.sampler, options);
  const inversion = inversionFor(method, options.inversion);
  checkSettings(options, inversion);
  refuseUnused(method, options);
  checkMethod({ method, sampler, inversion, model, starts });
  checkEmbedder(method, model, embedder);
  return { method, sampler, inversion };
}

/** @throws {SeedbedError} BadArgument for an option of descent beside a method that does not descend. */
function refuseUnused(method: Method, options: EmbedOptions): void {
  const unused = (['memory', 'tolerance'] as const).find(name => options[name] !== undefined);
  if (unused === undefined || methodRow(method).recipe) return;
  const descending = METHODS.filter(other => methodRow(other).recipe).join(', ');
  throw new SeedbedError(
    'BadArgument',
    `method '${method}' has no use for '${unused}'. Leave it out, or give one of the methods that have: ${descending}`,
  );
}
