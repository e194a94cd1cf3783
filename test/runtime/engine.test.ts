import { expect, test } from 'vitest';
import { SeedbedError } from '../../src/errors.ts';
import { GraphBuilder } from '../../src/graph/builder.ts';
import { serializeModel } from '../../src/graph/protobuf.ts';
import { createEngine, createRuntimeOn, type Ort } from '../../src/runtime/engine.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import type { Engine } from '../../src/runtime/runtime.ts';
import { toNumbers, zeros } from '../../src/tensor/tensor.ts';

test('a graph that computes its weights runs where the trial of blocked kernels fails', async () => {
  const b = new GraphBuilder('weights');
  const x = b.input('x', 'float32', [1, 1, 4, 4]);
  const y = b.op('Conv', [x, b.input('weight', 'float32', [1, 1, 3, 3])]);
  let loads = 0;
  const engine: Engine = {
    load: async () => {
      // The trial is the first that is loaded.
      if (loads++ === 0) throw new Error('no memory');
      return loads;
    },
    run: async () => ({}),
    release: async () => {},
  };
  const runtime = createRuntimeOn(engine, { device: 'cpu', memoryBytes: 1, dispose: async () => {} });
  await expect(runtime.load(b.build({ y }))).resolves.toBeDefined();
  expect(loads).toBe(2);
});

const b = new GraphBuilder('net');
const graph = b.build({ y: b.neg(b.input('x', 'float32', [1])) });

// As ONNX Runtime 1.30.0 says them: a device without a driver, and a kernel that fails.
test.each([
  [
    '/onnxruntime_src/onnxruntime/core/providers/webgpu/webgpu_context.cc:136 onnxruntime::webgpu::WebGpuContext::Initialize(const onnxruntime::webgpu::WebGpuContextConfig&)::<lambda()> adapter_result.status == wgpu::RequestAdapterStatus::Success was false. Failed to get a WebGPU adapter: No supported adapters\n',
    'Failed to get a WebGPU adapter: No supported adapters',
  ],
  [
    "Non-zero status code returned while running Reshape node. Name:'r' Status Message: /onnxruntime_src/onnxruntime/core/providers/cpu/tensor/reshape_helper.h:40 onnxruntime::ReshapeHelper::ReshapeHelper(const onnxruntime::TensorShape&, onnxruntime::TensorShapeVector&, bool) input_shape_size == size was false. The input tensor cannot be reshaped.",
    "Non-zero status code returned while running Reshape node. Name:'r' Status Message: The input tensor cannot be reshaped.",
  ],
  [
    'C:\\a\\onnxruntime\\core\\gpu.cc:9 onnxruntime::Gpu::Start(int) x != nullptr was false. ',
    'C:\\a\\onnxruntime\\core\\gpu.cc:9 onnxruntime::Gpu::Start(int) x != nullptr was false.',
  ],
  ['Failed to load shared library', 'Failed to load shared library'],
])("a device's failure is its reason in one line", async (said, reason) => {
  const fail = async () => {
    throw new Error(said);
  };
  const engine: Engine = { load: fail, run: fail, release: async () => {} };
  const runtime = createRuntimeOn(engine, { device: 'webgpu', memoryBytes: 1, dispose: async () => {} });
  await expect(runtime.load(graph)).rejects.toThrow(
    `ONNX Runtime cannot load graph 'net': ${reason}; device 'webgpu' may lack a driver, an operator or memory`,
  );
});

test('a graph that was disposed of says so, and what a runtime says itself is not said to be ONNX Runtime', async () => {
  const gone = async () => {
    throw new SeedbedError('Interrupted', 'the runtime was disposed of');
  };
  const engine: Engine = { load: async () => 1, run: gone, release: async () => {} };
  const runtime = createRuntimeOn(engine, { device: 'wasm', memoryBytes: 1, dispose: async () => {} });
  const session = await runtime.load(graph);
  const x = zeros('float32', [1]);
  await expect(session.run({ x })).rejects.toMatchObject({
    kind: 'Interrupted',
    message: 'the runtime was disposed of',
  });
  await session.dispose();
  await expect(session.run({ x })).rejects.toThrow("graph 'net' was disposed of; load it again");
});

test('a runtime that was disposed of runs nothing more, and gives back what its sessions hold', async () => {
  const runtime = await createRuntime({ threads: 1 });
  const session = await runtime.load(graph);
  const x = zeros('float32', [1]);
  await session.run({ x });
  await runtime.dispose();
  const refused = { kind: 'BadArgument', message: 'the runtime was disposed of; make another' };
  await expect(session.run({ x })).rejects.toMatchObject(refused);
  await expect(runtime.load(graph)).rejects.toMatchObject(refused);
  await session.dispose();
  await runtime.dispose();
});

test.each([0, 1.5, Number.NaN])('%d threads are refused at once', async threads => {
  await expect(createRuntime({ threads })).rejects.toMatchObject({ kind: 'BadArgument' });
});

test('half precision is handed on as its bits where JavaScript has numbers of it', async () => {
  class Halves extends Uint16Array {}
  const numbers = Object.setPrototypeOf(new Halves([0x3c00]), Float32Array.prototype);
  const ort = {
    InferenceSession: {
      create: async () => ({ run: async () => ({ y: { type: 'float16', dims: [1], data: numbers } }) }),
    },
  };
  const engine = createEngine(ort as unknown as Ort, {});
  const found = await engine.run(await engine.load(new Uint8Array()), {});
  expect(toNumbers(found.y!)).toEqual([1]);
});

const native = (await import('onnxruntime-node').catch(() => undefined)) as { default: Ort } | undefined;

test.skipIf(!native)('a graph that runs again takes no more memory than the first time', async () => {
  const layers = 16;
  const shape = [8, 32, 64, 64];
  const deep = new GraphBuilder('deep');
  // As in training, what is computed on the way up is used again on the way down.
  const up = [deep.input('x', 'float32', shape)];
  for (let i = 0; i < layers; i++) up.push(deep.sigmoid(up[i]!));
  const y = up.reduceRight((down, value) => deep.mul(down, value));
  const engine = createEngine(native!.default, { intraOpNumThreads: 1 });
  const session = await engine.load(serializeModel(deep.build({ y: deep.sumAll(y) })));
  const feeds = { x: zeros('float32', shape) };
  const held: number[] = [];
  for (let run = 0; run < 4; run++) {
    await engine.run(session, feeds);
    held.push(process.memoryUsage().rss);
  }
  await engine.release(session);
  const values = 4 * layers * shape.reduce((product, dim) => product * dim);
  expect(held.at(-1)! - held[0]!).toBeLessThan(values / 4);
});
