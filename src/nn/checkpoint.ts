import { SeedbedError } from '../errors.ts';
import { readBytes, writeAtomic } from '../runtime/files.ts';
import { parseJson } from '../tensor/json.ts';
import { readSafetensors, writeSafetensors } from '../tensor/safetensors.ts';
import { float32, requireFinite, type Tensor } from '../tensor/tensor.ts';
import { type Layout, packedLength } from './packing.ts';
import { RECENT, type TrainingState } from './training-step.ts';

/** What a run is: a checkpoint is only taken up by a run that is its like. */
type About = Readonly<Record<string, unknown>>;

/** Writes a state whole or not at all. @throws {SeedbedError} Diverged where it holds what is not a number. */
export async function writeCheckpoint(
  path: string,
  state: TrainingState,
  layout: Layout,
  statisticsLayout: Layout,
  about: About,
): Promise<void> {
  const { step, losses, ...moved } = state;
  const tensors = { ...moved, losses: float32([losses.length], losses) };
  for (const [name, t] of Object.entries(tensors)) {
    requireFinite(
      t,
      `training diverged by step ${step}: '${name}' is no longer a number. ${path} keeps the last good state`,
    );
  }
  await writeAtomic(
    path,
    writeSafetensors(tensors, {
      seedbed: '1',
      step: String(step),
      layout: JSON.stringify([layout, statisticsLayout]),
      about: JSON.stringify(about),
    }),
  );
}

/** Reads it back. @throws {SeedbedError} BadFile when damaged, Mismatch when of another run, naming the difference. */
export async function readCheckpoint(
  path: string,
  layout: Layout,
  statisticsLayout: Layout,
  about: About,
): Promise<TrainingState> {
  const { tensors, metadata } = readSafetensors(await readBytes(path), path);
  checkAbout(metadata.about, about, path);
  if (metadata.layout !== JSON.stringify([layout, statisticsLayout])) {
    throw new SeedbedError(
      'Mismatch',
      `${path}: belongs to a network of another shape. Use the configuration of that run, or another --out`,
    );
  }
  const step = Number(metadata.step);
  const take = (name: string, length: number): Tensor<'float32'> => {
    const t = tensors.get(name);
    if (t?.dtype !== 'float32' || t.shape.join() !== String(length) || !t.data.every(Number.isFinite))
      throw new SeedbedError(
        'BadFile',
        `${path}: damaged checkpoint: '${name}' is missing, or is not ${length} finite numbers`,
      );
    return t as Tensor<'float32'>;
  };
  if (!/^\d+$/.test(metadata.step ?? '') || !Number.isSafeInteger(step))
    throw new SeedbedError('BadFile', `${path}: damaged checkpoint: step is '${metadata.step}'`);
  const size = packedLength(layout);
  return {
    step,
    parameters: take('parameters', size),
    m: take('m', size),
    v: take('v', size),
    ema: take('ema', size),
    statistics: take('statistics', packedLength(statisticsLayout)),
    losses: tensors.has('losses') ? Array.from(take('losses', Math.min(step, RECENT)).data) : [],
  };
}

function checkAbout(text: string | undefined, now: About, path: string): void {
  let then: About;
  try {
    then = parseJson(text ?? '') as About;
  } catch (cause) {
    throw new SeedbedError('BadFile', `${path}: damaged checkpoint: it does not say which run it is of`, {
      cause,
    });
  }
  const found = firstDifference(then, now, '');
  if (!found) return;
  const [before, after] = [found.then, found.now].map(value => JSON.stringify(value));
  throw new SeedbedError(
    'Mismatch',
    `${path}: the run was started with ${found.place} ${before}, and now it is ${after}. Repeat it as it was, or name another --out`,
  );
}

/** The first place where two pieces of plain data differ. */
function firstDifference(
  then: unknown,
  now: unknown,
  place: string,
): { place: string; then: unknown; now: unknown } | undefined {
  if (JSON.stringify(then) === JSON.stringify(now)) return undefined;
  const isRecord = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isRecord(then) || !isRecord(now)) return { place, then, now };
  const [a, b] = [then, now] as [About, About];
  return [...new Set([...Object.keys(a), ...Object.keys(b)])]
    .map(key => firstDifference(a[key], b[key], place ? `${place}.${key}` : key))
    .find(difference => difference !== undefined);
}
