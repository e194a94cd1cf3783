import { describe, expect, test } from 'vitest';
import type { Attributes } from '../../src/graph/ir.ts';
import { bind } from '../../src/graph/replay.ts';
import { relativeError, runGraph, singleNode, thrownBy, wave } from '../support.ts';

/** A transposed convolution of a 3 x 4 picture by a window of 3 x 2. */
const transposed = (attributes: Attributes) =>
  singleNode('ConvTranspose', { x: wave(1, 2, 3, 4), w: wave(2, 3, 3, 2), b: wave(3) }, attributes);

describe('the padding of a transposed convolution, written out, gives what the runtime makes of it', () => {
  const automatic = ['SAME_UPPER', 'SAME_LOWER', 'VALID'].flatMap((auto_pad): Attributes[] => [
    { auto_pad },
    { auto_pad, strides: [2, 2] },
    { auto_pad, strides: [1, 2], dilations: [2, 1] },
    { auto_pad, strides: [2, 1], output_padding: [1, 0] },
  ]);
  const asked: Attributes[] = [
    { output_shape: [4, 4] },
    { output_shape: [4, 4], auto_pad: 'SAME_UPPER' },
    { output_shape: [6, 6], strides: [2, 2], auto_pad: 'SAME_LOWER' },
    { output_shape: [8, 9], strides: [2, 2] },
    { output_shape: [7, 8], strides: [2, 2], output_padding: [1, 1] },
  ];
  test.each([...automatic, ...asked])('%o', async attributes => {
    const graph = transposed(attributes);
    const plain = bind(graph);
    expect(plain.nodes[0]!.attributes).not.toHaveProperty('auto_pad');
    const at = Object.fromEntries(
      graph.inputs.map(({ name }, i) => [name, [wave(1, 2, 3, 4), wave(2, 3, 3, 2), wave(3)][i]!]),
    );
    const [want] = await runGraph({ ...graph, outputs: plain.outputs }, [at]);
    const [got] = await runGraph(plain, [at]);
    expect(plain.outputs[0]!.shape).toEqual(want!.y!.shape);
    expect(relativeError(got!.y!, want!.y!)).toBeLessThan(1e-6);
  });

  test('where the strides are longer than the window, ONNX and the runtime differ, and it is refused', () => {
    expect(thrownBy(() => bind(transposed({ auto_pad: 'SAME_UPPER', strides: [1, 3] })))).toMatchObject({
      kind: 'Unsupported',
      message: expect.stringMatching(/auto_pad of SAME_UPPER .* write pads and output_padding out/),
    });
  });
});
