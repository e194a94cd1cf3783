/**
 * Seedbed's platform in the browser: what package.json's "#platform" names for bundlers.
 * @module
 */
import { transfer, wrap } from 'comlink';
import { messageOf, SeedbedError } from '../errors.ts';
import type { BrowserDevice, startEngine } from './browser-worker.ts';
import { createRuntimeOn } from './engine.ts';
import type { Engine, Runtime, RuntimeOptions } from './runtime.ts';
import { type Named, type NamedOnnx, readInMemory, type Source } from './source.ts';

export { decodeImage, encodePng } from './browser-images.ts';

/** How long a worker may take to begin before another is tried, in milliseconds, and how many are tried. */
const [PATIENCE, TRIES] = [10_000, 3];

/** A worker's engine, and what ends it. */
interface Connection {
  readonly engine: Engine;
  readonly end: () => void;
}

/** WebAssembly addresses 4 GiB at most, whatever the machine has. */
const WASM_BYTES = 2 ** 32;

/**
 * Runs graphs by ONNX Runtime in a worker of its own, so that a page stays quick: on WebGPU where there is an
 * adapter, or else as WebAssembly, with threads where the page is cross-origin isolated.
 * @throws {SeedbedError} Machine when the device is not there, or the runtime cannot be fetched.
 * @example const runtime = await createRuntime({ device: 'wasm' })
 */
export async function createRuntime({ device, threads }: RuntimeOptions = {}): Promise<Runtime> {
  const chosen = device ?? ((await hasWebGpu()) ? 'webgpu' : 'wasm');
  if (chosen !== 'wasm' && chosen !== 'webgpu') {
    throw new SeedbedError(
      'Machine',
      `device '${chosen}' does not exist in a browser; it has wasm and webgpu`,
    );
  }
  if (chosen === 'webgpu' && !(await hasWebGpu())) {
    throw new SeedbedError('Machine', "this browser offers no WebGPU adapter; use device 'wasm'");
  }
  const memoryBytes = Math.min(
    WASM_BYTES,
    ((navigator as { deviceMemory?: number }).deviceMemory ?? 4) * 2 ** 30,
  );
  const { engine, end } = await started(chosen, threads);
  return createRuntimeOn(engine, { device: chosen, memoryBytes, dispose: async () => end() });
}

/** The engine in a worker. One that does not begin in {@link PATIENCE} is ended, and another tried: in Firefox some never do. */
async function started(
  device: BrowserDevice,
  threads: number | undefined,
  tries = TRIES,
): Promise<Connection> {
  const worker = new Worker(new URL('./browser-worker.js', import.meta.url), { type: 'module' });
  let late: ReturnType<typeof setTimeout> | undefined;
  const waited = new Promise<undefined>(resolve => {
    // The last may take as long as a slow network asks for.
    if (tries > 1) late = setTimeout(resolve, PATIENCE, undefined);
  });
  try {
    const connection = await Promise.race([connect(worker, device, threads), waited]);
    if (connection) return connection;
  } catch (error) {
    worker.terminate();
    throw error;
  } finally {
    clearTimeout(late);
  }
  worker.terminate();
  return started(device, threads, tries - 1);
}

/** The engine in the worker; a worker that cannot start, or was ended, fails every call, instead of leaving it without answer. */
async function connect(
  worker: Worker,
  device: BrowserDevice,
  threads: number | undefined,
): Promise<Connection> {
  const death = new AbortController();
  const end = () => {
    worker.terminate();
    death.abort(new SeedbedError('Interrupted', 'the runtime was disposed of'));
  };
  worker.addEventListener('error', event => {
    death.abort(
      new SeedbedError('Machine', `Seedbed's worker stopped: ${event.message || 'it cannot be fetched'}`),
    );
  });
  const remote = wrap<{ startEngine: typeof startEngine } & Engine>(worker);
  const orDied = <T>(answer: Promise<T>) => unlessAborted(death.signal, answer);
  await orDied(remote.startEngine(device, threads));
  const engine: Engine = {
    load: model => orDied(remote.load(transfer(model, [model.buffer]))),
    run: (session, feeds) => orDied(remote.run(session, feeds)),
    release: session => orDied(remote.release(session)),
  };
  return { engine, end };
}

/** The answer, or the signal's reason where that comes first. (A race with one promise would hold every answer as long as that lives.) */
function unlessAborted<T>(signal: AbortSignal, answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const refuse = () => reject(signal.reason);
    if (signal.aborted) refuse();
    signal.addEventListener('abort', refuse);
    answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', refuse));
  });
}

async function hasWebGpu(): Promise<boolean> {
  return Boolean(await navigator.gpu?.requestAdapter().catch(() => null));
}

/**
 * Reads an address, a file that a person chose, or what is in memory.
 * @throws {SeedbedError} BadArgument when the address has no such file, Machine when the network fails.
 */
export async function readSource(source: Source): Promise<Named> {
  const held = await readInMemory(source);
  if (held) return held;
  const name = String(source);
  const response = await fetch(name).catch(cause => {
    throw new SeedbedError('Machine', `cannot fetch ${name}: ${messageOf(cause)}`, { cause });
  });
  if (!response.ok) {
    throw new SeedbedError('BadArgument', `cannot fetch ${name}: the server answers ${response.status}`);
  }
  const body = await response.arrayBuffer().catch(cause => {
    throw new SeedbedError('Machine', `cannot fetch all of ${name}: ${messageOf(cause)}`, { cause });
  });
  return { bytes: new Uint8Array(body), name };
}

/**
 * Reads an ONNX file as {@link readSource} does, without files beside it: {@link parseModel} says so where they are needed.
 * @throws {SeedbedError} as {@link readSource}.
 */
export async function readOnnx(source: Source): Promise<NamedOnnx> {
  return { ...(await readSource(source)), files: new Map() };
}
