import { type Denoiser, givesLatents } from '../diffusion/info.ts';
import { pictureShape, requirePixels } from '../diffusion/pictures.ts';
import { SeedbedError } from '../errors.ts';
import type { Floats, Tensor } from '../tensor/tensor.ts';

/** Pictures that a model can embed. @throws {SeedbedError} BadShape, BadArgument for what is not finite, and for pixels that are not from 0 to 1. */
export function checkImages(images: Floats, model: Denoiser): void {
  const wanted = pictureShape(model);
  if (images.shape.slice(1).join() !== wanted.join() || images.shape[0] === 0) {
    throw new SeedbedError(
      'BadShape',
      `model '${model.info.name}' embeds pictures [n, ${wanted}], got [${images.shape}]. Resize them, or let the command line do it`,
    );
  }
  const odd = images.data.find(value => !Number.isFinite(value));
  if (odd !== undefined)
    throw new SeedbedError('BadArgument', `embed: the pictures hold ${odd}, which is no number`);
  if (wanted.length === 3 && !givesLatents(model))
    requirePixels(`model '${model.info.name}' embeds pixels from 0 to 1`, images);
}

export function checkNoiseOf(pictures: Floats, images: Floats): void {
  if (pictures.shape.join() !== images.shape.join())
    throw new SeedbedError(
      'BadShape',
      `noiseOf: expected as many pictures of the same size as there are to embed, [${images.shape}], got [${pictures.shape}]`,
    );
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
