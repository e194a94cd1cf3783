import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Graph } from '../../src/graph/ir.ts';
import { parseModel } from '../../src/graph/protobuf.ts';
import { bind } from '../../src/graph/replay.ts';
import { readSafetensors } from '../../src/tensor/safetensors.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import { relativeError, runGraph, thrownBy } from '../support.ts';

const folder = new URL('../fixtures/onnx/', import.meta.url);
const { tensors } = readSafetensors(readFileSync(new URL('cases.safetensors', folder)), 'cases');
const names = [...new Set([...tensors.keys()].map(key => key.split('/')[0]!))].sort();

/** Cases of what Seedbed leaves out, and what it says of them. */
const REFUSED: Readonly<Record<string, RegExp>> = {
  attention_4d_causal_nonpad_continued_prefill: /input 'nonpad_kv_seqlen' cannot be used: .* without a cache/,
  attention_23_fullymasked_qk_matmul_output_mode3_zero: /'qk_matmul_output' is a further output/,
  resize_downsample_sizes_nearest_not_larger: /'keep_aspect_ratio_policy' other than 'stretch'/,
};

/** The tensors of one side of a case, by their names in its graph. */
function side(name: string, part: 'in' | 'out'): Record<string, Tensor> {
  const prefix = `${name}/${part}/`;
  const own = [...tensors].filter(([key]) => key.startsWith(prefix));
  return Object.fromEntries(own.map(([key, value]) => [key.slice(prefix.length), value]));
}

/** The case's graph with what it takes besides data, axes and counts say, as weights. */
function load(name: string): Graph {
  const graph = parseModel(readFileSync(new URL(`${name}.onnx`, folder)), name);
  const given = side(name, 'in');
  const isSetting = (input: string) => given[input]!.dtype === 'int64' || ['depth', 'scales'].includes(input);
  const fixed = graph.inputs
    .filter(({ name }) => isSetting(name))
    .map(i => [i.name, given[i.name]!] as const);
  return {
    ...graph,
    inputs: graph.inputs.filter(({ name }) => !isSetting(name)),
    initializers: new Map([...graph.initializers, ...fixed]),
  };
}

describe("ONNX's own cases give its answers", () => {
  test.each(names.filter(name => !(name in REFUSED)))('%s', async name => {
    const [got] = await runGraph(bind(load(name)), [side(name, 'in')]);
    for (const [output, want] of Object.entries(side(name, 'out'))) {
      expect(got![output]!.dtype).toBe(want.dtype);
      expect(relativeError(got![output]!, want), output).toBeLessThan(2e-6);
    }
  });

  test.each(Object.entries(REFUSED))('%s is refused by name', (name, message) => {
    expect(thrownBy(() => bind(load(name)))).toMatchObject({
      kind: 'Unsupported',
      message: expect.stringMatching(message),
    });
  });
});
