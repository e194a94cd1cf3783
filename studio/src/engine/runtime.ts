/// <reference types="vite/client" />
/**
 * The runtime that networks run by, and files that are fetched with their progress told.
 * @module
 */
import webgpuRuntime from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url';
import wasmRuntime from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url';
import { createRuntime, type Runtime, SeedbedError } from 'seedbed';
import { type OnReport, type Watch, working } from './work.ts';

export type Device = 'wasm' | 'webgpu';

/** Its own file for a device. */
const FILES: Readonly<Record<string, string>> = { wasm: wasmRuntime, webgpu: webgpuRuntime };
declare const RUNTIME_BYTES: Readonly<Record<string, number>>;

let start: (runtime: Promise<Runtime>) => void = () => {};
const runtime = new Promise<Runtime>(resolve => {
  start = resolve;
});

/** Where networks run; known once the page has said. */
export const running = () => runtime;

/** Chooses where networks run, made once, and fetches what they run by, which the browser keeps for when it is loaded. */
export async function begin(
  task: number,
  device: Device | undefined,
  report: OnReport,
): Promise<{ device: string; threads: number }> {
  start(createRuntime(device ? { device } : {}));
  const started = await runtime;
  const file = FILES[started.device]!;
  await working(task, report, watch => downloaded(file, 'the runtime', watch, RUNTIME_BYTES[started.device]));
  const threads = globalThis.crossOriginIsolated ? navigator.hardwareConcurrency : 1;
  return { device: started.device, threads };
}

/** Fetches a file piece by piece. @param bytes how many it has, where it travels compressed. */
export async function downloaded(
  source: URL | string,
  name: string,
  { signal, report }: Watch,
  bytes?: number,
): Promise<Blob> {
  const response = await fetch(source, { signal }).catch((cause: unknown) => {
    if (signal.aborted) throw cause;
    throw new SeedbedError(
      'Unsupported',
      `cannot fetch ${name}: is the server still running? Read the page again when it is`,
      { cause },
    );
  });
  if (!response.ok || !response.body)
    throw new SeedbedError('Machine', `cannot fetch ${name}: the server answers ${response.status}`);
  const total = bytes ?? Number(response.headers.get('content-length'));
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let done = 0;
  for (const reader = response.body.getReader(); ; ) {
    const { value } = await reader.read();
    if (!value) break;
    parts.push(value);
    done += value.length;
    report({ doing: 'fetching', ...(total >= done && { done, total, unit: 'bytes' }) });
  }
  return new File(parts, `${name}.onnx`);
}
