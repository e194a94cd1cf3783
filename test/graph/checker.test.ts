import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { differentiate, pushForward } from '../../src/autodiff/differentiate.ts';
import { readModel, saveModel } from '../../src/diffusion/model.ts';
import type { Graph } from '../../src/graph/ir.ts';
import { parseModel, serializeModel } from '../../src/graph/protobuf.ts';
import { bind } from '../../src/graph/replay.ts';
import { widen } from '../../src/graph/widen.ts';
import { buildNetwork } from '../../src/nn/networks.ts';
import { HAS_ONNX, python } from '../python.ts';

const models = fileURLToPath(new URL('../../models/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'seedbed-checker-'));
afterAll(() => rmSync(folder, { recursive: true }));

const CHECK = `
import onnx, sys
onnx.checker.check_model(sys.argv[1], full_check=True)
print('sound')
`;

/** What ONNX's own checker says of a file, types and shapes of all values included. */
const check = (path: string) => python(CHECK, path).trim();

function checkBytes(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return check(path);
}

const shipped = () => readFileSync(join(models, 'fashion-mnist.onnx'));
const denoiser = (): Graph => widen(parseModel(shipped(), 'fashion-mnist.onnx'));
const wrt = { of: 'epsilon', wrt: ['x'], bind: { N: 2 } };

describe.skipIf(!HAS_ONNX)("ONNX's own checker (needs Debian's python3-onnx) passes", () => {
  test.each(readdirSync(models).filter(name => name.endsWith('.onnx')))('%s', name => {
    expect(check(join(models, name))).toBe('sound');
  });

  test.each<[string, () => Uint8Array]>([
    ['a model saved again', () => saveModel(readModel(shipped(), 'shipped'))],
    ['a model with its weights in float16', () => saveModel(readModel(shipped(), 'shipped'), true)],
    ['a model of one size', () => serializeModel(bind(denoiser(), { N: 3 }))],
    ['a gradient', () => serializeModel(differentiate(denoiser(), wrt))],
    [
      'a gradient with respect to weights',
      () => serializeModel(differentiate(denoiser(), { ...wrt, wrt: firstWeights(denoiser()) })),
    ],
    ['a Jacobian-vector product', () => serializeModel(pushForward(denoiser(), wrt))],
    ['a small U-Net as training begins', () => serializeModel(untrained('unet', [2, 8, 8]))],
    ['a perceptron as training begins', () => serializeModel(untrained('mlp', [2]))],
  ])('%s', (name, bytes) => {
    expect(checkBytes(`${name}.onnx`, bytes())).toBe('sound');
  });

  test('fails for a file that is not sound', () => {
    const graph = denoiser();
    const broken = { ...graph, outputs: graph.outputs.map(o => ({ ...o, dtype: 'int64' as const })) };
    expect(() => checkBytes('broken.onnx', serializeModel(broken))).toThrow(/int64|INT64|elem_type|type/i);
  });
});

function firstWeights(graph: Graph): string[] {
  return [...graph.initializers.keys()].filter(name => name.startsWith('down.0.conv1.'));
}

function untrained(kind: 'unet' | 'mlp', shape: readonly number[]): Graph {
  const config = { kind, channels: [8, 16], blocks: 1, embedding: 8, attention: 'spatial' } as const;
  return buildNetwork(config, { name: kind, shape, level: 'noise_variance', output: 'epsilon' }, 0);
}
