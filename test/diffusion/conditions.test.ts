import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type Conditions, openConditions, originOf, withConditions } from '../../src/diffusion/conditions.ts';
import { importDenoiser, parseForeignInfo } from '../../src/diffusion/foreign.ts';
import { fitValue } from '../../src/diffusion/further-inputs.ts';
import type { Denoiser } from '../../src/diffusion/info.ts';
import { readModel, saveModel } from '../../src/diffusion/model.ts';
import { createNetwork } from '../../src/diffusion/network.ts';
import { classDenoiser, mixtureDenoiser, samplerGain } from '../../src/diffusion/oracle.ts';
import { toPixels } from '../../src/diffusion/pictures.ts';
import { createSampler } from '../../src/diffusion/sampler.ts';
import { embed } from '../../src/embedding/embed.ts';
import { inversionFor } from '../../src/embedding/methods.ts';
import { decode } from '../../src/embedding/sampling.ts';
import { checkSeeds, readSeeds, writeSeeds } from '../../src/embedding/seeds.ts';
import { GraphBuilder } from '../../src/graph/builder.ts';
import type { Dim, Graph } from '../../src/graph/ir.ts';
import { parseModel, serializeModel } from '../../src/graph/protobuf.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import { normals } from '../../src/tensor/random.ts';
import { meanSquaredErrors } from '../../src/tensor/statistics.ts';
import { type Floats, float32, int64, type Tensor } from '../../src/tensor/tensor.ts';
import { relativeError, thrownBy } from '../support.ts';

const runtime = await createRuntime({ threads: 1 });
const SHAPE = [1, 2, 2];
const MEANS = [
  [1, 0.5, -0.5, -1],
  [-1, 1, 0, 0.3],
  [0.2, -0.7, 1, 0],
];
const VARIANCE = 0.3;
/** The class that stands for none. */
const NONE = MEANS.length;
const MIXTURE = { means: MEANS, variance: VARIANCE };
const open = () => readModel(saveModel(classDenoiser(MIXTURE, SHAPE)), 'classes.onnx') as Denoiser;
const classes = (n: number) => ({ class_labels: int64([n], []) });

async function grow(model: Denoiser, latent: Floats): Promise<Floats> {
  const sampler = await createSampler(runtime, model, model.info.sampler, latent.shape[0]!);
  const grown = await sampler.sample(latent);
  await sampler.dispose();
  return grown;
}

const seeds = (count = 3) => normals({ seed: 3, purpose: 'sample' }, [count, ...SHAPE]);

/** What DDIM grows of Gaussian data about a mean: x - s m goes as it does about none, by the gain. */
function grownAbout(mean: readonly number[], latent: Floats): Floats {
  const gain = samplerGain(VARIANCE);
  const [first] = [0.02]; // the least signal rate of the schedule
  return float32(
    latent.shape,
    latent.data.map((value, i) => mean[i % 4]! + gain * (value - first! * mean[i % 4]!)),
  );
}

test('of an input for one picture the first axis may be left out', () => {
  const input = { name: 'text', dtype: 'int64', shape: [1, 3] } as const;
  expect(fitValue(int64([1, 2, 3], [3]), input, 1, 'condition').shape).toEqual([1, 3]);
  expect(fitValue(int64([7], []), { ...input, shape: [1] }, 1, 'condition').shape).toEqual([1]);
  expect(() => fitValue(int64([1, 2], [2]), input, 1, 'condition')).toThrow(/takes \[1,3\], got \[2\]/);
});

