import type { Denoiser, Embedder, SamplerInfo } from '../diffusion/info.ts';
import { exactSolver } from '../diffusion/sampler.ts';
import { requireWhole, SeedbedError } from '../errors.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { type InversionOptions, METHODS, type Method } from './settings.ts';

type Floats = Tensor<'float32'>;

/**
 * The size of the pictures that a model takes, without its padding.
 * @returns [C, H, W]; [D] for a model of points.
 * @group Models
 * @example
 * import { loadModel, pictureShape, SHIPPED_DENOISER } from 'seedbed';
 * console.log(pictureShape(await loadModel(SHIPPED_DENOISER))); // prints [ 1, 28, 28 ]
 */
export function pictureShape(model: Denoiser): number[] {
  return model.info.shape.map((dim, axis) => (axis === 0 ? dim : dim - 2 * model.info.padding));
}

export function checkImages(images: Floats, model: Denoiser): void {
  const wanted = pictureShape(model);
  if (images.shape.slice(1).join() !== wanted.join() || images.shape[0] === 0) {
    throw new SeedbedError(
      'BadShape',
      `model '${model.info.name}' embeds pictures [n, ${wanted}], got [${images.shape}]. Resize them, or let the command line do it`,
    );
  }
}

export function checkNoiseOf(pictures: Floats, images: Floats): void {
  if (pictures.shape.join() !== images.shape.join())
    throw new SeedbedError(
      'BadShape',
      `noiseOf: expected as many pictures of the same size as there are to embed, [${images.shape}], got [${pictures.shape}]`,
    );
}

export function checkMethod(
  method: Method,
  { kind, steps }: SamplerInfo,
  { diffused, interior }: InversionOptions,
  model: Denoiser,
  embedder: Embedder | undefined,
  starts: number,
): void {
  const refuse = (message: string) => {
    throw new SeedbedError('BadArgument', message);
  };
  if (!METHODS.includes(method)) refuse(`there is no method '${method}'. There are: ${METHODS.join(', ')}`);
  const two = exactSolver({ kind } as SamplerInfo) !== undefined;
  if (two !== (method === 'exact'))
    refuse(
      two
        ? `sampler '${kind}' keeps two states, which method 'exact' inverts; method '${method}' cannot`
        : `method 'exact' inverts samplers 'edict', 'bdia' and 'obelm'; '${kind}' has no exact inverse. Give one of them, or another method`,
    );
  if (kind !== 'ddim' && !two && !method.endsWith('descent') && method !== 'embedder')
    refuse(`method '${method}' undoes the steps of sampler 'ddim'; for '${kind}' use method 'descent'`);
  const undoes = method === 'naive' || method === 'fixed-point' || method === 'newton';
  requireWhole('diffused', diffused, 0);
  if (!(diffused < steps))
    refuse(`of ${steps} steps at most ${steps - 1} can be replaced by noise, not ${diffused}`);
  if (interior.solver === 'renoise' && (method.endsWith('split') || method === 'auto'))
    refuse(
      `'renoise' undoes steps from the picture on, as in method 'fixed-point'; method '${method}' cannot use it`,
    );
  if (
    interior.solver === 'renoise' &&
    undoes &&
    (model.info.shape.length !== 3 || model.info.shape.slice(1).some(d => d % 4))
  )
    refuse(`'renoise' works on pictures whose sides are multiples of 4, not on [${model.info.shape}]`);
  const deterministic = method === 'embedder' || (undoes && !diffused && interior.solver !== 'renoise');
  if (starts !== 1 && (deterministic || method.includes('embedder') || kind === 'edict'))
    refuse(
      `method '${method}' finds one seed a picture; several starts need a method that begins from noise, such as 'split' or 'descent'`,
    );
  if (!method.includes('embedder')) return;
  if (!embedder)
    throw new SeedbedError(
      'BadArgument',
      `method '${method}' needs an embedder. Give one, or use method 'split'`,
    );
  if (embedder.info.denoiser !== model.hash) {
    throw new SeedbedError(
      'Mismatch',
      `the embedder was trained for denoiser ${embedder.info.denoiser}, but this one is ${model.hash}`,
    );
  }
}

/** Seeds that a model can grow. @throws {SeedbedError} BadShape for any other shape than [n, ...shape], n from 1. */
export function checkSeeds<T extends Tensor>({ info }: Denoiser, latent: T): T {
  const [count = 0, ...shape] = latent.shape;
  if (count > 0 && shape.join() === info.shape.join()) return latent;
  throw new SeedbedError(
    'BadShape',
    `model '${info.name}' grows seeds [n, ${info.shape}] with n from 1, got [${latent.shape}]`,
  );
}
