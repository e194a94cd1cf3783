import { type Denoiser, givesLatents } from '../diffusion/info.ts';
import { pictureShape } from '../diffusion/pictures.ts';
import { SeedbedError } from '../errors.ts';
import { type Floats, float32, type Tensor, toFloat32 } from '../tensor/tensor.ts';

/** What a model takes and gives, as its commands name it and the files that hold it. */
export const subjectOf = (model: Denoiser) => (givesLatents(model) ? 'latents' : 'pictures');

/** How sheets draw latents. */
export const DRAWN = 'sheets show latents by three channels, each from its least to its greatest value';

/** What is said behind figures, which are of pixels unless something is said. */
export const ofWhat = (model: Denoiser) => (givesLatents(model) ? ' of latents' : '');

/** Latents from an array, one or several, of any numbers. */
export function latentsIn(stored: Tensor, model: Denoiser, file: string): Floats {
  const { data, shape } = toFloat32(stored);
  const wanted = pictureShape(model);
  const all = shape.length === wanted.length ? [1, ...shape] : shape;
  if (data.length === 0 || all.slice(1).join() !== wanted.join()) throw notLatents(model, file, stored);
  const bad = data.findIndex(value => !Number.isFinite(value));
  if (bad < 0) return float32(all, data);
  throw new SeedbedError('BadFile', `element ${bad} of the latents is ${data[bad]}, not a finite number`, {
    at: file,
  });
}

/** What is said of what is no array of latents. */
export function notLatents(model: Denoiser, file: string, got?: Tensor): SeedbedError {
  return new SeedbedError(
    'BadShape',
    `model '${model.info.name}' works on an autoencoder's latents; expected an array (.npy or .npz) of latents [n, ${pictureShape(model)}], got ${got ? `[${got.shape}]` : 'a picture; --autoencoder makes latents of it'}`,
    { at: file },
  );
}
