import type { Dataset } from '../data/dataset.ts';
import { openDataset } from '../data/open.ts';
import type { Denoiser, Embedder } from '../diffusion/info.ts';
import { loadEmbedder, loadModel } from '../diffusion/load.ts';
import { RECIPES } from '../embedding/recipes.ts';
import { joinSought, pieceSeeker, soughtCodec } from '../embedding/seek.ts';
import { isSeedbedError, SeedbedError } from '../errors.ts';
import {
  BATCH,
  type Lab,
  readPictures,
  type SeedCloud,
  type Sizes,
  SUBJECTS,
  type Subject,
} from '../experiments/paper/lab.ts';
import { kindOf, trainingOf } from '../experiments/paper/measure/siblings.ts';
import {
  exists,
  isDirectory,
  joinPath,
  listFiles,
  readBytes,
  readJson,
  sha256Hex,
  writeAtomic,
} from '../runtime/files.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { average } from '../tensor/statistics.ts';
import { keptAs } from '../work/kept.ts';
import { inFreeOrder, inTurn, type Marks } from '../work/marks.ts';
import { inPieces, type Unfinished } from '../work/unfinished.ts';
import { packaged } from './files.ts';
import type { Terminal } from './terminal.ts';

/** Where the laboratory finds what experiments ask for. */
export interface LabFlags {
  dataDir?: string;
  models?: string;
  portraits?: string;
  rng: number;
}

/** The third-party denoiser of 64 x 64 portraits, which the person names. */
const PORTRAITS = 'anime64';
/** Folders of pictures that ship. */
const FOLDERS: Readonly<Record<string, string>> = {
  paintings: 'examples/paintings',
  faces: 'examples/faces',
};
/** The denoiser that all embedders are of. */
const EMBEDDED = 'fashion-mnist';
/** Seeds between two writings of what is done. */
const PIECE = 2 * BATCH;

/** A laboratory whose models are files and whose clouds are kept until all is done. */
export interface OpenLab extends Lab {
  /** What to do about what is missing of the things that an experiment needs, or does not fit; empty where nothing is amiss. */
  missing(needs: readonly string[]): Promise<string>;
  /** What a denoiser's file says of it, without its taking part. */
  inspect(name: string): Promise<Denoiser['info']>;
  /** The models that took part so far, by name. */
  readonly used: ReadonlyMap<string, Denoiser | Embedder>;
}

/** Where a laboratory works, and who is told. */
interface Place {
  readonly runtime: Runtime;
  readonly terminal: Pick<Terminal, 'signal'>;
  readonly unfinished: Unfinished;
  /** What other processes that work there have in hand. */
  readonly marks: Marks;
  /** Told what is being done. */
  readonly progress: (done: number, total: number) => void;
}

/** Opens the laboratory of `reproduce`. */
export async function openLab(place: Place, flags: LabFlags, sizes: Sizes): Promise<OpenLab> {
  const { runtime, terminal, unfinished, marks, progress } = place;
  const { signal } = terminal;
  const folder = folderOf(flags);
  const sets = await setsAtHand(flags.dataDir);
  const models = await modelsAtHand(flags);
  const used = new Map<string, Denoiser | Embedder>();
  async function remember<M extends Denoiser | Embedder>(name: string, load: (path: string) => Promise<M>) {
    const known = used.get(name);
    if (known) return known as M;
    const path = models.get(name);
    if (!path) throw new SeedbedError('Machine', remedyOf(name, folder, models));
    const model = await load(path);
    used.set(name, model);
    return model;
  }
  const lab: OpenLab = {
    runtime,
    sizes,
    rng: flags.rng,
    signal,
    used,
    report(done, total) {
      if (signal.aborted)
        throw new SeedbedError('Interrupted', 'stopped; the same command with --resume goes on');
      progress(done, total);
    },
    has: what => models.has(what) || sets.has(what),
    denoiser: name => remember(name, loadModel),
    async embedder(name) {
      const embedder = await remember(name, loadEmbedder);
      const misfit = misfitOf(name, embedder, await lab.denoiser(EMBEDDED));
      if (misfit) throw new SeedbedError('Mismatch', misfit);
      return embedder;
    },
    data: (name, split, shape) => openSet(name, split, flags.dataDir, shape),
    async missing(needs) {
      const absent = needs.filter(need => !lab.has(need));
      const remedies = absent.map(need =>
        need.startsWith('data:') ? remedyOfData(need.slice(5)) : remedyOf(need, folder, models),
      );
      if (remedies.length > 0) return remedies.join('; ');
      const misfits: string[] = [];
      for (const name of needs.filter(need => kindOf(need) === 'embedder'))
        misfits.push(
          misfitOf(name, await loadEmbedder(models.get(name)!), await loadModel(models.get(EMBEDDED)!)),
        );
      return misfits.filter(Boolean).join('; ');
    },
    inspect: async name => (await loadModel(models.get(name)!)).info,
    inScratch: (name, work) => inTurn(marks, name, signal, () => work(unfinished.path(name))),
    kept(name, schema, make) {
      const path = unfinished.path(`${name}.json`);
      return inTurn(marks, name, signal, async () => {
        if (await exists(path)) return keptAs(schema, await readJson(path), path);
        const made = await make();
        await writeAtomic(path, JSON.stringify(made));
        return made;
      });
    },
    eachPicture(subject, count, work) {
      const names = Array.from({ length: count }, (_, index) => `at-${subject}-${index}`);
      return inFreeOrder(marks, names, signal, work);
    },
    cloud(subject, index, method = 'auto') {
      const wanted = { subject, index, method };
      return inTurn(marks, cloudName(wanted), signal, () => seekCloud(lab, place, wanted));
    },
  };
  return lab;
}

