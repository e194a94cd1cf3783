import { describe, expect, test } from 'vitest';
import { parseDenoiserConfig } from '../../src/diffusion/config.ts';
import { picturesSeen } from '../../src/diffusion/info.ts';
import { asDenoiser, asEmbedder, createModel, readModel, saveModel } from '../../src/diffusion/model.ts';
import { gaussianDenoiser } from '../../src/diffusion/oracle.ts';
import { createSampler } from '../../src/diffusion/sampler.ts';
import { ddim } from '../../src/diffusion/sampler-info.ts';
import { parseModel, serializeModel } from '../../src/graph/protobuf.ts';
import { buildNetwork } from '../../src/nn/networks.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import { normals } from '../../src/tensor/random.ts';
import { relativeError } from '../support.ts';

const info = gaussianDenoiser(1, [1, 8, 8]).info;
const network = buildNetwork(
  { kind: 'unet', channels: [8, 16], blocks: 1, embedding: 8, attention: null },
  { name: 'small', shape: [1, 8, 8], level: 'noise_variance', output: 'epsilon' },
  3,
);
const model = createModel(network, info);

describe('a model file', () => {
  test('comes back with the same graph, description and hash', () => {
    const back = readModel(saveModel(model), 'm.onnx');
    expect(back.info).toEqual(info);
    expect(back.hash).toBe(model.hash);
    expect(back.graph.nodes).toEqual(network.nodes);
  });

  test('in half precision is about half as large and predicts nearly the same', async () => {
    const half = asDenoiser(readModel(saveModel(model, true), 'm.onnx'), 'm.onnx');
    expect(saveModel(model, true).length).toBeLessThan(0.75 * saveModel(model).length);
    expect(half.graph.nodes).toEqual(network.nodes);
    const runtime = await createRuntime({ threads: 1 });
    const seeds = normals({ seed: 0, purpose: 'x' }, [2, 1, 8, 8]);
    const [a, b] = await Promise.all(
      [model, half].map(async m => (await createSampler(runtime, m, ddim(3), 2)).sample(seeds)),
    );
    expect(relativeError(b!, a!)).toBeLessThan(1e-3);
    // Read and saved again, it is the same model.
    expect(readModel(saveModel(half, true), 'again.onnx').hash).toBe(half.hash);
  });

  test('has another hash when a weight, the range or the schedule changes', () => {
    const others = [
      createModel(
        buildNetwork(
          { kind: 'unet', channels: [8, 16], blocks: 1, embedding: 8, attention: null },
          { name: 'small', shape: [1, 8, 8], level: 'noise_variance', output: 'epsilon' },
          4,
        ),
        info,
      ),
      createModel(network, { ...info, range: { ...info.range, mean: [0.4] } }),
      createModel(network, { ...info, schedule: { kind: 'cosineBeta', timesteps: 1000 } }),
    ];
    expect(new Set([model, ...others].map(m => m.hash)).size).toBe(4);
    expect(createModel(network, { ...info, name: 'renamed' }).hash).toBe(model.hash);
  });

  test.each([
    ['no description', undefined, "no entry 'seedbed'"],
    ['no JSON', '{', 'not JSON'],
    ['a missing field', JSON.stringify({ ...info, schedule: undefined }), 'schedule'],
    ['a wrong shape', JSON.stringify({ ...info, shape: [1, 9, 9] }), 'says its pictures are [1,9,9]'],
    [
      'a wrong input',
      JSON.stringify({ ...info, inputs: { image: 'y', level: 'noise_variance' } }),
      "its image input is 'y'",
    ],
    ['a zero deviation', JSON.stringify({ ...info, range: { ...info.range, std: [0] } }), 'std'],
  ])('with %s is refused in words', (_, text, message) => {
    const bytes = serializeModel({
      ...network,
      metadata: new Map(text === undefined ? [] : [['seedbed', text]]),
    });
    expect(() => readModel(bytes, 'bad.onnx')).toThrow(message);
    expect(() => readModel(bytes, 'bad.onnx')).toThrow(/^bad\.onnx/);
  });

  test('whose axes depend on the level is refused by its file, before samplers feed it one', () => {
    const node = (op: string, inputs: string[], output: string, attributes = {}) => ({
      ...{ op, name: op, inputs, outputs: [output], attributes },
    });
    const graph = {
      ...network,
      nodes: [
        node('Cast', ['noise_variance'], 'axes', { to: 7 }),
        node('ReduceSum', ['x', 'axes'], 'sums', { keepdims: 1 }),
        node('Sub', ['x', 'sums'], 'epsilon'),
      ],
      initializers: new Map(),
    };
    expect(() => readModel(saveModel(createModel(graph, info)), 'bad.onnx')).toThrow(
      /^bad\.onnx.*its axes depend on data/,
    );
  });

  test('a denoiser is no embedder', () => {
    expect(() => asEmbedder(model, 'm.onnx')).toThrow('m.onnx: a denoiser; an embedder is needed here');
  });

  test('names its weights by their place', () => {
    expect([...parseModel(saveModel(model), 'm').initializers.keys()]).toContain('down.0.conv1.weight');
  });
});

test('a configuration is checked field by field', () => {
  const bad = {
    data: 'mnist',
    heldOut: 5000,
    network: { kind: 'unet', channels: [8, 'x'] },
    schedule: 'sine',
    training: { loss: 'mae', learningRate: 0, batch: 4, steps: 1, speed: 3 },
  };
  expect(() => parseDenoiserConfig(bad, 'c.json')).toThrow(/^c\.json: not a valid configuration/);
  for (const place of ['channels[1]', 'schedule', 'learningRate', 'speed'])
    expect(() => parseDenoiserConfig(bad, 'c.json')).toThrow(place);
});

test('the pictures that a model has seen are counted over all its trainings', () => {
  const config = { training: { batch: 16 } };
  expect(picturesSeen({ training: { steps: 100, config } })).toBe(1600);
  expect(picturesSeen({ training: { steps: 100, config, before: 400 } })).toBe(2000);
  expect(picturesSeen({})).toBeUndefined();
});
