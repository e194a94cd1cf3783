/**
 * Which files belong together: a model, its description, and what holds its weights, in whatever order they come.
 * @module
 */
import { ask } from '../engine/client.ts';
import { asked, openOrAsk } from './describing.ts';
import { attempt, say } from './notices.ts';

export const endsWith = (file: File, ...endings: string[]) =>
  endings.some(ending => file.name.toLowerCase().endsWith(ending));

const stemOf = ({ name }: File) => name.replace(/\.[^.]*$/, '');

/** What came before the others of its model. */
let held: readonly File[] = [];

/** Opens the models among files, each with its own. @returns the files that are of no model. */
export async function takeModels(files: readonly File[]): Promise<readonly File[]> {
  const all = [...held, ...files];
  held = [];
  const used = new Set<File>();
  const graphs = all.filter(file => endsWith(file, '.onnx'));
  const autoencoderOf = (file: File) => graphs.find(other => stemOf(other) === `${stemOf(file)}-autoencoder`);
  const autoencoders = graphs.map(autoencoderOf);
  const models = graphs.filter(file => !autoencoders.includes(file));
  const descriptions = await described(all);
  for (const file of models) {
    used.add(file);
    const names = await attempt(() => ask('dataFilesOf', file));
    if (!names) continue;
    const beside = all.filter(({ name }) => names.includes(name));
    const alone = models.length === 1 && descriptions.length === 1;
    const description = descriptions.find(json => alone || stemOf(json) === stemOf(file));
    const autoencoder = autoencoderOf(file);
    const own = [...beside, description, autoencoder].filter(other => other !== undefined);
    for (const other of own) used.add(other);
    const missing = names.filter(name => !beside.some(other => other.name === name));
    if (missing.length === 0)
      await attempt(() => openOrAsk({ file, description, autoencoder, data: beside }));
    else {
      held = [...held, file, ...own];
      say(`${file.name} has its weights in ${missing.join(', ')}: open that, too.`);
    }
  }
  for (const file of all) {
    const isDescription = descriptions.includes(file);
    if (used.has(file) || !(isDescription || endsWith(file, '.data', '.onnx_data'))) continue;
    used.add(file);
    const waiting = isDescription ? asked() : undefined;
    if (waiting) await attempt(() => openOrAsk({ ...waiting.files, description: file }));
    else {
      held = [...held, file];
      say(`${file.name} is of a model: open its .onnx file, too.`);
    }
  }
  return all.filter(file => !used.has(file));
}

/** The files that describe a model: JSON that says what is predicted. */
async function described(files: readonly File[]): Promise<File[]> {
  const json = files.filter(file => endsWith(file, '.json'));
  const texts = await Promise.all(json.map(file => file.text()));
  return json.filter((_, i) => texts[i]!.includes('"predicts"') && !texts[i]!.includes('"studio project"'));
}
