/**
 * What an evaluation of a network costs here, from which is foretold what work will take.
 * @module
 */
import { float32 } from 'seedbed';
import { modelOf, samplerOf, ships } from './open.ts';
import type { OnReport } from './work.ts';

const paces = new Map<string, number>();

/** Another network goes by the key now. */
export const forgetPace = (key: string) => void paces.delete(key);

/** Seconds that an evaluation takes for one picture, measured once; undefined for networks that ship, which are quick. */
export async function paceOf(key: string, report: OnReport): Promise<number | undefined> {
  if (ships(key)) return undefined;
  const known = paces.get(key);
  if (known !== undefined) return known;
  report({ doing: 'measuring one evaluation' });
  const sampler = await samplerOf(key, 1, { steps: 1 });
  const { shape } = (await modelOf(key)).info;
  const flat = new Float32Array(shape.reduce((product, dim) => product * dim, 1));
  const begun = performance.now();
  await sampler.grow(float32([1, ...shape], flat));
  const pace = (performance.now() - begun) / 1000;
  paces.set(key, pace);
  return pace;
}
