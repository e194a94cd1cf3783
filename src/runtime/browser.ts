/**
 * Seedbed's platform in the browser: what package.json's "#platform" names for bundlers.
 * @module
 */
import { transfer, wrap } from 'comlink';
import { messageOf, SeedbedError } from '../errors.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { BrowserDevice, startEngine } from './browser-worker.ts';
import { createRuntimeOn, type Engine } from './engine.ts';
import {
  type DecodedImage,
  type ImageOptions,
  imageShape,
  MOST_PIXELS,
  toInterleaved,
  toPlanes,
} from './picture.ts';
import type { Runtime, RuntimeOptions } from './runtime.ts';
import { type Named, type NamedOnnx, readInMemory, type Source } from './source.ts';

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
  const worker = new Worker(new URL('./browser-worker.js', import.meta.url), { type: 'module' });
  const memoryBytes = Math.min(
    WASM_BYTES,
    ((navigator as { deviceMemory?: number }).deviceMemory ?? 4) * 2 ** 30,
  );
  const dispose = async () => worker.terminate();
  const engine = await connect(worker, chosen, threads);
  return createRuntimeOn(engine, { device: chosen, memoryBytes, dispose });
}

/** The engine in the worker; a worker that cannot start fails every call, instead of leaving it without answer. */
async function connect(worker: Worker, device: BrowserDevice, threads: number | undefined): Promise<Engine> {
  const died = new Promise<never>((_, reject) => {
    worker.addEventListener('error', event => {
      reject(
        new SeedbedError('Machine', `Seedbed's worker stopped: ${event.message || 'it cannot be fetched'}`),
      );
    });
  });
  died.catch(() => {});
  const remote = wrap<{ startEngine: typeof startEngine } & Engine>(worker);
  const orDied = <T>(answer: Promise<T>) => Promise.race([answer, died]);
  await orDied(remote.startEngine(device, threads));
  return {
    load: model => orDied(remote.load(transfer(model, [model.buffer]))),
    run: (session, feeds) => orDied(remote.run(session, feeds)),
    release: session => orDied(remote.release(session)),
  };
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
  return { bytes: new Uint8Array(await response.arrayBuffer()), name };
}

/**
 * Reads an ONNX file as {@link readSource} does, without files beside it: {@link parseModel} says so where they are needed.
 * @throws {SeedbedError} as {@link readSource}.
 */
export async function readOnnx(source: Source): Promise<NamedOnnx> {
  return { ...(await readSource(source)), files: new Map() };
}

/**
 * Decodes any picture that the browser shows, upright and with 8 bits a channel; as on Node, transparency is laid
 * on black.
 * @throws {SeedbedError} BadFile when it is damaged, too large, or no picture.
 */
export async function decodeImage(
  bytes: Uint8Array,
  name: string,
  options: ImageOptions = {},
): Promise<DecodedImage> {
  const refuse = (reason: string, cause?: unknown): never => {
    throw new SeedbedError('BadFile', `cannot read the picture ${name}: ${reason}`, { cause });
  };
  const blob = new Blob([bytes as Uint8Array<ArrayBuffer>]);
  const bitmap = await createImageBitmap(blob, { colorSpaceConversion: 'none' }).catch(cause =>
    refuse('it is damaged, or not a picture that this browser reads', cause),
  );
  const { width, height } = bitmap;
  if (width * height > MOST_PIXELS) refuse(`it has more than ${MOST_PIXELS} pixels; make it smaller first`);
  const original = { width, height, channels: 3 };
  const [channels, rows, columns] = imageShape(original, options);

  const changes: string[] = [];
  const side = Math.min(width, height);
  const cropped = options.crop === true && width !== height;
  if (cropped) changes.push('centre-cropped');
  const [fromWidth, fromHeight] = cropped ? [side, side] : [width, height];
  const resized = fromWidth !== columns || fromHeight !== rows;
  if (resized) changes.push(`resized ${fromWidth}x${fromHeight} to ${columns}x${rows}`);

  const canvas = new OffscreenCanvas(columns, rows);
  const context = canvas.getContext('2d', { alpha: false, willReadFrequently: true })!;
  context.imageSmoothingQuality = 'high';
  const [left, top] = cropped ? [(width - side) >> 1, (height - side) >> 1] : [0, 0];
  context.drawImage(bitmap, left, top, fromWidth, fromHeight, 0, 0, columns, rows);
  bitmap.close();
  const { data } = context.getImageData(0, 0, columns, rows);
  if (channels === 1 && isColoured(data)) changes.push('turned to grey');
  return { pixels: toPlanes(data, 4, [channels, rows, columns]), original, changes };
}

function isColoured(rgba: Uint8ClampedArray): boolean {
  for (let i = 0; i < rgba.length; i += 4) {
    if (rgba[i] !== rgba[i + 1] || rgba[i] !== rgba[i + 2]) return true;
  }
  return false;
}

/**
 * The PNG file of a picture, 8 bits a channel.
 * @param pixels [C, H, W] or [1, C, H, W] with C 1 or 3, in [0,1]; what lies outside is clipped.
 * @throws {SeedbedError} BadShape for any other shape, Diverged when a pixel is not a number.
 */
export async function encodePng(pixels: Tensor<'float32'>): Promise<Uint8Array> {
  const { bytes, channels, height, width } = toInterleaved(pixels);
  const rgba = new Uint8ClampedArray(4 * height * width).fill(255);
  for (let i = 0; i < height * width; i++) {
    for (let c = 0; c < 3; c++) rgba[4 * i + c] = bytes[channels * i + (c % channels)]!;
  }
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext('2d')!.putImageData(new ImageData(rgba, width, height), 0, 0);
  return new Uint8Array(await (await canvas.convertToBlob({ type: 'image/png' })).arrayBuffer());
}
