import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseDenoiserConfig, parseEmbedderConfig } from '../../src/diffusion/config.ts';
import { samplerGrid } from '../../src/diffusion/grid.ts';
import type { DenoiserInfo } from '../../src/diffusion/info.ts';
import { createModel, readModel, saveModel } from '../../src/diffusion/model.ts';
import { gaussianDenoiser } from '../../src/diffusion/oracle.ts';
import { ddim } from '../../src/diffusion/sampler-info.ts';
import { GraphBuilder, type Value } from '../../src/graph/builder.ts';
import { serializeModel } from '../../src/graph/protobuf.ts';
import { buildNetwork } from '../../src/nn/networks.ts';
import { readOrRefused, spoilt, spoiltJson } from '../hostile.ts';

const sound = gaussianDenoiser(1, [1, 8, 8]);
const described = (info: unknown) =>
  serializeModel({ ...sound.graph, metadata: new Map([['seedbed', JSON.stringify(info)]]) });

const rate = fc.double({ min: 0.001, max: 0.999, noNaN: true });
const timesteps = fc.integer({ min: 1, max: 1000 });
const schedule: fc.Arbitrary<DenoiserInfo['schedule']> = fc.oneof(
  fc.record({ kind: fc.constant('continuousCosine' as const), maxSignalRate: rate, minSignalRate: rate }),
  fc.record({
    kind: fc.constantFrom('linearBeta' as const, 'scaledLinearBeta' as const),
    timesteps,
    betaStart: rate,
    betaEnd: rate,
  }),
  fc.record({ kind: fc.constant('cosineBeta' as const), timesteps }),
  fc.record({
    kind: fc.constant('alphaBar' as const),
    values: fc.array(rate, { minLength: 2 }).map(values => values.sort((a, b) => b - a)),
  }),
  fc.record({
    kind: fc.constant('sigmas' as const),
    values: fc.array(rate, { minLength: 2 }).map(values => values.sort((a, b) => a - b)),
  }),
);

describe('a model', () => {
  test('of any description comes back as it was', () => {
    const info = fc.record({
      name: fc.string(),
      schedule,
      sampler: fc.integer({ min: 1, max: 1000 }).map(ddim),
      padding: fc.nat(3),
      mean: fc.double({ noDefaultInfinity: true, noNaN: true }),
      std: rate,
    });
    fc.assert(
      fc.property(info, ({ mean, std, ...rest }) => {
        const written: DenoiserInfo = {
          ...sound.info,
          ...rest,
          range: { from: [0, 1], mean: [mean], std: [std] },
        };
        const model = createModel(sound.graph, written);
        const back = readModel(saveModel(model), 'm.onnx');
        expect(back.info).toEqual(JSON.parse(JSON.stringify(written)));
        expect(back.hash).toBe(model.hash);
      }),
      { numRuns: 50 },
    );
  });

  test('spoilt in its description or anywhere is read, and then works, or is refused by name', async () => {
    const files = fc.oneof(spoiltJson(sound.info).map(described), spoilt(saveModel(sound)));
    await fc.assert(
      fc.asyncProperty(files, async bytes => {
        const model = await readOrRefused('m.onnx', () => readModel(bytes, 'm.onnx'));
        const info = model?.info;
        if (info?.kind === 'denoiser') await readOrRefused('', () => samplerGrid(info, info.sampler));
      }),
      { numRuns: 1000 },
    );
  });

  const { info } = sound;
  test.each<[string, object, RegExp]>([
    ['endless steps', { sampler: { ...info.sampler, steps: 1e9 } }, /sampler\.steps/],
    ['endless timesteps', { schedule: { kind: 'cosineBeta', timesteps: 2 ** 40 } }, /schedule\.timesteps/],
    ['a picture without end', { shape: [1, 2 ** 20, 2 ** 20] }, /holds more than 16777216 numbers/],
    [
      'padding and nothing else',
      { padding: 4 },
      /padding of 4 on each side leaves nothing of pictures \[1,8,8\]/,
    ],
    ['one input for both', { inputs: { image: 'x', level: 'x' } }, /^m\.onnx: /],
  ])('of %s is refused', (_, changes, message) => {
    expect(() => readModel(described({ ...info, ...changes }), 'm.onnx')).toThrow(message);
  });

  test.each<[string, (b: GraphBuilder, x: Value) => Value, RegExp]>([
    [
      'one number for a picture',
      (b, x) => b.mean(x, [1, 2, 3]),
      /its output 'epsilon' for pictures \[2,1,8,8\] is float32 \[2,1,1,1\]/,
    ],
    ['whole numbers', (b, x) => b.cast(x, 'int64'), /is int64 \[2,1,8,8\], not float32/],
    ['one picture at a time', (b, x) => b.reshape(x, [1, 1, 8, 8]), /Reshape.*cannot reshape \[2,1,8,8\]/],
  ])('that gives %s is refused with its file', (_, output, message) => {
    const b = new GraphBuilder('other');
    const x = b.input('x', 'float32', [1, 1, 8, 8]);
    b.input('noise_variance', 'float32', [1]);
    const graph = b.build({ epsilon: output(b, x) });
    // As exporters do, it leaves the number of pictures open that its nodes take for granted.
    const inputs = graph.inputs.map(input => ({ ...input, shape: ['N', ...input.shape.slice(1)] }));
    const metadata = new Map([['seedbed', JSON.stringify(info)]]);
    const file = serializeModel({ ...graph, inputs, metadata });
    expect(() => readModel(file, 'm.onnx')).toThrow(message);
    expect(() => readModel(file, 'm.onnx')).toThrow(/^m\.onnx: /);
  });
});

