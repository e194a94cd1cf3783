/**
 * What a model does not say, and a person is asked for: what it is, and what it is to be told.
 * @module
 */
import { createSignal } from 'solid-js';
import { ask } from '../engine/client.ts';
import type { GraphCard, ModelFiles } from '../engine/engine.ts';
import { openModel } from './models.ts';

/** A model that waits for its description, or for the values of its conditions. */
export interface Asked {
  readonly files: ModelFiles;
  readonly graph: GraphCard;
}

const [asked, setAsked] = createSignal<Asked>();

export { asked };

/** Opens a model; one that nobody has described, or that is conditional, is asked about. */
export async function openOrAsk(files: ModelFiles): Promise<void> {
  if (!files.conditions) {
    const graph = await ask('lookAt', files);
    if (!graph.described || graph.conditions.length > 0) return void setAsked({ files, graph });
  }
  await openModel(files);
  setAsked(undefined);
}

export const leaveAsked = () => setAsked(undefined);