describe('a conditional model in closed form', () => {
  test('keeps its condition open in its file, with its hash', () => {
    const model = open();
    expect(model.info.conditions).toEqual(['class_labels']);
    expect(openConditions(model)).toEqual([{ name: 'class_labels', dtype: 'int64', shape: ['N'] }]);
    expect(model.hash).toBe(classDenoiser(MIXTURE, SHAPE).hash);
  });

  test.each([0, 1, 2])('bound to class %i grows its Gaussian', async n => {
    const bound = withConditions(open(), { values: classes(n) });
    expect(relativeError(await grow(bound, seeds()), grownAbout(MEANS[n]!, seeds()))).toBeLessThan(1e-5);
  });

  test('bound to none grows the mixture', async () => {
    const [bound, mixture] = [
      withConditions(open(), { values: classes(NONE) }),
      mixtureDenoiser(MIXTURE, SHAPE),
    ];
    expect(relativeError(await grow(bound, seeds()), await grow(mixture, seeds()))).toBeLessThan(1e-5);
  });

  test.each([0, 0.5, 2, 7.5, -1])(
    'guided by %f from one class to another grows the Gaussian that far on',
    async g => {
      const bound = withConditions(open(), { values: classes(0), unconditional: classes(1), guidance: g });
      const mean = MEANS[0]!.map((m, i) => MEANS[1]![i]! + g * (m - MEANS[1]![i]!));
      expect(relativeError(await grow(bound, seeds()), grownAbout(mean, seeds()))).toBeLessThan(2e-5);
    },
  );

  test('guided predicts u + g (c - u) where the network is not linear', async () => {
    const x = seeds();
    const level = { signalRate: 0.6, noiseRate: 0.8, time: 0.5, fed: 0.64 };
    const predicted = async (conditions: Conditions) => {
      const network = await createNetwork(runtime, withConditions(open(), conditions), 3);
      const result = await network.predict(x, level);
      await network.dispose();
      return result;
    };
    const [c, u] = [await predicted({ values: classes(1) }), await predicted({ values: classes(NONE) })];
    const guided = await predicted({ values: classes(1), unconditional: classes(NONE), guidance: 3 });
    const expected = c.data.map((value, i) => u.data[i]! + 3 * (value - u.data[i]!));
    expect(relativeError(guided, float32(x.shape, expected))).toBeLessThan(1e-5);
    expect(relativeError(c, u)).toBeGreaterThan(0.1);
  });

  test('runs the network once without guidance, and twice with, by the same weights', () => {
    const count = ({ graph }: Denoiser) => graph.nodes.filter(({ op }) => op === 'Softmax').length;
    const guided = withConditions(open(), { values: classes(0), unconditional: classes(NONE), guidance: 2 });
    expect([count(withConditions(open(), { values: classes(0), guidance: 1 })), count(guided)]).toEqual([
      1, 2,
    ]);
    const shared = [...open().graph.initializers.keys()];
    const names = [...guided.graph.initializers.keys()];
    expect(
      names.filter(name => name.startsWith('unconditional/') && shared.includes(name.slice(14))),
    ).toEqual([]);
  });

  test.each<[string, Conditions]>([
    ['its condition', { values: classes(1) }],
    ['guidance', { values: classes(1), unconditional: classes(NONE), guidance: 1.5 }],
  ])('is embedded under %s, and not under another class', async (_, conditions) => {
    const model = withConditions(open(), conditions);
    const images = toPixels(await grow(model, seeds(2)), model.info);
    const { latent, results } = await embed(model, images, { runtime });
    const { tau } = inversionFor('auto').lastStep;
    const missed = (tau * model.info.range.std[0]!) ** 2;
    expect(Math.max(...results.map(({ mse }) => mse))).toBeLessThan(missed);
    const other = withConditions(open(), { values: classes(0) });
    const differently = meanSquaredErrors(await decode(other, latent, { runtime }), images);
    expect(Math.min(...differently)).toBeGreaterThan(20 * missed);
  });

  test('without a value is refused where its network is played', async () => {
    await expect(createNetwork(runtime, open(), 2)).rejects.toThrow(
      /'classes' is conditional, and nothing says what 'class_labels' should be: bind it first \(withConditions/,
    );
  });

  test('is bound once', () => {
    const bound = withConditions(open(), { values: classes(0) });
    expect(() => withConditions(bound, { values: classes(1) })).toThrow(
      /has no conditions left: it is bound already/,
    );
    const plain = mixtureDenoiser(MIXTURE, SHAPE);
    expect(() => withConditions(plain, { values: {} })).toThrow(/model 'mixture' has no conditions$/);
  });

  test.each<[string, Conditions, string]>([
    ['no value', { values: {} }, "model 'classes' needs a value for 'class_labels' int64 [N]"],
    [
      'a stranger',
      { values: { ...classes(0), text: int64([1]) } },
      "has no condition 'text'; it has 'class_labels'",
    ],
    [
      'a class between two',
      { values: { class_labels: float32([1], [0.5]) } },
      'is int64, got float32 that does not',
    ],
    [
      'two classes',
      { values: { class_labels: int64([0, 1]) } },
      "the condition 'class_labels' takes [1], got [2]",
    ],
    ['guidance from nothing', { values: classes(0), guidance: 2 }, 'guidance 2 needs unconditional values'],
    [
      'guidance by nothing',
      { values: classes(0), unconditional: classes(NONE) },
      'guidance 1 takes no unconditional',
    ],
    [
      'no number',
      { values: classes(0), unconditional: classes(1), guidance: Number.NaN },
      'is a finite number, got NaN',
    ],
  ])('refuses %s', (_, conditions, message) => {
    expect(String(thrownBy(() => withConditions(open(), conditions)))).toContain(message);
  });
});

/** A network that adds to x a class's number of `scales` and the mean of an encoded text of any length. */
function conditional(first: Dim = 'N', baked = 0): Graph {
  const b = new GraphBuilder('conditional');
  const count = baked || 'N';
  const x = b.input('sample', 'float32', [count, ...SHAPE]);
  const level = b.input('level', 'float32', []);
  const label = b.input('class', 'int64', [count]);
  const text = b.input('text', 'float32', [count, 'L', 8]);
  const scales = b.constant(float32([3], [1, 10, 100]));
  const column = (value: string) => b.reshape(value, [baked || 0, 1, 1, 1]);
  const scale = column(b.op('Gather', [scales, label], { axis: 0 }));
  const out = b.add(b.add(b.add(x, scale), column(b.mean(text, [1, 2]))), b.mul(level, b.scalar(0)));
  const graph = b.build({ out });
  return {
    ...graph,
    inputs: graph.inputs.map(input => ({
      ...input,
      shape: input.shape.map((d, i) => (i === 0 ? first : d)),
    })),
  };
}

function imported(graph: Graph, changes: object = {}, fixed: Record<string, Tensor> = {}): Denoiser {
  const { seedbed: _, kind: __, padding: ___, ...info } = mixtureDenoiser(MIXTURE, SHAPE).info;
  const named = { inputs: { image: 'sample', level: 'level' }, output: 'out', conditions: ['class', 'text'] };
  const foreign = parseForeignInfo({ ...info, ...named, ...changes }, 'their.json');
  const file = parseModel(serializeModel(graph), 'their.onnx');
  const model = importDenoiser(file, foreign, new Map(Object.entries(fixed)), 'their.onnx');
  return readModel(saveModel(model), 'saved.onnx') as Denoiser;
}

describe('an imported model with conditions', () => {
  const text = float32([4, 8], new Array(32).fill(5));
  const x = normals({ seed: 1, purpose: 'sample' }, [3, ...SHAPE]);
  const level = { signalRate: 0.6, noiseRate: 0.8, time: 0.5, fed: 0.6 };
  const shiftOf = async (model: Denoiser) => {
    const network = await createNetwork(runtime, model, 3);
    const { data } = await network.predict(x, level);
    await network.dispose();
    const shifts = Array.from(data, (value, i) => value - x.data[i]!);
    expect(Math.max(...shifts) - Math.min(...shifts)).toBeLessThan(1e-4);
    return shifts[0]!;
  };

  test('takes a value for each, a text of any length', async () => {
    const model = imported(conditional());
    expect(openConditions(model).map(({ shape }) => shape)).toEqual([['N'], ['N', 'L', 8]]);
    const values = { class: int64([2], []), text };
    expect(await shiftOf(withConditions(model, { values }))).toBeCloseTo(105, 3);
    const longer = float32([1, 7, 8], new Array(56).fill(-1));
    expect(await shiftOf(withConditions(model, { values: { ...values, text: longer } }))).toBeCloseTo(99, 3);
    const unconditional = { class: int64([0], []) };
    const guided = withConditions(model, { values, unconditional, guidance: 2 });
    expect(await shiftOf(guided)).toBeCloseTo(6 + 2 * 99, 3);
  });

  test.each<[string, Graph, Dim]>([
    ['that declares four pictures', conditional(4), 'N'],
    ['that is made for four', conditional(4, 4), 4],
    ['that is made for one', conditional(1, 1), 1],
  ])('%s, all the same', async (_, graph, count) => {
    const model = imported(graph);
    expect(openConditions(model)[0]!.shape).toEqual([count]);
    const values = { class: int64([1]), text: float32([1, 4, 8], text.data) };
    expect(await shiftOf(withConditions(model, { values }))).toBeCloseTo(15, 3);
    const unconditional = { class: int64([0]) };
    expect(await shiftOf(withConditions(model, { values, unconditional, guidance: 3 }))).toBeCloseTo(33, 3);
  });

  test('may have others fixed, and bound it is what it would be with all fixed', async () => {
    const half = imported(conditional(), { conditions: ['class'], fixedInputs: { text: 't.npy' } }, { text });
    expect(half.info.conditions).toEqual(['class']);
    const bound = withConditions(half, { values: { class: int64([1]) } });
    expect(bound.hash).toBe(half.hash);
    expect(await shiftOf(bound)).toBeCloseTo(15, 3);
    const changes = { conditions: undefined, fixedInputs: { class: 'c.npy', text: 't.npy' } };
    const fixed = imported(conditional(), changes, { class: int64([1]), text });
    expect(bound.graph.inputs).toEqual(fixed.graph.inputs);
    expect(readModel(saveModel(bound), 'bound.onnx').info).toEqual(fixed.info);
  });

  test('has dimensions of the picture where it shares their names', () => {
    const b = new GraphBuilder('beside');
    const x = b.input('sample', 'float32', ['N', ...SHAPE]);
    const level = b.input('level', 'float32', []);
    const beside = b.input('beside', 'float32', ['N', ...SHAPE]);
    const graph = b.build({ out: b.add(b.add(x, beside), b.mul(level, b.scalar(0))) });
    const named = {
      ...graph,
      inputs: graph.inputs.map(i => (i.name === 'level' ? i : { ...i, shape: ['N', 1, 'h', 'w'] })),
    };
    const model = imported(named, { conditions: ['beside'] });
    expect(openConditions(model)[0]!.shape).toEqual(['N', ...SHAPE]);
  });

  test.each<[string, object, string]>([
    [
      'an input that is neither fixed nor a condition',
      { conditions: ['class'] },
      `takes a further input 'text' float32 [N,L,8], such as a class or an encoded text. Leave it open, and give every command a value: "conditions": ["text"]; or fix its value once and for all: "fixedInputs": {"text": "text.npy"}`,
    ],
    [
      'a stranger',
      { conditions: ['class', 'text', 'txt'] },
      "'conditions' names 'txt', which is no further input",
    ],
    [
      'the picture',
      { conditions: ['class', 'text', 'sample'] },
      "'conditions' names 'sample', which is no further",
    ],
    ['one twice', { conditions: ['class', 'text', 'class'] }, "'conditions': names an input twice"],
    ['none', { conditions: [] }, "'conditions': Too small"],
  ])('is refused with %s', (_, changes, message) => {
    expect(String(thrownBy(() => imported(conditional(), changes)))).toContain(message);
  });

  test('is refused with one both fixed and open', () => {
    const both = () => imported(conditional(), { fixedInputs: { text: 't.npy' } }, { text });
    expect(String(thrownBy(both))).toContain("'text' is in 'fixedInputs' and in 'conditions'; take one");
  });

  test('of a file that names what its graph lacks is refused', () => {
    const model = imported(conditional());
    const bytes = saveModel({ ...model, info: { ...model.info, conditions: ['class', 'txt'] } });
    expect(String(thrownBy(() => readModel(bytes, 'damaged.onnx')))).toContain(
      "damaged.onnx: says that 'txt' is a condition, but takes: sample, level, class, text",
    );
  });

  test('with a value of another shape is refused with both', () => {
    const values = { class: int64([1]), text: float32([8, 4], text.data) };
    expect(String(thrownBy(() => withConditions(imported(conditional()), { values })))).toContain(
      "the condition 'text' takes [1,L,8], got [8,4]",
    );
  });
});

describe('what a model was bound to', () => {
  const bound = (n: number, guidance?: number) =>
    withConditions(open(), {
      values: classes(n),
      ...(guidance !== undefined && { unconditional: classes(NONE), guidance }),
    });
  const sha256 = (n: number) =>
    createHash('sha256')
      .update(BigInt64Array.of(BigInt(n)))
      .digest('hex');
  const written = (model: Denoiser) =>
    writeSeeds(seeds(), {
      ...originOf(model),
      sampler: model.info.sampler,
      method: {},
      images: [],
      rng: 0,
      createdBy: 'a test',
    });

  test('is recorded by the hash of each value, and the number of a class', () => {
    expect(bound(2).conditioned).toEqual({
      values: { class_labels: { sha256: sha256(2), number: 2 } },
      guidance: 1,
    });
    expect(bound(2, 3).conditioned).toEqual({
      values: { class_labels: { sha256: sha256(2), number: 2 } },
      unconditional: { class_labels: { sha256: sha256(NONE), number: NONE } },
      guidance: 3,
    });
    expect(bound(2).hash).toBe(open().hash);
  });

  test('is the same whatever type and axes its value comes in', () => {
    const record = (value: Tensor) => withConditions(open(), { values: { class_labels: value } }).conditioned;
    expect(record(float32([1], [2]))).toEqual(record(int64([2], [])));
  });

  test('is kept by seed files, which others do not have', () => {
    const { provenance } = readSeeds(written(bound(1, 2)), 'seeds.safetensors');
    expect(provenance?.conditions).toEqual(bound(1, 2).conditioned);
    const plain = readSeeds(written(mixtureDenoiser(MIXTURE, SHAPE)), 'seeds.safetensors');
    expect(Object.keys(plain.provenance!)).not.toContain('conditions');
  });

  test.each<[string, Denoiser, Denoiser, string | undefined]>([
    ['the same', bound(1, 2), bound(1, 2), undefined],
    ['another class', bound(1), bound(2), "'class_labels' is 1 there, 2 here"],
    ['other guidance', bound(1, 2), bound(1, 3), 'guidance is 2 there, 3 here'],
    [
      'none',
      bound(1, 2),
      bound(1),
      "unconditional 'class_labels' is 3 there, not given here; guidance is 2 there, 1 here",
    ],
  ])('decides what grows seeds: %s', (_, there, here, difference) => {
    const found = readSeeds(written(there), 'seeds.safetensors');
    const check = (force: boolean) => checkSeeds(found, here, here.info.sampler, 'seeds.safetensors', force);
    check(true);
    if (difference === undefined) check(false);
    else
      expect(String(thrownBy(() => check(false)))).toContain(
        `seeds.safetensors: seeds found under other conditions: ${difference}. Give those, or --force`,
      );
  });
});