describe('a configuration', () => {
  const training = {
    loss: 'mae',
    learningRate: 0.001,
    batch: 64,
    steps: 100,
  };
  const denoiser = {
    data: 'mnist',
    heldOut: 500,
    image: { size: 28, channels: 1, padding: 2 },
    network: { kind: 'unet', channels: [8, 8], attention: null },
    schedule: { kind: 'linearBeta', timesteps: 1000, betaStart: 0.0001, betaEnd: 0.02 },
    training,
  };
  const embedder = {
    data: 'mnist',
    heldOut: 500,
    network: { kind: 'conv', channels: [4, 4], kernels: [3, 5, 3] },
    training: { ...training, objective: 'pairs', pairs: 64 },
  };

  test('that was checked passes again unchanged', () => {
    const config = fc.record({
      ...{ data: fc.string(), heldOut: fc.integer({ min: 16 }), schedule },
      network: fc.record({
        kind: fc.constantFrom('unet', 'mlp'),
        channels: fc.array(fc.integer({ min: 1, max: 4096 }), { minLength: 1, maxLength: 5 }),
        attention: fc.constantFrom(null, 'spatial', 'se', 'naf'),
      }),
      training: fc.record({
        ...{ loss: fc.constantFrom('mae', 'mse'), learningRate: rate, ema: rate },
        ...{ batch: fc.integer({ min: 1, max: 4096 }), steps: fc.integer({ min: 1 }) },
      }),
    });
    fc.assert(
      fc.property(config, written => {
        const checked = parseDenoiserConfig(written, 'c.json');
        expect(checked).toMatchObject(written);
        expect(parseDenoiserConfig(JSON.parse(JSON.stringify(checked)), 'c.json')).toEqual(checked);
      }),
    );
  });

  test('spoilt is taken, and then a network can be built, or is refused by name', async () => {
    const purpose = { name: 'n', shape: [1, 32, 32], output: 'y' };
    await fc.assert(
      fc.asyncProperty(spoiltJson(denoiser), spoiltJson(embedder), async (one, other) => {
        const [a, b] = [
          await readOrRefused('c.json', () => parseDenoiserConfig(one, 'c.json')),
          await readOrRefused('e.json', () => parseEmbedderConfig(other, 'e.json')),
        ];
        for (const config of [a, b]) {
          const level = config === a ? 'level' : null;
          if (config) await readOrRefused('', () => buildNetwork(config.network, { ...purpose, level }, 0));
        }
      }),
      { numRuns: 500 },
    );
  });

  test.each<[string, object, string]>([
    ['channels', { network: { ...denoiser.network, channels: [8, 2 ** 31] } }, 'network.channels[1]'],
    ['levels', { network: { ...denoiser.network, channels: new Array(100).fill(8) } }, 'network.channels'],
    ['blocks', { network: { ...denoiser.network, blocks: 1e9 } }, 'network.blocks'],
    ['pixels', { image: { size: 1e6 } }, 'image.size'],
    ['a batch', { training: { ...training, batch: 2 ** 40 } }, 'training.batch'],
  ])('of endless %s is refused with the place', (_, changes, place) => {
    expect(() => parseDenoiserConfig({ ...denoiser, ...changes }, 'c.json')).toThrow(place);
  });

  test('is refused with the place where its parts contradict each other', () => {
    const network = { ...embedder.network, kernels: [3] };
    expect(() => parseEmbedderConfig({ ...embedder, network }, 'e.json')).toThrow(
      /one for the output\n.*network\.kernels/,
    );
    const conv = { ...denoiser, network: embedder.network };
    expect(() => parseDenoiserConfig(conv, 'c.json')).toThrow(/takes no noise level.*\n.*network\.kind/);
  });

  test('of a network too large for any memory is refused before it is drawn', () => {
    const network = {
      kind: 'mlp',
      channels: [2 ** 14, 2 ** 15],
      blocks: 1,
      embedding: 2,
      attention: null,
    } as const;
    expect(() => buildNetwork(network, { name: 'n', shape: [2], level: null, output: 'y' }, 0)).toThrow(
      /more than 134217728 weights; lower its channels or blocks/,
    );
  });
});
