import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { withConditions } from '../../src/diffusion/conditions.ts';
import { importDenoiser, parseForeignInfo } from '../../src/diffusion/foreign.ts';
import type { Denoiser, DenoiserInfo } from '../../src/diffusion/info.ts';
import { createModel } from '../../src/diffusion/model.ts';
import { classDenoiser, mixtureDenoiser } from '../../src/diffusion/oracle.ts';
import { type Diagnosis, diagnose } from '../../src/embedding/doctor.ts';
import { GraphBuilder, type Value } from '../../src/graph/builder.ts';
import { parseModel } from '../../src/graph/protobuf.ts';
import { replay } from '../../src/graph/replay.ts';
import { loadModel, readPicture, SHIPPED_DENOISER } from '../../src/index.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import { normals } from '../../src/tensor/random.ts';
import { concatRows, float32 } from '../../src/tensor/tensor.ts';

const runtime = await createRuntime({ threads: 1 });
const examples = ['1-trouser', '2-pullover', '7-sneaker', '8-bag'];
const shipped = await loadModel(SHIPPED_DENOISER);
const files = examples.map(name =>
  fileURLToPath(new URL(`../../examples/fashion-mnist/${name}.png`, import.meta.url)),
);
const pictures = concatRows(await Promise.all(files.map(file => readPicture(file, shipped))));

type Changes = Partial<DenoiserInfo>;
const describedAs = (model: Denoiser, changes: Changes): Denoiser => ({
  ...model,
  info: { ...model.info, ...changes },
});
const topicsOf = ({ findings }: Diagnosis) => findings.map(({ topic }) => topic);

test('a network that is told sigma has nothing wrong, whatever schedule has as many levels', async () => {
  const values = Array.from(
    { length: 20 },
    (_, i) => (0.002 ** (1 / 7) + (i / 19) * (80 ** (1 / 7) - 0.002 ** (1 / 7))) ** 7,
  );
  const means = [-1, 1].map(level => Array.from({ length: 64 }, (_, i) => (i % 8 < 4 ? level : -level)));
  const edm = mixtureDenoiser({ means, variance: 0.05 }, [1, 8, 8], {
    ...{ predicts: 'x0', level: 'sigma', sees: 'exploding', steps: 20 },
    schedule: { kind: 'sigmas', values },
  });
  const { findings, errors } = await diagnose(edm, { runtime, roundTrip: false });
  expect(topicsOf({ findings } as Diagnosis)).not.toContain('prediction');
  expect(errors.map(({ change }) => change).join()).not.toContain('Beta');
});

test('a guided prediction is no denoiser, and is not held against what denoisers do', async () => {
  const means = [-0.5, 0.5].map(level => new Array(16).fill(level));
  const classes = classDenoiser({ means, variance: 0.05 });
  const [first, none] = [0, 2].map(label => ({ class_labels: float32([], [label]) }));
  const bound = withConditions(classes, { values: first!, unconditional: none!, guidance: 3 });
  const { errors, findings } = await diagnose(bound, { runtime, roundTrip: false });
  expect(errors).toEqual([]);
  expect(topicsOf({ findings } as Diagnosis)).not.toContain('prediction');
  const plain = await diagnose(withConditions(classes, { values: first! }), { runtime, roundTrip: false });
  expect(plain.errors.length).toBeGreaterThan(0);
});

test('a network that has learned nothing is not taken for one of another range alone', async () => {
  const b = new GraphBuilder('untrained');
  const x = b.input('x', 'float32', ['N', 1, 4, 4]);
  b.input('noise_variance', 'float32', ['N']);
  const untrained = describedAs(
    { ...shipped, graph: b.build({ [shipped.info.output]: b.mul(b.op('Tanh', [x]), b.scalar(2)) }) },
    { shape: [1, 4, 4], padding: 0, predicts: 'x0', range: { from: [-1, 1], mean: [0], std: [1] } },
  );
  const { findings } = await diagnose(untrained, { runtime });
  expect(topicsOf({ findings } as Diagnosis)).toEqual(['range']);
  expect(findings[0]!.text).toContain('or the network has learned too little. Give pictures');
});

