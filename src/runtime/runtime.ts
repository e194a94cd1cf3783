import type { Graph } from '../graph/ir.ts';
import type { Tensor } from '../tensor/tensor.ts';

/**
 * Tensors by the names of a graph's inputs.
 * @group Runtime
 */
export type Feeds = Readonly<Record<string, Tensor>>;

/**
 * A graph made ready to run.
 * @group Runtime
 */
export interface Session {
  /**
   * Runs the graph; feeds and results are named as its inputs and outputs. Feeds are read until the results are there: leave
   * their arrays as they are until then.
   * @throws {SeedbedError} BadShape when a feed is missing or of another type or shape, Machine when the device fails.
   */
  run(feeds: Feeds): Promise<Record<string, Tensor>>;
  /** Gives back the memory that the session holds. */
  dispose(): Promise<void>;
}

/**
 * What executes graphs; the only thing that the rest of Seedbed knows of a platform.
 * @group Runtime
 */
export interface Runtime {
  /** Where graphs run: 'cpu', 'wasm', 'webgpu', ... */
  readonly device: string;
  /** Memory of the machine, in bytes, by which work is cut to size. */
  readonly memoryBytes: number;
  /**
   * Makes a graph ready to run.
   * @throws {SeedbedError} Machine when ONNX Runtime refuses it.
   */
  load(graph: Graph): Promise<Session>;
  /** Gives back all that the runtime holds, its sessions among it; neither runs anything afterwards. */
  dispose(): Promise<void>;
}

/** Every device that ONNX Runtime may offer; which of them there are depends on the platform and its drivers. */
export const DEVICES = ['cpu', 'wasm', 'webgpu', 'cuda', 'dml', 'coreml'] as const;
/**
 * A device that ONNX Runtime may offer: the processor by native code or WebAssembly, or a graphics processor by
 * WebGPU, CUDA, DirectML or Core ML.
 * @group Runtime
 * @useDeclaredType
 */
export type Device = (typeof DEVICES)[number];

/**
 * Where and how graphs run.
 * @group Runtime
 */
export interface RuntimeOptions {
  /**
   * Where to run. Unless given: on Node 'cpu', or 'wasm' where the native runtime is not installed; in the
   * browser 'webgpu' where there is an adapter, or else 'wasm'.
   */
  readonly device?: Device | undefined;
  /** Threads for one operator on 'cpu' and 'wasm'; one a core unless given. */
  readonly threads?: number | undefined;
}

/** ONNX Runtime behind three calls that take and give nothing but data, so that it may live in another thread. */
export interface Engine {
  /** Makes an ONNX file ready to run, and gives the number by which it is called. */
  load(model: Uint8Array): Promise<number>;
  run(session: number, feeds: Feeds): Promise<Record<string, Tensor>>;
  release(session: number): Promise<void>;
}
