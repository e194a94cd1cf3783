/**
 * What an evaluation of a network costs here, from which is foretold what work will take.
 * @module
 */
import { float32 } from 'seedbed';
import { modelOf, samplerOf, weightsOf } from './open.ts';
import type { OnReport } from './work.ts';

/** Networks of fewer weights are done before anyone would have read what they cost. */
const LARGE = 5_000_000;

const paces = new Map<string, number>();

/** Seconds that an evaluation takes for one picture, measured once; undefined for small networks. */
export async function paceOf(key: string, report: OnReport): Promise<number | undefined> {
  const model = await modelOf(key);
  if (weightsOf(model) < LARGE) return undefined;
  const known = paces.get(key);
  if (known !== undefined) return known;
  report({ doing: 'measuring one evaluation' });
  const sampler = await samplerOf(key, 1, { steps: 1 });
  const { shape } = model.info;
  const flat = new Float32Array(shape.reduce((product, dim) => product * dim, 1));
  const begun = performance.now();
  await sampler.grow(float32([1, ...shape], flat));
  const pace = (performance.now() - begun) / 1000;
  paces.set(key, pace);
  return pace;
}
