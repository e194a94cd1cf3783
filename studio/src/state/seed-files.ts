/**
 * Seed files of one's own, by names that the address holds.
 * @module
 */
import { ask } from '../engine/client.ts';
import type { OpenedSeeds } from '../engine/engine.ts';
import { keep, recall } from './kept.ts';
import { untilOpen } from './models.ts';
import { idOf } from './pictures.ts';

/** Keeps a seed file, once a model can read it. @returns its id. */
export async function addSeeds(file: File, model: string): Promise<string> {
  await untilOpen(model);
  await ask('openSeeds', file, file.name, model);
  const id = await idOf(file);
  await keep('seeds', [id], { id, title: file.name, file: new Blob([file]) });
  return id;
}

/** The seeds of an id, for a model; undefined where they are not here. */
export async function seedsOf(id: string, model: string): Promise<OpenedSeeds | undefined> {
  const kept = id ? await recall('seeds', [id]) : undefined;
  return kept && ask('openSeeds', kept.file, kept.title, model);
}