test('a network of noise that errs a little, with a start that has no signal, is told of one that has', async () => {
  const means = [-0.5, 0.5].map(level => Array.from({ length: 16 }, (_, i) => (i % 4 < 2 ? level : -level)));
  const exact = mixtureDenoiser({ means, variance: 0.05 });
  const b = new GraphBuilder('errs');
  const seen = b.input('x', 'float32', ['N', 1, 4, 4]);
  const level = b.input('noise_variance', 'float32', ['N']);
  const { epsilon } = replay(b, exact.graph, { x: seen, noise_variance: level }) as { epsilon: Value };
  const model = createModel(b.build({ epsilon: b.mul(epsilon, b.scalar(0.98)) }), exact.info);
  const ask = (minSignalRate: number) =>
    diagnose(describedAs(model, { schedule: { ...exact.info.schedule, minSignalRate } as never }), {
      runtime,
    });
  expect(topicsOf(await ask(0.02))).not.toContain('start');
  const { findings, roundTrip } = await ask(1e-5);
  expect(topicsOf({ findings } as Diagnosis)).toContain('start');
  const start = /write "start": (\{.*?\}) and "grid": "linspace"/.exec(findings[0]!.text)![1]!;
  expect(JSON.parse(start).diffusionTime).toBeGreaterThan(0.9);
  expect(JSON.parse(start).diffusionTime).toBeLessThan(1);
  expect(roundTrip!.psnr).toBeGreaterThan(30);
});

test('that start has no more steps than timesteps, and each leads to the next', async () => {
  const values = Array.from({ length: 40 }, (_, n) =>
    Math.max(1e-10, Math.cos(((n + 1) / 40) * (Math.PI / 2)) ** 2),
  );
  const means = [-0.5, 0.5].map(level => Array.from({ length: 16 }, (_, i) => (i % 4 < 2 ? level : -level)));
  const exact = mixtureDenoiser({ means, variance: 0.05 }, [1, 4, 4], {
    ...{ level: 'timestep', schedule: { kind: 'alphaBar', values } },
    sampler: { steps: 40, start: { timestep: 39 }, stride: 1 },
  });
  const b = new GraphBuilder('errs');
  const [seen, level] = exact.graph.inputs.map(({ name, dtype, shape }) => b.input(name, dtype, shape));
  const names = exact.graph.inputs.map(({ name }) => name);
  const { epsilon } = replay(b, exact.graph, { [names[0]!]: seen!, [names[1]!]: level! });
  const model = createModel(b.build({ epsilon: b.mul(epsilon!, b.scalar(0.98)) }), exact.info);
  const { findings } = await diagnose(model, { runtime, roundTrip: false });
  const [, timestep, steps] = /"start": \{"timestep":(\d+)\}.* and "steps": (\d+) and no "stride"/.exec(
    findings[0]!.text,
  )!;
  expect(Number(steps)).toBe(Number(timestep) + 1);
});

describe('a trained network that is described', () => {
  const ask = (changes: Changes = {}, roundTrip = true) =>
    diagnose(describedAs(shipped, changes), { runtime, pictures, roundTrip });
  const { sampler } = shipped.info;

  test('rightly has nothing wrong, and gives its samples back', async () => {
    const { findings, errors, roundTrip, given } = await ask();
    expect(findings).toEqual([]);
    expect(given).toBe(true);
    expect(errors[0]!.change).toBe('');
    expect(errors[0]!.error).toBeLessThan(0.2);
    expect(roundTrip!.psnr).toBeGreaterThan(33);
    expect(Math.abs(roundTrip!.variance - 1)).toBeLessThan(0.2);
  });

  test.each<[Changes, string]>([
    [{ predicts: 'epsilon' }, '"predicts": "v"'],
    [{ predicts: 'x0' }, '"predicts": "v"'],
    [{ level: 'noiseRate' }, '"level": "noiseVariance"'],
    [{ level: 'diffusionTime' }, '"level": "noiseVariance"'],
    [{ level: 'sigma' }, '"level": "noiseVariance"'],
    [{ level: 'logSnr' }, '"level": "noiseVariance"'],
    [{ sees: 'exploding' }, '"sees": "preserving"'],
  ])('with %j is told to write %s, and nothing else', async (changes, change) => {
    const { findings, errors, roundTrip } = await ask(changes);
    expect(findings).toHaveLength(1);
    expect(findings[0]!.topic).toBe('prediction');
    expect(findings[0]!.text).toMatch(/^noise is removed [\d.]+ times better with /);
    expect(findings[0]!.text).toContain(change);
    expect(errors[0]!.change).toBe(change);
    expect(roundTrip).toBeUndefined();
  });

  test.each([
    [0, 1],
    [0.5, 0.5],
    [0, 1 / 255],
  ])("with pixels of mean %d and deviation %d is told the pictures' own", async (mean, std) => {
    const { findings } = await ask({ range: { from: [0, 1], mean: [mean], std: [std] } });
    expect(findings).toHaveLength(1);
    expect(findings[0]!.topic).toBe('range');
    const range = /"range": (\{.*?\}), about their own/.exec(findings[0]!.text)![1]!;
    const { mean: [m] = [], std: [s] = [] } = JSON.parse(range);
    expect(Math.abs(m - shipped.info.range.mean[0]!)).toBeLessThan(0.1);
    expect(Math.abs(s - shipped.info.range.std[0]!)).toBeLessThan(0.1);
  });

  test('with a start that has much signal is told so', async () => {
    const { findings } = await ask({ sampler: { ...sampler, start: { diffusionTime: 0.8 } } }, false);
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatchObject({ topic: 'final signal' });
    expect(findings[0]!.text).toContain('the signal rate is 0.263, not nearly 0');
  });
});

