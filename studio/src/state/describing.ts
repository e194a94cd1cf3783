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

/** They are asked about one after the other. */
const [waiting, setWaiting] = createSignal<readonly Asked[]>([]);

/** The one that is asked about. */
export const asked = (): Asked | undefined => waiting()[0];

/** Opens a model; one that nobody has described, or that is conditional, is asked about. */
export async function openOrAsk(files: ModelFiles): Promise<void> {
  if (!files.conditions) {
    const graph = await ask('lookAt', files);
    if (!graph.described || graph.conditions.length > 0) {
      const others = waiting().filter(other => other.files.file !== files.file);
      return void setWaiting([...others, { files, graph }]);
    }
  }
  if (await openModel(files)) setWaiting(waiting().filter(other => other.files.file !== files.file));
}

export const leaveAsked = () => setWaiting(waiting().slice(1));
