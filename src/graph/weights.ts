import { SeedbedError } from '../errors.ts';
import { readSafetensors, unreadType, writeSafetensors } from '../tensor/safetensors.ts';
import { type Tensor, toFloat32 } from '../tensor/tensor.ts';
import type { Graph } from './ir.ts';

/**
 * A graph's weights as the bytes of a safetensors file: all its initialisers, other constants included, by name.
 * @group Files
 * @example
 * import { writeFile } from 'node:fs/promises';
 * import { exportWeights, loadModel, SHIPPED_DENOISER } from 'seedbed';
 * const { graph } = await loadModel(SHIPPED_DENOISER);
 * await writeFile('weights.safetensors', exportWeights(graph));
 */
export function exportWeights(graph: Graph): Uint8Array<ArrayBuffer> {
  return writeSafetensors(graph.initializers);
}

/**
 * The graph with the weights of a safetensors file in place of its own, initialiser by initialiser. float16 and
 * bfloat16 weights are widened where the graph has float32, which is exact.
 * @param file the name that messages give the file.
 * @throws {SeedbedError} BadFile when the bytes are no safetensors file, Mismatch naming the weights that are missing,
 * that the graph does not have, or that have another shape or type.
 * @group Files
 * @example
 * import { exportWeights, importWeights, loadModel, SHIPPED_DENOISER } from 'seedbed';
 * const { graph } = await loadModel(SHIPPED_DENOISER);
 * const copy = importWeights(graph, exportWeights(graph), 'weights.safetensors');
 * console.log(copy.initializers.size === graph.initializers.size); // prints true
 */
export function importWeights(graph: Graph, bytes: Uint8Array, file: string): Graph {
  const { tensors, unread } = readSafetensors(bytes, file);
  const has = `${file} does not hold the weights of graph '${graph.name}'`;
  for (const [name, code] of unread)
    if (graph.initializers.has(name))
      throw new SeedbedError('Mismatch', `${has}: '${name}' is ${unreadType(code)}`);
  const missing = [...graph.initializers.keys()].filter(name => !tensors.has(name));
  if (missing.length > 0) throw new SeedbedError('Mismatch', `${has}: it lacks ${list(missing)}`);
  const extra = [...tensors.keys(), ...unread.keys()].filter(name => !graph.initializers.has(name));
  if (extra.length > 0) throw new SeedbedError('Mismatch', `${has}: the graph has no ${list(extra)}`);
  const initializers = [...graph.initializers].map(([name, own]): [string, Tensor] => {
    const given = own.dtype === 'float32' ? widened(tensors.get(name)!) : tensors.get(name)!;
    if (given.dtype === own.dtype && given.shape.join() === own.shape.join()) return [name, given];
    throw new SeedbedError(
      'Mismatch',
      `${has}: '${name}' is ${describe(given)}, the graph's is ${describe(own)}`,
    );
  });
  return { ...graph, initializers: new Map(initializers) };
}

function widened(t: Tensor): Tensor {
  return t.dtype === 'float16' ? toFloat32(t) : t;
}

function describe({ dtype, shape }: Tensor): string {
  return `${dtype} [${shape}]`;
}

/** The most names that a message lists. */
const MOST_NAMES = 5;

function list(names: readonly string[]): string {
  const shown = names.slice(0, MOST_NAMES).map(name => `'${name}'`);
  const rest = names.length - shown.length;
  return shown.join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}