/** Why an embedder cannot be used, in words; empty where it belongs to the denoiser. */
function misfitOf(name: string, { info }: Embedder, { hash }: Denoiser): string {
  if (info.denoiser === hash) return '';
  return `embedder ${name} was trained for denoiser ${info.denoiser.slice(0, 12)}, but ${EMBEDDED} is ${hash.slice(0, 12)}. Train it for that one`;
}

/** Which cloud: of which of a subject's test pictures, by which method. */
interface Wanted {
  readonly subject: Subject;
  readonly index: number;
  readonly method: 'auto' | 'descent';
}

const cloudName = ({ subject, index, method }: Wanted) => `${subject}-${method}-${index}`;

/** Finds the seeds of a subject's test picture, piece by piece, or reads them where they were found before. */
async function seekCloud(lab: Lab, place: Place, wanted: Wanted): Promise<SeedCloud> {
  const { subject, index, method } = wanted;
  const { runtime, progress, unfinished } = place;
  const { signal } = place.terminal;
  const model = await lab.denoiser(SUBJECTS[subject].model);
  const image = await readPictures(await lab.data(subject, 'test'), index, index + 1);
  const { recipe, iterations } = lab.sizes.descent;
  const name = cloudName(wanted);
  const path = (part: string) => unfinished.path(`cloud-${name}-${part}`);
  // A cloud that diverges leaves what other experiments found.
  const own: Unfinished = { path, remove: async () => {} };
  const count = method === 'auto' ? lab.sizes.clouds.seeds : lab.sizes.descent.seeds;
  const options = {
    ...{ method, batch: BATCH, rng: lab.rng },
    ...(method === 'descent' && { recipe: { ...RECIPES[recipe], iterations } }),
  };
  const onProgress = (first: number, last: number, share: number) =>
    progress(first + Math.floor(share * (last - first)), count);
  const seeker = pieceSeeker(
    { runtime, model, most: Math.min(PIECE, count), signal, onProgress },
    (first, last) => ({ images: image, options, firstStart: first, starts: last - first }),
  );
  const pieces = { count, piece: PIECE, signal, codec: soughtCodec(model) };
  const found = await inPieces(own, pieces, seeker.doPiece).finally(seeker.close);
  const { latent, pictures, results } = joinSought(found);
  const evaluations = average(results.map(result => result.evaluations));
  const errors = results.map(({ mse }) => mse);
  return { name, model, index, image, latent, pictures, errors, evaluations };
}

const folderOf = (flags: LabFlags) => flags.models ?? packaged('models/reproduction');

async function modelsAtHand(flags: LabFlags): Promise<Map<string, string>> {
  const models = await modelsIn([packaged('models'), folderOf(flags)]);
  if (flags.portraits) models.set(PORTRAITS, flags.portraits);
  return models;
}

/** By what the models at hand are known again: the sha256 of each one's file. */
export async function hashesOfModels(flags: LabFlags): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for (const [name, path] of await modelsAtHand(flags)) hashes[name] = sha256Hex(await readBytes(path));
  return hashes;
}

/** The model files of folders by name; those of later folders come before those of earlier ones. */
async function modelsIn(folders: readonly string[]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const folder of folders)
    for (const file of (await isDirectory(folder)) ? await listFiles(folder) : [])
      if (file.endsWith('.onnx')) found.set(file.replace(/\.onnx$/, ''), joinPath(folder, file));
  return found;
}

async function setsAtHand(dataDir: string | undefined): Promise<Set<string>> {
  const found = new Set(Object.keys(FOLDERS).map(name => `data:${name}`));
  for (const name of Object.keys(SUBJECTS)) {
    try {
      await openSet(name, 'test', dataDir);
      await openSet(name, 'train', dataDir);
      found.add(`data:${name}`);
    } catch (error) {
      if (!isSeedbedError(error, 'Machine')) throw error;
    }
  }
  return found;
}

function openSet(
  name: string,
  split: 'train' | 'test',
  dataDir: string | undefined,
  shape?: readonly number[],
): Promise<Dataset> {
  const folder = FOLDERS[name];
  if (!folder) return openDataset(`${name}:${split}`, { dataDir });
  const [channels, ...size] = (shape ?? [3, 64, 64]) as [1 | 3, number, number];
  return openDataset(packaged(folder), { channels, size });
}

function remedyOf(name: string, folder: string, models: ReadonlyMap<string, string>): string {
  if (name === PORTRAITS)
    return `a denoiser of 64 x 64 portraits is not named: --portraits model.onnx, which seedbed import makes`;
  const kind = kindOf(name);
  const { config, rng } = trainingOf(name);
  const of = kind === 'embedder' && models.has(EMBEDDED) ? ` --model ${models.get(EMBEDDED)}` : '';
  const run = `seedbed train ${kind} --config configs/reproduction/${config}.json${of} --out runs/${name}${rng > 0 ? ` --rng ${rng}` : ''}`;
  const how =
    folder === packaged('models/reproduction')
      ? 'it lies in the repository and not in the npm package. Train it with'
      : 'train it as the others there were trained, such as by';
  return `model ${name} is not in ${folder}; ${how}: ${run} && cp runs/${name}/model.onnx ${joinPath(folder, `${name}.onnx`)}`;
}

function remedyOfData(name: string): string {
  return `data set ${name} was not found; name its folder's parent with --data-dir, or fetch it with: seedbed data fetch ${name}`;
}