/** Pictures 4 by 4 near two patterns, pixels in [-1,1] for the network. */
const means = [0, 1].map(k => Array.from({ length: 16 }, (_, i) => ((i + k) % 2 === 0 ? 0.8 : -0.8)));
const unit = { from: [0, 1] as [number, number], mean: [0.5], std: [0.5] };
const seen = normals({ seed: 2, purpose: 'pictures' }, [4, 1, 4, 4]).data.map(
  (value, i) => (means[Math.floor(i / 16) % 2]![i % 16]! + 0.05 * value) * 0.5 + 0.5,
);
const patterns = float32([4, 1, 4, 4], seen);

describe('a network in closed form', () => {
  const mixture = describedAs(mixtureDenoiser({ means, variance: 0.05 ** 2 }), { range: unit });

  test('over -1 to 1 that is described over 0 to 1 is told so', async () => {
    expect(topicsOf(await diagnose(mixture, { runtime, pictures: patterns }))).toEqual([]);
    const wrong = describedAs(mixture, { range: { ...unit, mean: [0], std: [1] } });
    const { findings } = await diagnose(wrong, { runtime, pictures: patterns });
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatchObject({ topic: 'range' });
    expect(findings[0]!.text).toContain('"mean":[0.5],"std":[0.5]');
  });

  test('that draws beyond black and white, though described rightly, is not called described wrongly', async () => {
    const wide = describedAs(mixtureDenoiser({ means, variance: 0.3 }), { range: unit });
    const { findings } = await diagnose(wide, { runtime, pictures: patterns, roundTrip: false });
    expect(findings.map(({ topic }) => topic)).toEqual(['pictures']);
    expect(findings[0]!.text).toMatch(
      /^[\d.]+ % of the numbers of grown pictures lie a quarter .* outside it, though nothing/,
    );
  });

  test('is told so without pictures too, if less surely', async () => {
    const wrong = describedAs(mixture, { range: { ...unit, mean: [0], std: [1] } });
    expect(topicsOf(await diagnose(wrong, { runtime }))).toEqual(['range']);
  });

  test('of flow matching has nothing wrong; described as a DDPM it is told what it is', async () => {
    const flow = mixtureDenoiser({ means, variance: 0.05 ** 2 }, [1, 4, 4], {
      predicts: 'flow',
      schedule: { kind: 'flow' },
      level: 'timestep',
    });
    const right = describedAs(flow, { range: unit });
    expect((await diagnose(right, { runtime, pictures: patterns })).findings).toEqual([]);
    const { findings } = await diagnose(
      describedAs(right, {
        predicts: 'epsilon',
        schedule: { kind: 'linearBeta', timesteps: 1000, betaStart: 1e-4, betaEnd: 0.02 },
        sampler: { ...right.info.sampler, start: { timestep: 999 } },
      }),
      { runtime, pictures: patterns },
    );
    expect(findings[0]!.text).toContain('"predicts": "flow", "schedule": {"kind":"flow","timesteps":1000}');
  });

  test('whose schedule is off by one step is told so', async () => {
    const values = Array.from({ length: 21 }, (_, n) => 0.97 * 0.78 ** n);
    const sampler = { steps: 10, start: { timestep: 19 } };
    const schedule = { kind: 'alphaBar' as const, values };
    const model = mixtureDenoiser({ means, variance: 0.05 ** 2 }, [1, 4, 4], {
      level: 'timestep',
      schedule,
      sampler,
    });
    const right = describedAs(model, { range: unit });
    expect(topicsOf(await diagnose(right, { runtime, pictures: patterns }))).toEqual([]);
    const late = describedAs(right, { schedule: { ...schedule, values: values.slice(1) } });
    const { findings } = await diagnose(late, { runtime, pictures: patterns });
    expect(findings).toHaveLength(1);
    expect(findings[0]!.text).toContain('timesteps counted from 1: the schedule is off by one step');
  });

  test('told another schedule of as many timesteps is told the right one', async () => {
    const linear = { kind: 'linearBeta', timesteps: 1000, betaStart: 1e-4, betaEnd: 0.02 } as const;
    let product = 1;
    const values = Array.from(
      { length: 1000 },
      (_, n) => (product *= 1 - (1e-4 + ((0.02 - 1e-4) * n) / 999)),
    );
    const model = mixtureDenoiser({ means, variance: 0.05 ** 2 }, [1, 4, 4], {
      level: 'timestep',
      schedule: { kind: 'alphaBar', values },
      sampler: { start: { timestep: 999 } },
    });
    const wrong = { range: unit, schedule: { kind: 'cosineBeta', timesteps: 1000 } } as const;
    const { findings } = await diagnose(describedAs(model, wrong), { runtime, pictures: patterns });
    expect(findings).toHaveLength(1);
    expect(findings[0]!.text).toContain(`"schedule": ${JSON.stringify(linear)}`);
  });

  test.each([
    ['epsilon', /from every start that was tried/],
    // Its picture is not divided by the signal rate, so that no other start would help.
    ['v', /^pictures leave the range of pixels: the prediction, the level/],
  ] as const)('that gives nonsense as %s is called so', async (predicts, start) => {
    const b = new GraphBuilder('nonsense');
    const x = b.input('x', 'float32', ['N', 1, 4, 4]);
    b.input('noise_variance', 'float32', ['N']);
    const graph = b.build({ epsilon: b.add(b.mul(x, b.scalar(3)), b.scalar(9)) });
    const nonsense = describedAs({ ...mixture, graph }, { predicts });
    const { findings } = await diagnose(nonsense, { runtime, pictures: patterns });
    expect(findings.map(({ topic }) => topic)).toEqual(['start', 'prediction']);
    expect(findings[0]!.text).toMatch(start);
    expect(findings[1]!.text).toContain('worse than by a denoiser that knows only');
  });
});

