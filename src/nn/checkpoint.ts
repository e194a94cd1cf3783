import { SeedbedError } from '../errors.ts';
import type { Graph } from '../graph/ir.ts';
import { readBytes, writeAtomic } from '../runtime/files.ts';
import { readSafetensors, writeSafetensors } from '../tensor/safetensors.ts';
import { type Tensor, zeros } from '../tensor/tensor.ts';
import { type Layout, pack, packedLength } from './packing.ts';

/** Everything that changes from step to step; all that is needed to go on to the same bits. */
export interface TrainingState {
  step: number;
  parameters: Tensor<'float32'>;
  m: Tensor<'float32'>;
  v: Tensor<'float32'>;
  ema: Tensor<'float32'>;
  statistics: Tensor<'float32'>;
}

/** The state before the first step. */
export function initialState(network: Graph, layout: Layout, statisticsLayout: Layout): TrainingState {
  const parameters = pack(network.initializers, layout);
  const blank = () => zeros('float32', parameters.shape);
  return {
    step: 0,
    parameters,
    m: blank(),
    v: blank(),
    ema: parameters,
    statistics: pack(network.initializers, statisticsLayout),
  };
}

/** Writes a state whole or not at all. */
export async function writeCheckpoint(
  path: string,
  state: TrainingState,
  layout: Layout,
  statisticsLayout: Layout,
): Promise<void> {
  const { step, ...tensors } = state;
  await writeAtomic(
    path,
    writeSafetensors(tensors, {
      seedbed: '1',
      step: String(step),
      layout: JSON.stringify([layout, statisticsLayout]),
    }),
  );
}

/** Reads it back. @throws {SeedbedError} BadFile when damaged, Mismatch when of a network of another shape. */
export async function readCheckpoint(
  path: string,
  layout: Layout,
  statisticsLayout: Layout,
): Promise<TrainingState> {
  const { tensors, metadata } = readSafetensors(await readBytes(path), path);
  if (metadata.layout !== JSON.stringify([layout, statisticsLayout])) {
    throw new SeedbedError(
      'Mismatch',
      `${path}: belongs to a network of another shape. Use the configuration of that run, or another --out`,
    );
  }
  const step = Number(metadata.step);
  const take = (name: string, length: number): Tensor<'float32'> => {
    const t = tensors.get(name);
    if (t?.dtype !== 'float32' || t.data.length !== length)
      throw new SeedbedError(
        'BadFile',
        `${path}: damaged checkpoint: '${name}' is missing or of the wrong size`,
      );
    return t as Tensor<'float32'>;
  };
  if (!Number.isSafeInteger(step) || step < 0)
    throw new SeedbedError('BadFile', `${path}: damaged checkpoint: step is '${metadata.step}'`);
  const size = packedLength(layout);
  return {
    step,
    parameters: take('parameters', size),
    m: take('m', size),
    v: take('v', size),
    ema: take('ema', size),
    statistics: take('statistics', packedLength(statisticsLayout)),
  };
}
