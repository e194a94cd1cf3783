/**
 * A model that does not say what it is, and what a person says of it.
 * @module
 */
import { createSignal } from 'solid-js';
import { ask } from '../engine/client.ts';
import type { GraphCard, ModelFiles } from '../engine/engine.ts';
import { openModel } from './models.ts';

/** A model that waits for its description. */
export interface Undescribed {
  readonly files: ModelFiles;
  readonly graph: GraphCard;
}

const [undescribed, setUndescribed] = createSignal<Undescribed>();

export { undescribed };

/** Opens a model; one that nobody has described is asked about. */
export async function openOrAsk(files: ModelFiles): Promise<void> {
  if (!files.description) {
    const graph = await ask('lookAt', files);
    if (!graph.described) return void setUndescribed({ files, graph });
  }
  await openModel(files);
  setUndescribed(undefined);
}

export const leaveUndescribed = () => setUndescribed(undefined);