const checkpoints = fileURLToPath(new URL('../../../shared/data/checkpoints', import.meta.url));
const pathOf = (name: string) => `${checkpoints}/${name}/${name}.onnx`;

/** A real model with its documented description. */
function real(name: string): Denoiser {
  const text = readFileSync(new URL(`../../docs/models/${name}.json`, import.meta.url), 'utf8');
  const info = parseForeignInfo(JSON.parse(text), `${name}.json`);
  return importDenoiser(parseModel(readFileSync(pathOf(name)), name), info, new Map(), name);
}

describe.skipIf(!existsSync(pathOf('heart2d')))('a perceptron over points that PyTorch exported', () => {
  test('keeps much signal to the end, and has nothing else wrong', async () => {
    const { findings, roundTrip } = await diagnose(real('heart2d'), { runtime });
    expect(topicsOf({ findings } as Diagnosis)).toEqual(['final signal']);
    expect(findings[0]!.text).toContain('the signal rate is 0.364');
    expect(roundTrip!.psnr).toBeGreaterThan(30);
  });
});

test('pictures that tell nothing, or are none, are refused', async () => {
  const grey = float32([1, 1, 28, 28], new Array(784).fill(0.5));
  await expect(diagnose(shipped, { runtime, pictures: grey })).rejects.toThrow('are 0.5 throughout');
  const none = float32([1, 1, 28, 28], new Array(784).fill(Number.NaN));
  await expect(diagnose(shipped, { runtime, pictures: none })).rejects.toThrow('which is no number');
});
