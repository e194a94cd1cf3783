/**
 * The worker's end of the browser's runtime: ONNX Runtime Web, off the page's thread.
 * @module
 */
import { expose, transfer } from 'comlink';
import type { InferenceSession } from 'onnxruntime-web';
import { createEngine } from './engine.ts';
import type { Engine } from './runtime.ts';

export type BrowserDevice = 'wasm' | 'webgpu';

let engine: Engine;

/** Fetches the build of ONNX Runtime that has the device; comes before any other call. */
export async function startEngine(device: BrowserDevice, threads: number | undefined): Promise<void> {
  const ort = await (device === 'webgpu' ? import('onnxruntime-web/webgpu') : import('onnxruntime-web/wasm'));
  // Threads need memory that workers share, which browsers give only to isolated pages.
  ort.env.wasm.numThreads = globalThis.crossOriginIsolated ? (threads ?? navigator.hardwareConcurrency) : 1;
  ort.env.logLevel = 'error';
  const options: InferenceSession.SessionOptions = {
    executionProviders: device === 'webgpu' ? ['webgpu', 'wasm'] : ['wasm'],
  };
  engine = createEngine(ort, options);
}

expose({
  startEngine,
  load: model => engine.load(model),
  run: async (session, feeds) => {
    const results = await engine.run(session, feeds);
    return transfer(
      results,
      Object.values(results).map(({ data }) => data.buffer),
    );
  },
  release: session => engine.release(session),
} satisfies Engine & { startEngine: typeof startEngine });
