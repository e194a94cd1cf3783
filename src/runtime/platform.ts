/**
 * Seedbed's platform, Node or a browser, whichever package.json's "#platform" names, and the runtime that calls share on it.
 * @module
 */
import { createRuntime } from '#platform';
import type { Runtime } from './runtime.ts';

export { createRuntime, decodeImage, encodePng, readOnnx, readSource } from '#platform';

let shared: Promise<Runtime> | undefined;

/** The runtime that calls share when they are not given one: the platform's own choice of device. */
export function sharedRuntime(): Promise<Runtime> {
  shared ??= createRuntime().catch(error => {
    // What failed once, such as a page without its network, may not fail again.
    shared = undefined;
    throw error;
  });
  return shared;
}
