/**
 * The names of what is computed: the same of the same, in every tab, and in what ships with the studio.
 * @module
 */
import type { EmbedRequest } from '../engine/engine.ts';
import type { Of } from './kept.ts';

/** The id of a picture that ships, from where it lies in examples/. */
export function shippedId(path: string): string {
  const [, folder = '', file = ''] = /([^/]+)\/([^/]+)\.png$/.exec(path)!;
  return folder === 'fashion-mnist' ? file : `${folder}/${file}`;
}

/** A name of what bytes hold: FNV-1a of 32 bits, in hexadecimal. */
export function contentName(bytes: Uint8Array): string {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}

/** A picture as a model takes it. @param model its hash, as below. */
export const readOf = (picture: string, model: string): Of => [picture, model];

/** The seed of a picture, or of what was drawn on it. */
export function foundOf(
  picture: string,
  model: string,
  { method, iterations = 0, naturalness = -1 }: Pick<EmbedRequest, 'method' | 'iterations' | 'naturalness'>,
  drawn = '',
): Of {
  return [picture, model, method, iterations, naturalness, drawn];
}

/** A way between two pictures. @param path arc or chord. @param seeds how the seeds of its ends are found. */
export function walkOf(from: string, to: string, model: string, path: string, seeds: string): Of {
  return ['walk', from, to, model, path, seeds];
}
