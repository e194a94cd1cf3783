import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { differentiate } from '../../src/autodiff/differentiate.ts';
import { parseModel, serializeModel } from '../../src/graph/protobuf.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import { readSafetensors } from '../../src/tensor/safetensors.ts';
import { relativeError } from '../support.ts';

const folder = new URL('../fixtures/golden/', import.meta.url);
const names = readdirSync(folder)
  .filter(name => name.endsWith('.onnx'))
  .map(name => name.slice(0, -5));
const runtime = await createRuntime({ threads: 2 });

describe('gradients of graphs written by others agree with PyTorch', () => {
  test.each(names)('%s', async name => {
    const graph = parseModel(readFileSync(new URL(`${name}.onnx`, folder)), `${name}.onnx`);
    const { tensors } = readSafetensors(readFileSync(new URL(`${name}.safetensors`, folder)), name);
    const wrt = graph.inputs.map(i => i.name).filter(i => tensors.has(`grad/${i}`));
    expect(wrt.length).toBeGreaterThan(0);
    // Through the file format and back, as `seedbed differentiate` writes it.
    const gradient = parseModel(serializeModel(differentiate(graph, { of: 'y', wrt })), `grad ${name}`);
    expect(gradient.opset).toBe(17);
    const session = await runtime.load(gradient);
    const results = await session.run(
      Object.fromEntries(gradient.inputs.map(i => [i.name, tensors.get(i.name)!])),
    );
    for (const output of ['y', ...wrt.map(i => `grad/${i}`)]) {
      expect(relativeError(results[output]!, tensors.get(output)!), output).toBeLessThan(1e-4);
    }
    await session.dispose();
  });
});
