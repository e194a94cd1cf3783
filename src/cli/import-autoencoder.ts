import { AUTOENCODER_FOLDERS, autoencoderOf, UNSCALED_FOLDER } from '../diffusion/diffusers/autoencoder.ts';
import { type ForeignHalf, importAutoencoder } from '../diffusion/foreign-autoencoder.ts';
import type { Autoencoder, Denoiser } from '../diffusion/info.ts';
import { isSeedbedError } from '../errors.ts';
import { parseModel } from '../graph/protobuf.ts';
import { widen } from '../graph/widen.ts';
import { exists, isDirectory, joinPath, listFiles, readJson } from '../runtime/files.ts';
import { readOnnxFile } from '../runtime/onnx-file.ts';

/** Whether a diffusers folder has an autoencoder, exported or not: its denoiser then works on latents. */
export async function hasAutoencoder(folder: string): Promise<boolean> {
  const found = await Promise.all(AUTOENCODER_FOLDERS.map(name => isDirectory(joinPath(folder, name))));
  return found.includes(true);
}

/**
 * The autoencoder of a diffusers folder: vae_encoder/ and vae_decoder/ exported to ONNX, and a config.json that says what
 * their numbers mean.
 * @param note told why it is left out, where it cannot be read.
 */
export async function autoencoderIn(
  folder: string,
  denoiser: Denoiser,
  note: (text: string) => void,
): Promise<Autoencoder | undefined> {
  if (!(await hasAutoencoder(folder))) return undefined;
  const leftOut = (why: string) => note(`its autoencoder is left out, and what it grows are latents: ${why}`);
  const [encoder, decoder] = [await halfIn(folder, 'encoder'), await halfIn(folder, 'decoder')];
  const config = await configIn(folder);
  if (!encoder || !decoder || !config) {
    const missing = {
      'vae_encoder/model.onnx': encoder,
      'vae_decoder/model.onnx': decoder,
      'vae/config.json': config,
    };
    const names = Object.entries(missing).filter(([, file]) => !file);
    leftOut(`there is no ${names.map(([name]) => name).join(' and no ')} in ${folder}`);
    return undefined;
  }
  try {
    const isScaled = !config.endsWith(joinPath(UNSCALED_FOLDER, 'config.json'));
    const said = await readJson(config, { python: true });
    const about = autoencoderOf(said, denoiser.info.shape[0]!, config, isScaled);
    return importAutoencoder(
      { encoder: await readHalf(encoder), decoder: await readHalf(decoder) },
      denoiser,
      about,
    );
  } catch (error) {
    if (!isSeedbedError(error)) throw error;
    leftOut(error.message);
    return undefined;
  }
}

async function readHalf(path: string): Promise<ForeignHalf> {
  const { bytes, files } = await readOnnxFile(path);
  return { graph: widen(parseModel(bytes, path, files)), file: path };
}

/** The one ONNX file of a half's own folder. */
async function halfIn(folder: string, half: 'encoder' | 'decoder'): Promise<string | undefined> {
  const at = joinPath(folder, `vae_${half}`);
  if (!(await isDirectory(at))) return undefined;
  const found = (await listFiles(at)).filter(name => name.endsWith('.onnx'));
  return found.length === 1 ? joinPath(at, found[0]!) : undefined;
}

async function configIn(folder: string): Promise<string | undefined> {
  for (const name of AUTOENCODER_FOLDERS) {
    const path = joinPath(folder, name, 'config.json');
    if (await exists(path)) return path;
  }
  return undefined;
}
