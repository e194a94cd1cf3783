import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { channelsNote } from '../../src/diffusion/channels-last.ts';
import { batchNote, importDenoiser, parseForeignInfo } from '../../src/diffusion/foreign.ts';
import { samplerGrid } from '../../src/diffusion/grid.ts';
import type { Denoiser, DenoiserInfo } from '../../src/diffusion/info.ts';
import { readModel, saveModel } from '../../src/diffusion/model.ts';
import { createNetwork } from '../../src/diffusion/network.ts';
import { gaussianDenoiser } from '../../src/diffusion/oracle.ts';
import type { OracleForm } from '../../src/diffusion/oracle-form.ts';
import { createSampler } from '../../src/diffusion/sampler.ts';
import { ratesAt } from '../../src/diffusion/schedule.ts';
import { GraphBuilder, type Value } from '../../src/graph/builder.ts';
import type { Dim, Graph } from '../../src/graph/ir.ts';
import { parseModel, serializeModel } from '../../src/graph/protobuf.ts';
import { loadModel, SHIPPED_DENOISER } from '../../src/index.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import { normals } from '../../src/tensor/random.ts';
import { float32, int64, type Tensor, toNumbers } from '../../src/tensor/tensor.ts';
import { relativeError, thrownBy } from '../support.ts';

const runtime = await createRuntime({ threads: 1 });
const SHAPE = [1, 4, 4];

/** What somebody would write of a model beside its file. */
function describeModel({ info }: Denoiser, changes: object = {}): Record<string, unknown> {
  const { seedbed: _, kind: __, padding: ___, ...described } = info;
  return { ...described, ...changes };
}

/** A graph as it comes out of a file. */
const asFile = (graph: Graph) => parseModel(serializeModel(graph), 'their.onnx');

function imported(graph: Graph, description: unknown, fixed: Record<string, Tensor> = {}): Denoiser {
  const foreign = parseForeignInfo(description, 'their.json');
  return importDenoiser(asFile(graph), foreign, new Map(Object.entries(fixed)), 'their.onnx');
}

async function grow(model: Denoiser, latent: Tensor<'float32'>): Promise<Tensor<'float32'>> {
  const sampler = await createSampler(runtime, model, model.info.sampler, latent.shape[0]!);
  const x0 = await sampler.sample(latent);
  await sampler.dispose();
  return x0;
}

function expectNear(got: Tensor<'float32'>, want: Float32Array): void {
  expect(relativeError(got, float32(got.shape, want))).toBeLessThan(1e-5);
}

/** What a DDIM sampler multiplies a seed by, where data is Gaussian. */
function gainOf(info: DenoiserInfo, variance: number): number {
  return samplerGrid(info, info.sampler).reduce((gain, { from, to }) => {
    const epsilon = from.noiseRate / (from.signalRate ** 2 * variance + from.noiseRate ** 2);
    const x0 = (1 - from.noiseRate * epsilon) / from.signalRate;
    return gain * (to.signalRate * x0 + to.noiseRate * epsilon);
  }, 1);
}

const betas = Array.from({ length: 100 }, (_, n) => 0.001 + (0.15 * n) / 99);
const alphaBar = {
  kind: 'alphaBar' as const,
  values: betas.map((_, n) => betas.slice(0, n + 1).reduce((product, beta) => product * (1 - beta), 1)),
};
const timesteps: OracleForm = { level: 'timestep', schedule: alphaBar, sampler: { start: { timestep: 99 } } };
const sigmas = { kind: 'sigmas' as const, values: Array.from({ length: 60 }, (_, n) => 0.02 * 1.15 ** n) };

