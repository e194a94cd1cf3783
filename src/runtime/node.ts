/**
 * Seedbed's platform on Node: what package.json's "#platform" names there.
 * @module
 */
import { createRequire } from 'node:module';
import { totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { InferenceSession } from 'onnxruntime-web';
import { requireWhole, SeedbedError } from '../errors.ts';
import { createEngine, createRuntimeOn, type Ort } from './engine.ts';
import { readBytes } from './files.ts';
import { readOnnxFile } from './onnx-file.ts';
import { DEVICES, type Runtime, type RuntimeOptions } from './runtime.ts';
import { type Named, type NamedOnnx, readInMemory, type Source } from './source.ts';

export { decodeImage, encodePng } from './images.ts';

/** How the native runtime is had: its own install script looks for CUDA outside of the registry, and is not needed. */
export const NATIVE_REMEDY = 'to install it: npm install --ignore-scripts onnxruntime-node';

/** ONNX Runtime's native build, an optional dependency: its own install script fails where there is no internet. */
function nativeBuild(): (Ort & typeof import('onnxruntime-node')) | undefined {
  try {
    return createRequire(import.meta.url)('onnxruntime-node');
  } catch {
    return undefined;
  }
}

/**
 * Makes ready what runs graphs, ONNX Runtime: on Node its native build, or WebAssembly where that is not installed; in
 * a browser WebGPU where there is an adapter, or else WebAssembly, in a worker of its own so that the page stays quick.
 * @throws {SeedbedError} BadArgument for threads that are no whole number from 1, Machine when ONNX Runtime was built without the device;
 * where a driver or library is missing, the first graph that is loaded says so.
 * @group Runtime
 * @example
 * import { createRuntime, loadModel, sample, SHIPPED_DENOISER } from 'seedbed';
 * const runtime = await createRuntime({ threads: 1 });
 * const model = await loadModel(SHIPPED_DENOISER);
 * const { pictures } = await sample(model, { count: 1, runtime });
 * await runtime.dispose();
 */
export async function createRuntime({ device, threads }: RuntimeOptions = {}): Promise<Runtime> {
  if (threads !== undefined) requireWhole('threads', threads, 1);
  const native = device === 'wasm' ? undefined : nativeBuild();
  const chosen = device ?? (native ? 'cpu' : 'wasm');
  const backends = native?.listSupportedBackends() ?? [];
  const built = ['wasm', ...backends.map(({ name }) => name)];
  if (!built.includes(chosen)) {
    const remedy = native
      ? 'choose one of these, or leave it out'
      : `the native build is not installed; ${NATIVE_REMEDY}`;
    const has = DEVICES.filter(name => built.includes(name)).join(', ');
    throw new SeedbedError(
      'Machine',
      `device '${chosen}' is not built into this machine's ONNX Runtime, which has: ${has}; ${remedy}`,
    );
  }
  // What a device's own libraries lack is said in words of ours; the runtime would write its own to the terminal before.
  if (native && backends.some(({ name, bundled }) => name === chosen && !bundled))
    native.env.logLevel = 'fatal';
  const options: InferenceSession.SessionOptions = {
    executionProviders: chosen === 'cpu' || chosen === 'wasm' ? [chosen] : [chosen, 'cpu'],
    ...(threads ? { intraOpNumThreads: threads } : {}),
  };
  const engine = createEngine(native ?? (await webAssembly(threads)), options);
  return createRuntimeOn(engine, {
    device: chosen,
    memoryBytes: totalmem(),
    dispose: engine.releaseAll,
  });
}

async function webAssembly(threads: number | undefined): Promise<Ort> {
  const ort = await import('onnxruntime-web');
  if (threads) ort.env.wasm.numThreads = threads;
  return ort;
}

/**
 * Reads a file by its path or `file:` URL, or what is in memory.
 * @throws {SeedbedError} BadArgument when it is not there or is another kind of URL, Machine when it cannot be read.
 */
export async function readSource(source: Source): Promise<Named> {
  const held = await readInMemory(source);
  if (held) return held;
  const name = pathOf(source);
  return { bytes: await readBytes(name), name };
}

/**
 * Reads an ONNX file as {@link readSource} does, and where it has a path also the files beside it that hold its weights.
 * @throws {SeedbedError} as {@link readSource}, BadFile when it is not ONNX or names a file outside its folder,
 * Unsupported when the files hold more than 2 GiB together.
 */
export async function readOnnx(source: Source): Promise<NamedOnnx> {
  const held = await readInMemory(source);
  return held ? { ...held, files: new Map() } : readOnnxFile(pathOf(source));
}

/** The path of a source that is not in memory. @throws {SeedbedError} BadArgument when it is another kind of URL. */
function pathOf(source: Source): string {
  if (source instanceof URL && source.protocol !== 'file:') {
    throw new SeedbedError(
      'BadArgument',
      `${source} is not a file; on Node, fetch it first and pass the bytes`,
    );
  }
  return source instanceof URL ? fileURLToPath(source) : String(source);
}
