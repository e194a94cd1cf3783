import type { InferenceSession } from 'onnxruntime-web';
import { messageOf, SeedbedError } from '../errors.ts';
import type { Graph } from '../graph/ir.ts';
import { serializeModel } from '../graph/protobuf.ts';
import { type ArrayOf, type DType, tensor } from '../tensor/tensor.ts';
import { computesWeights, withFastConvolutions } from './convolutions.ts';
import { blockSizeOf } from './probe.ts';
import type { Engine, Feeds, Runtime, Session } from './runtime.ts';

/** What every build of ONNX Runtime has, for Node and for the browser. */
export type Ort = Pick<typeof import('onnxruntime-web'), 'InferenceSession' | 'Tensor'>;

/**
 * How all graphs are run. ONNX Runtime's memory patterns are off: after the first run of a graph with known shapes they lay out
 * all of its memory once more, in one block beside what the arena holds by then, and are no faster.
 */
const USUAL = { graphOptimizationLevel: 'all', logSeverityLevel: 3, enableMemPattern: false } as const;

/** The engine on one build of ONNX Runtime, in this thread. */
export function createEngine(
  ort: Ort,
  options: InferenceSession.SessionOptions,
): Engine & { releaseAll(): Promise<void> } {
  const sessions = new Map<number, InferenceSession>();
  let created = 0;
  let last: Promise<unknown> = Promise.resolve();
  // One call after the other: the WebAssembly build fails with "Session already started" when two overlap.
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = last.then(work);
    last = result.catch(() => {});
    return result;
  };
  return {
    load: model =>
      inTurn(async () => {
        sessions.set(++created, await ort.InferenceSession.create(model, { ...USUAL, ...options }));
        return created;
      }),
    run: (session, feeds) =>
      inTurn(async () => {
        const given = Object.entries(feeds).map(([name, { dtype, data, shape }]) => [
          name,
          new ort.Tensor(dtype as 'float32', data as Float32Array, shape),
        ]);
        const results = await sessions.get(session)!.run(Object.fromEntries(given));
        return Object.fromEntries(
          Object.entries(results).map(([name, { type, dims, data }]) => [
            name,
            tensor(type as DType, dims, bitsOf(type, data) as ArrayOf<DType>),
          ]),
        );
      }),
    release: session =>
      inTurn(async () => {
        await sessions.get(session)?.release();
        sessions.delete(session);
      }),
    releaseAll: () =>
      inTurn(async () => {
        for (const session of sessions.values()) await session.release();
        sessions.clear();
      }),
  };
}

/** The bits of half precision: where JavaScript has such numbers ONNX Runtime gives them as these. */
function bitsOf(type: string, data: InferenceSession.OnnxValueMapType[string]['data']) {
  return type === 'float16' && ArrayBuffer.isView(data) && !(data instanceof Uint16Array)
    ? new Uint16Array(data.buffer, data.byteOffset, data.byteLength / Uint16Array.BYTES_PER_ELEMENT)
    : data;
}

/** What a device may lack besides a driver, and how to have it. */
const LACKED: Readonly<Record<string, string>> = {
  cuda: 'its libraries (npm install onnxruntime-node --onnxruntime-node-install=cuda12), ',
};

/** The runtime on an engine: graphs become bytes, feeds are checked, faults are put in words. */
export function createRuntimeOn(
  engine: Engine,
  about: Pick<Runtime, 'device' | 'memoryBytes' | 'dispose'>,
): Runtime {
  const explain = (action: string, graph: Graph) => (cause: unknown) => {
    const hint =
      about.device === 'cpu'
        ? ''
        : `; device '${about.device}' may lack ${LACKED[about.device] ?? ''}a driver, an operator or memory`;
    if (cause instanceof SeedbedError) throw cause;
    const message = `ONNX Runtime cannot ${action} graph '${graph.name}': ${reasonOf(cause)}${hint}`;
    throw new SeedbedError('Machine', message, { cause });
  };
  let isEnded = false;
  const refuseEnded = () => {
    if (isEnded) throw new SeedbedError('BadArgument', 'the runtime was disposed of; make another');
  };
  let blockSize: Promise<number | undefined> | undefined;
  /** The graph as this engine runs it fastest. */
  const fastest = async (graph: Graph): Promise<Graph> => {
    if (!computesWeights(graph)) return graph;
    if (about.device === 'cpu') blockSize ??= blockSizeOf(engine).catch(() => undefined);
    return withFastConvolutions(graph, await blockSize);
  };
  const load = async (graph: Graph): Promise<Session> => {
    refuseEnded();
    const model = serializeModel(await fastest(graph));
    const session = await engine.load(model).catch(explain('load', graph));
    let isDisposed = false;
    return {
      async run(feeds) {
        refuseEnded();
        if (isDisposed)
          throw new SeedbedError('BadArgument', `graph '${graph.name}' was disposed of; load it again`);
        return engine.run(session, checked(graph, feeds)).catch(explain('run', graph));
      },
      dispose() {
        isDisposed = true;
        return engine.release(session);
      },
    };
  };
  return {
    ...about,
    load,
    dispose() {
      isEnded = true;
      return about.dispose();
    },
  };
}

/**
 * ONNX Runtime's reason in one line, without the place in its source that may stand before it, `/PATH/FILE.cc:LINE
 * FUNCTION(...) CONDITION was false.`
 */
function reasonOf(cause: unknown): string {
  const line = messageOf(cause).trim().replace(/\s+/g, ' ');
  const reason = line
    .replace(/\S*\.(?:cc|h|cpp|cuh?):\d+ .*? was false\. /g, '')
    .replace(/\S*\/\S*\.(?:cc|h|cpp|cuh?):\d+ /g, '');
  return reason || line;
}

/** The feeds that the graph takes. @throws {SeedbedError} BadShape when one does not fit. */
function checked(graph: Graph, feeds: Feeds): Feeds {
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
      return [input.name, given];
    }),
  );
}
