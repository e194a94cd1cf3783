import { SeedbedError } from '../errors.ts';
import { parseJson } from '../tensor/json.ts';
import { readSafetensors, writeSafetensors } from '../tensor/safetensors.ts';
import { float32, requireFinite, sizeOf, type Tensor } from '../tensor/tensor.ts';
import { type Layout, packedLength } from './packing.ts';
import { RECENT, type TrainingState } from './training-step.ts';

/** What a run is: a checkpoint is only taken up by a run that is its like. */
type About = Readonly<Record<string, unknown>>;

/**
 * A state as the bytes of a file, from which a run goes on to the same bits.
 * @param name of the file, for messages.
 * @throws {SeedbedError} Diverged where it holds what is not a number.
 */
export function packCheckpoint(
  name: string,
  state: TrainingState,
  layout: Layout,
  statisticsLayout: Layout,
  about: About,
): Uint8Array {
  const { step, losses, ...moved } = state;
  const tensors = { ...moved, losses: float32([losses.length], losses) };
  for (const [part, t] of Object.entries(tensors)) {
    requireFinite(
      t,
      `training diverged by step ${step}: '${part}' is no longer a number. ${name} keeps the last good state`,
    );
  }
  return writeSafetensors(tensors, {
    seedbed: '1',
    step: String(step),
    layout: JSON.stringify([layout, statisticsLayout]),
    about: JSON.stringify(about),
  });
}

/** Reads it back. @throws {SeedbedError} BadFile when damaged, Mismatch when of another run, naming the difference. */
export function unpackCheckpoint(
  name: string,
  bytes: Uint8Array,
  layout: Layout,
  statisticsLayout: Layout,
  about: About,
): TrainingState {
  const { tensors, metadata } = readSafetensors(bytes, name);
  checkAbout(metadata.about, about, name);
  if (metadata.layout !== JSON.stringify([layout, statisticsLayout])) {
    throw new SeedbedError(
      'Mismatch',
      'belongs to a network of another shape. Use the configuration of that run, or begin a new one (on the command line, with another --out)',
      { at: name },
    );
  }
  const step = Number(metadata.step);
  const take = (part: string, length: number): Tensor<'float32'> => {
    const t = tensors.get(part);
    if (t?.dtype !== 'float32' || t.shape.join() !== String(length) || !t.data.every(Number.isFinite))
      throw new SeedbedError(
        'BadFile',
        `damaged checkpoint: '${part}' is missing, or is not ${length} finite numbers`,
        { at: name },
      );
    return t as Tensor<'float32'>;
  };
  if (!/^\d+$/.test(metadata.step ?? '') || !Number.isSafeInteger(step))
    throw new SeedbedError('BadFile', `damaged checkpoint: step is '${metadata.step}'`, { at: name });
  const size = packedLength(layout);
  const kept = sizeOf(tensors.get('losses')?.shape ?? [0]);
  return {
    step,
    parameters: take('parameters', size),
    m: take('m', size),
    v: take('v', size),
    ema: take('ema', size),
    statistics: take('statistics', packedLength(statisticsLayout)),
    // One that was taken up from a checkpoint without them has fewer.
    losses: kept > 0 ? Array.from(take('losses', Math.min(step, RECENT, kept)).data) : [],
  };
}

function checkAbout(text: string | undefined, now: About, name: string): void {
  let then: About;
  try {
    then = parseJson(text ?? '') as About;
  } catch (cause) {
    throw new SeedbedError('BadFile', 'damaged checkpoint: it does not say which run it is of', {
      at: name,
      cause,
    });
  }
  const found = firstDifference(then, now, '');
  if (!found) return;
  const [before, after] = [found.then, found.now].map(value => JSON.stringify(value));
  throw new SeedbedError(
    'Mismatch',
    `the run was started with ${found.place} ${before}, and now it is ${after}. Repeat it as it was, or begin a new one (on the command line, with another --out)`,
    { at: name },
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
