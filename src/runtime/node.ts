import { totalmem } from 'node:os';
import * as ort from 'onnxruntime-node';
import { messageOf, SeedbedError } from '../errors.ts';
import type { Graph } from '../graph/ir.ts';
import { serializeModel } from '../graph/protobuf.ts';
import { type DType, type Tensor, tensor } from '../tensor/tensor.ts';
import type { Feeds, Runtime, Session } from './runtime.ts';

/** Devices that ONNX Runtime offers on Node; which of them a machine has depends on its system and drivers. */
export const DEVICES = ['cpu', 'webgpu', 'cuda', 'dml', 'coreml'] as const;
export type Device = (typeof DEVICES)[number];

export interface RuntimeOptions {
  /** Where to run; 'cpu' unless given. */
  readonly device?: Device;
  /** Threads for one operator; ONNX Runtime chooses one a core unless given. */
  readonly threads?: number;
}

/**
 * Runs graphs by ONNX Runtime in Node.
 * @throws {SeedbedError} Machine when this machine lacks the device.
 * @example const runtime = createRuntime({ threads: 2 })
 */
export function createRuntime({ device = 'cpu', threads }: RuntimeOptions = {}): Runtime {
  const available = ort.listSupportedBackends().map(backend => backend.name);
  if (!available.includes(device)) {
    throw new SeedbedError(
      'Machine',
      `device '${device}' is not built into this machine's ONNX Runtime, which has: ${available.join(', ')}. Use --device cpu`,
    );
  }
  const options: ort.InferenceSession.SessionOptions = {
    executionProviders: device === 'cpu' ? ['cpu'] : [device, 'cpu'],
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
    ...(threads ? { intraOpNumThreads: threads } : {}),
  };
  return { device, memoryBytes: totalmem(), load: graph => loadSession(graph, device, options) };
}

async function loadSession(
  graph: Graph,
  device: Device,
  options: ort.InferenceSession.SessionOptions,
): Promise<Session> {
  let session: ort.InferenceSession;
  try {
    session = await ort.InferenceSession.create(serializeModel(graph), options);
  } catch (cause) {
    const hint =
      device === 'cpu' ? '' : `; is there a driver for device '${device}'? --device cpu always works`;
    throw new SeedbedError(
      'Machine',
      `ONNX Runtime cannot load graph '${graph.name}': ${messageOf(cause)}${hint}`,
      { cause },
    );
  }
  return {
    async run(feeds) {
      const results = await session.run(toOrt(graph, feeds));
      return Object.fromEntries(Object.entries(results).map(([name, result]) => [name, fromOrt(result)]));
    },
    dispose: () => session.release(),
  };
}

function toOrt(graph: Graph, feeds: Feeds): Record<string, ort.Tensor> {
  return Object.fromEntries(
    graph.inputs.map(input => {
      const given = feeds[input.name];
      const fits =
        given &&
        given.shape.length === input.shape.length &&
        given.dtype === input.dtype &&
        input.shape.every((dim, i) => typeof dim === 'string' || dim === given.shape[i]);
      if (!fits) {
        const got = given ? `${given.dtype} [${given.shape}]` : 'nothing';
        throw new SeedbedError(
          'BadShape',
          `graph '${graph.name}': input '${input.name}' takes ${input.dtype} [${input.shape}], got ${got}`,
        );
      }
      return [input.name, new ort.Tensor(given.dtype as 'float32', given.data as Float32Array, given.shape)];
    }),
  );
}

function fromOrt(result: ort.Tensor): Tensor {
  return tensor(result.type as DType, result.dims, result.data as never);
}