describe('a third-party model grows what its description says, after a file in between', () => {
  const forms: [string, OracleForm][] = [
    ['epsilon, the noise variance [N]', {}],
    ['x0, the noise rate', { predicts: 'x0', level: 'noiseRate' }],
    ['v, the time [N,1]', { predicts: 'v', level: 'diffusionTime', levelShape: ['N', 1] }],
    ['epsilon, a timestep int64 [N]', { ...timesteps, levelType: 'int64' }],
    ['v, a timestep int64 []', { ...timesteps, predicts: 'v', levelType: 'int64', levelShape: [] }],
    ['x0, a timestep int64 [1]', { ...timesteps, predicts: 'x0', levelType: 'int64', levelShape: [1] }],
    ['epsilon, a timestep float32 [N,1]', { ...timesteps, levelShape: ['N', 1] }],
    ['x0, sigma, exploding', { predicts: 'x0', level: 'sigma', sees: 'exploding', schedule: sigmas }],
    ['v, log(SNR) [1]', { predicts: 'v', level: 'logSnr', levelShape: [1] }],
  ];
  test.each(forms)('%s', async (_, form) => {
    const original = gaussianDenoiser(0.3, SHAPE, 8, form);
    const model = imported(original.graph, describeModel(original));
    const read = readModel(saveModel(model), 'saved.onnx') as Denoiser;
    expect(read.hash).toBe(model.hash);
    expect(read.info).toEqual(JSON.parse(JSON.stringify(model.info)));
    const latent = normals({ seed: 3, purpose: 'sample' }, [3, ...SHAPE]);
    const gain = gainOf(read.info, 0.3);
    const grown = await grow(read, latent);
    expectNear(
      grown,
      latent.data.map(value => gain * value),
    );
  });

  test('the shipped file, described from outside, is the shipped model', async () => {
    const shipped = await loadModel(SHIPPED_DENOISER);
    const description = JSON.parse(
      readFileSync(new URL('../../docs/models/fashion-mnist.json', import.meta.url), 'utf8'),
    );
    const model = importDenoiser(shipped.graph, parseForeignInfo(description, 'd'), new Map(), 'f');
    expect(model.hash).toBe(shipped.hash);
  });

  test('every description of the docs is one', () => {
    const folder = new URL('../../docs/models/', import.meta.url);
    const names = readdirSync(folder);
    expect(names.length).toBeGreaterThan(3);
    for (const name of names) parseForeignInfo(JSON.parse(readFileSync(new URL(name, folder), 'utf8')), name);
    const guide = readFileSync(new URL('../bring-your-own-model.md', folder), 'utf8');
    const [, example] = /```json\n(.*?)```/s.exec(guide)!;
    parseForeignInfo(JSON.parse(example!), 'the guide');
    const texts = [...guide.matchAll(/`(\{ "kind": [^`]*\})`/g)].map(([, text]) => text!);
    const schedules = texts.filter(text => !text.includes('...')).map(text => JSON.parse(text));
    expect(schedules.length).toBeGreaterThan(2);
    const { sampler, ...rest } = JSON.parse(example!);
    for (const schedule of schedules)
      parseForeignInfo(
        { ...rest, schedule, sampler: { ...sampler, start: { diffusionTime: 1 } } },
        'the guide',
      );
  });

  test('the hash changes with the weights and with what numbers mean, not with name or sampler', () => {
    const original = gaussianDenoiser(0.3, SHAPE);
    const hash = (changes: object = {}, from = original) =>
      imported(from.graph, describeModel(from, changes)).hash;
    const { sampler } = original.info;
    expect(hash({ name: 'other', sampler: { ...sampler, steps: 3 } })).toBe(hash());
    const others = [{ predicts: 'v' }, { level: 'noiseRate' }, { sees: 'exploding' }].map(c => hash(c));
    const all = [hash(), ...others, hash({}, gaussianDenoiser(0.31, SHAPE))];
    expect(new Set(all).size).toBe(5);
  });
});

describe('pixels of any range', () => {
  const original = gaussianDenoiser(0.3, SHAPE);
  const rangeOf = (range: object) => imported(original.graph, describeModel(original, { range })).info.range;
  test.each([
    ['0 to 255', { from: [0, 255], mean: [127.5], std: [127.5] }],
    ['-1 to 1, as they are', { from: [-1, 1], mean: [0], std: [1] }],
    ['0 to 1', { from: [0, 1], mean: [0.5], std: [0.5] }],
  ])('%s are pixels in [0,1] that the network sees as before', (_, range) => {
    expect(rangeOf(range)).toEqual({ from: [0, 1], mean: [0.5], std: [0.5] });
  });
  test('that does not rise is refused', () => {
    expect(() => rangeOf({ from: [1, 1], mean: [0], std: [1] })).toThrow(/'range': "from" does not rise/);
  });
});

/** [N] or a scalar as [N, 1, 1, 1]. */
const column = (b: GraphBuilder, value: Value) =>
  b.reshape(value, [b.type(value).shape.length === 0 ? 1 : 0, 1, 1, 1]);

/** A network that adds to x what further inputs say: a class's number of `scales`, the mean of an encoded text. */
function conditional({ classShape = ['N'], textShape = ['N', 4, 8] }: Record<string, readonly Dim[]> = {}) {
  const b = new GraphBuilder('conditional');
  const x = b.input('sample', 'float32', ['N', ...SHAPE]);
  const level = b.input('level', 'float32', ['N']);
  const label = b.input('class', 'int64', classShape);
  const text = b.input('text', 'float32', textShape);
  const scales = b.constant(float32([3], [1, 10, 100]));
  const scale = column(b, b.op('Gather', [scales, label], { axis: 0 }));
  const mean = column(b, b.mean(text, [1, 2]));
  const still = b.mul(column(b, level), b.scalar(0));
  return b.build({ out: b.add(b.add(b.add(x, scale), mean), still) });
}

const conditionalInfo = describeModel(gaussianDenoiser(1, SHAPE), {
  inputs: { image: 'sample', level: 'level' },
  output: 'out',
});

describe('further inputs are held fixed', () => {
  const text = float32(
    [4, 8],
    Array.from({ length: 32 }, (_, i) => i),
  );
  const fixedInputs = { class: 'class.npy', text: 'text.npy' };
  const info = { ...conditionalInfo, fixedInputs };
  const shaped = (t: Tensor<'float32'>, shape: number[]) => float32(shape, t.data);

  test.each<[string, Tensor, Tensor, Graph]>([
    ['a class [] and a text [4,8]', int64([1], []), text, conditional()],
    ['with their axis of pictures', int64([1]), shaped(text, [1, 4, 8]), conditional()],
    [
      'a class counted in float64',
      { ...int64([1]), dtype: 'int32', data: Int32Array.of(1) },
      text,
      conditional(),
    ],
    [
      'declared for one picture',
      int64([1]),
      shaped(text, [1, 4, 8]),
      conditional({ classShape: [1], textShape: [1, 4, 8] }),
    ],
    ['a class that is one number for all', int64([1], []), text, conditional({ classShape: [] })],
  ])('%s', async (_, label, encoded, graph) => {
    const model = readModel(
      saveModel(imported(graph, info, { class: label, text: encoded })),
      'm',
    ) as Denoiser;
    expect(model.graph.inputs.map(({ name }) => name)).toEqual(['sample', 'level']);
    for (const count of [1, 3]) {
      const network = await createNetwork(runtime, model, count);
      const x = normals({ seed: 1, purpose: 'sample' }, [count, ...SHAPE]);
      const epsilon = await network.epsilon(x, { signalRate: 0.6, noiseRate: 0.8, time: 0.5, fed: 0.6 });
      expectNear(
        epsilon,
        x.data.map(value => value + 10 + 15.5),
      );
      await network.dispose();
    }
  });

  test.each<[string, object, Record<string, Tensor>, string]>([
    ['one that is not given', info, { class: int64([1]) }, "takes a further input 'text' float32 [N,4,8]"],
    [
      'one that the graph does not have',
      info,
      { class: int64([1]), text, txt: text },
      "'fixedInputs' names 'txt', which is no further input",
    ],
    [
      'one of another shape',
      info,
      { class: int64([1]), text: shaped(text, [8, 4]) },
      "the fixed input 'text' takes [1,4,8], got [8,4]",
    ],
    [
      'a class between two',
      info,
      { class: float32([1], [0.5]), text },
      "the fixed input 'class' is int64, got float32 that does not fit",
    ],
  ])('but not %s', (_, description, fixed, message) => {
    expect(String(thrownBy(() => imported(conditional(), description, fixed)))).toContain(message);
  });
});

describe('the output', () => {
  /** Twice the channels: the prediction, and what it would be of other numbers. */
  const both = (x: readonly Dim[] = ['N', ...SHAPE]) => {
    const b = new GraphBuilder('learned variances');
    const seen = b.input('x', 'float32', x);
    const level = b.input('noise_variance', 'float32', ['N']);
    const factor = column(b, level);
    return b.build({ out: b.concat([b.mul(seen, factor), b.neg(seen)], 1), other: factor });
  };
  const info = describeModel(gaussianDenoiser(1, SHAPE), { output: 'out' });

  test.each([
    ['the first channel', [0], (x: number) => 0.64 * x],
    ['the second', [1], (x: number) => -x],
  ])('of learned variances keeps %s', async (_, outputChannels, want) => {
    const model = readModel(saveModel(imported(both(), { ...info, outputChannels })), 'm') as Denoiser;
    expect(model.graph.outputs.map(({ name }) => name)).toEqual(['out']);
    const network = await createNetwork(runtime, model, 2);
    const x = normals({ seed: 1, purpose: 'sample' }, [2, ...SHAPE]);
    const epsilon = await network.epsilon(x, { signalRate: 0.6, noiseRate: 0.8, time: 0.5, fed: 0.64 });
    expectNear(epsilon, x.data.map(want));
    await network.dispose();
  });

  test.each<[string, object, string]>([
    ['all of them', {}, 'It gives 2 channels; say which are the prediction, such as "outputChannels": [0]'],
    ['channels that are not there', { outputChannels: [2] }, 'not float32 of that shape'],
    ['channels with a gap', { outputChannels: [0, 2] }, "'outputChannels': must be consecutive"],
    ['no output of that name', { output: 'eps' }, "has no output 'eps'; it gives 'out' float32 [N,2,4,4]"],
  ])('is refused with %s', (_, changes, message) => {
    expect(String(thrownBy(() => imported(both(), { ...info, ...changes })))).toContain(message);
  });
});

describe('dimensions that the file leaves open, or closes', () => {
  const scaled = (image: readonly Dim[], level: readonly Dim[] = ['N'], baked = 0) => {
    const b = new GraphBuilder('open');
    const count = baked || 1;
    const x = b.input('x', 'float32', [count, ...SHAPE]);
    const fed = b.input(
      'noise_variance',
      'float32',
      level.map(dim => (dim === 'N' ? count : dim)),
    );
    const y = b.op('Mul', [x, column(b, fed)]);
    const graph = b.build({ out: baked ? b.reshape(y, [baked, ...SHAPE]) : y });
    const shapes: Record<string, readonly Dim[]> = { x: image, noise_variance: level };
    return { ...graph, inputs: graph.inputs.map(input => ({ ...input, shape: shapes[input.name]! })) };
  };
  const info = describeModel(gaussianDenoiser(1, SHAPE), { output: 'out' });

  test('height and width are as described', () => {
    const model = imported(scaled(['batch', 'channels', 'height', 'width']), info);
    expect(model.graph.inputs[0]!.shape).toEqual(['batch', ...SHAPE]);
    expect(() => imported(scaled(['batch', 1, 'height', 5]), info)).toThrow(
      /takes pictures \[1,height,5\], the description says \[1,4,4\]/,
    );
  });

  test('a file for one picture serves any number, where its nodes do', async () => {
    const model = readModel(saveModel(imported(scaled([1, ...SHAPE], [1]), info)), 'm') as Denoiser;
    expect(model.graph.inputs[0]!.shape).toEqual(['N', ...SHAPE]);
    const latent = normals({ seed: 3, purpose: 'sample' }, [3, ...SHAPE]);
    expect((await grow(model, latent)).shape).toEqual([3, ...SHAPE]);
  });

  test.each<[string, Graph, number, string]>([
    ['one for batches of 4', scaled([4, ...SHAPE], [4], 4), 4, 'is made for batches of 4'],
    ['one for pairs', scaled([2, ...SHAPE], [2], 2), 2, 'is made for batches of 2'],
    ['one that only says that it is open', scaled(['N', ...SHAPE], ['N'], 1), 1, "open first axis 'N', but"],
  ])('%s is filled up and cut, with a word of it', async (_, graph, own, note) => {
    const model = readModel(saveModel(imported(graph, info)), 'm') as Denoiser;
    expect(model.graph.inputs[0]!.shape).toEqual([own, ...SHAPE]);
    expect(batchNote(graph, model)).toContain(note);
    expect(batchNote(graph, model)).toContain(
      "an example of two pictures with dynamic_shapes={'x': {0: 'N'}",
    );
    const level = { signalRate: 0.6, noiseRate: 0.8, time: 0.5, fed: 0.64 };
    for (const count of [1, 3, 4, 5]) {
      const network = await createNetwork(runtime, model, count);
      const x = normals({ seed: 1, purpose: 'sample' }, [count, ...SHAPE]);
      expectNear(
        await network.epsilon(x, level),
        x.data.map(value => 0.64 * value),
      );
      await network.dispose();
    }
    const latent = normals({ seed: 3, purpose: 'sample' }, [3, ...SHAPE]);
    expect((await grow(model, latent)).shape).toEqual([3, ...SHAPE]);
  });

  test('what is held fixed for one picture is repeated for a batch of a fixed size', async () => {
    const graph = conditional();
    const declared: Record<string, readonly Dim[]> = { sample: [4, ...SHAPE], class: [4] };
    const inputs = graph.inputs.map(input => ({ ...input, shape: declared[input.name] ?? input.shape }));
    const fixed = { class: int64([2], []), text: float32([4, 8], new Array(32).fill(5)) };
    const fixedInputs = { class: 'class.npy', text: 'text.npy' };
    const model = imported({ ...graph, inputs }, { ...conditionalInfo, fixedInputs }, fixed);
    const network = await createNetwork(runtime, model, 3);
    const x = normals({ seed: 1, purpose: 'sample' }, [3, ...SHAPE]);
    expectNear(
      await network.epsilon(x, { signalRate: 0.6, noiseRate: 0.8, time: 0.5, fed: 0.64 }),
      x.data.map(value => value + 105),
    );
    await network.dispose();
  });

  /** A network of pictures [H, W, C] that gives each channel times its number from 1, on a few or all of what an exporter may say. */
  function lastGraph(input: readonly Dim[], output: readonly Dim[] | undefined): Graph {
    const b = new GraphBuilder('last');
    const x = b.input('x', 'float32', input);
    b.input('t', 'float32', ['N']);
    const graph = b.build({ epsilon: b.mul(x, b.constant(float32([3], [1, 2, 3]))) });
    const outputs = graph.outputs.map(port => (output ? { ...port, shape: output } : port));
    return { ...graph, outputs };
  }

  test.each<[readonly Dim[], readonly Dim[] | undefined]>([
    [['N', 4, 6, 3], undefined],
    [
      ['N', 4, 6, 3],
      ['N', 4, 6, 3],
    ],
    [
      ['N', 'h', 'w', 3],
      ['N', 'h', 'w', 3],
    ],
  ])('channels that come last, %j, are transposed, and it is said', async (input, output) => {
    const last = describeModel(gaussianDenoiser(1, [3, 4, 6]), {
      inputs: { image: 'x', level: 't' },
      output: 'epsilon',
    });
    const graph = lastGraph(input, output);
    const foreign = parseForeignInfo(last, 'their.json');
    expect(channelsNote(graph, foreign)).toContain('its pictures last: they are transposed to [3,4,6]');
    const network = await createNetwork(runtime, imported(graph, last), 2);
    const x = normals({ seed: 1, purpose: 'last' }, [2, 3, 4, 6]);
    const found = await network.epsilon(x, { signalRate: 0.6, noiseRate: 0.8, time: 0.5, fed: 0.64 });
    expectNear(
      found,
      x.data.map((value, i) => value * (1 + (Math.floor(i / 24) % 3))),
    );
    await network.dispose();
  });

  test('a description with its channels last is told what to write', () => {
    const last = describeModel(gaussianDenoiser(1, [1, 4, 6]), { shape: [4, 6, 1] });
    expect(String(thrownBy(() => imported(gaussianDenoiser(1, [1, 4, 6]).graph, last)))).toContain(
      '"shape": [4,6,1] in the description has its channels last; write [1,4,6]',
    );
  });
});

describe('a description', () => {
  const sound = describeModel(gaussianDenoiser(1, SHAPE));
  const refused = (description: unknown) => {
    const message = String(thrownBy(() => parseForeignInfo(description, 'their.json')));
    expect(message).toContain('their.json: does not describe a denoiser: ');
    return message;
  };

  test('is asked for every field that is missing, by name, in a line', () => {
    const message = refused({ name: 'mine', inputs: { image: 'x' }, sampler: { kind: 'ddim', steps: 5 } });
    for (const field of [
      'output',
      'predicts',
      'level',
      'shape',
      'range',
      'schedule',
      'inputs.level',
      'sampler.grid',
      'sampler.start',
      'sampler.final',
    ])
      expect(message).toContain(`'${field}' is missing`);
    expect(message).not.toContain('\n');
  });

  test.each<[string, unknown, string]>([
    ['a field that nobody knows', { ...sound, outputchannels: [0] }, 'Unrecognized key: "outputchannels"'],
    ['another in its parts', { ...sound, inputs: { image: 'x', level: 't', y: 'z' } }, '"y"'],
    [
      'another prediction',
      { ...sound, predicts: 'score' },
      "'predicts': Invalid option: expected one of \"eps",
    ],
    ['a list instead', [sound], 'expected object, received array'],
    ['nothing', null, 'expected object, received null'],
  ])('with %s is refused', (_, description, message) => {
    expect(refused(description)).toContain(message);
  });

  test.each<[string, object, string]>([
    [
      'no such input',
      { inputs: { image: 'y', level: 'noise_variance' } },
      "has no input 'y' for the image; it takes 'x' float32 [N,1,4,4], 'noise_variance' float32 [N]. Correct inputs.image",
    ],
    ['too many axes', { shape: [4, 4] }, 'takes pictures [1,4,4], the description says [4,4]'],
    [
      'means of other channels',
      { range: { from: [0, 1], mean: [0, 0], std: [1, 1] } },
      '1 channel(s), but 2 mean(s)',
    ],
    [
      'a start that the schedule lacks',
      { sampler: { ...gaussianDenoiser(1).info.sampler, start: { timestep: 9 } } },
      'a continuousCosine schedule has no timesteps',
    ],
  ])('of a graph with %s is refused, with the file', (_, changes, message) => {
    const { graph } = gaussianDenoiser(1, SHAPE);
    const text = String(thrownBy(() => imported(graph, { ...sound, ...changes })));
    expect(text).toContain(`their.onnx: ${message.slice(0, 10)}`);
    expect(text).toContain(message);
  });

  test('of what is no denoiser is refused', () => {
    const b = new GraphBuilder('classifier');
    const x = b.input('x', 'float32', ['N', ...SHAPE]);
    b.input('noise_variance', 'float32', ['N']);
    const classifier = b.build({ epsilon: b.mean(x, [2, 3]) });
    expect(() => imported(classifier, sound)).toThrow(
      "its output 'epsilon' for pictures [2,1,4,4] is float32 [2,1,1,1], not float32 of that shape",
    );
  });

  test('cosine betas keep to the limits given', () => {
    const schedule = { kind: 'cosineBeta', timesteps: 300, betaMin: 0.0001, betaMax: 0.9999 };
    const form = describeModel(gaussianDenoiser(1, SHAPE), { schedule });
    const { info } = imported(gaussianDenoiser(1, SHAPE).graph, form);
    expect(ratesAt(info.schedule, 1).signalRate ** 2 / 2.6986078096253877e-9).toBeCloseTo(1, 9);
    expect(toNumbers(float32([1], [ratesAt(info.schedule, 1 / 300).signalRate ** 2]))[0]).toBeCloseTo(
      0.99984,
      5,
    );
  });
});
