import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { checkGradient } from '../../src/autodiff/check.ts';
import type { Graph } from '../../src/graph/ir.ts';
import { parseModel } from '../../src/graph/protobuf.ts';
import { bind } from '../../src/graph/replay.ts';
import { normals } from '../../src/tensor/random.ts';
import { float32, int64, type Tensor } from '../../src/tensor/tensor.ts';
import { HAS_ONNX, python } from '../python.ts';
import { relativeError, runGraph } from '../support.ts';

const folder = mkdtempSync(join(tmpdir(), 'seedbed-exports-'));
afterAll(() => rmSync(folder, { recursive: true }));

const script = readFileSync(fileURLToPath(new URL('exports.py', import.meta.url)), 'utf8');
if (HAS_ONNX) python(script, folder);
const files = HAS_ONNX ? readdirSync(folder).sort() : ['exports'];

/** A value for every input. */
function feedsOf({ inputs }: Graph): Record<string, Tensor> {
  const feed = (name: string, dtype: string) => {
    if (name === 'sample') return normals({ seed: 1, purpose: 'exports' }, [2, 4, 8, 8]);
    return dtype === 'int64' ? int64([3, 40]) : float32([2], [0.3, 1.5]);
  };
  return Object.fromEntries(inputs.map(({ name, dtype }) => [name, feed(name, dtype)]));
}

describe.skipIf(!HAS_ONNX)("what exporters write (needs Debian's python3-onnx)", () => {
  test.each(files)(
    '%s gives what the runtime gives, and its gradient agrees with differences',
    async file => {
      const graph = parseModel(readFileSync(join(folder, file)), file);
      const feeds = feedsOf(graph);
      const bound = bind(graph, { N: 2 }, file);
      expect(bound.outputs[0]!.shape).toEqual([2, 4, 8, 8]);
      const [[want], [got]] = [await runGraph(graph, [feeds]), await runGraph(bound, [feeds])];
      expect(relativeError(got!.out!, want!.out!)).toBeLessThan(1e-4);
      const arithmetic = bound.nodes.filter(({ op }) => ['Shape', 'Constant', 'Range', 'Mod'].includes(op));
      expect(arithmetic).toEqual([]);

      const wrt = bound.inputs.filter(({ dtype }) => dtype === 'float32').map(({ name }) => name);
      expect(await checkGradient(runGraph, bound, { of: 'out', wrt, at: feeds })).toBeLessThan(1e-2);
    },
  );
});
