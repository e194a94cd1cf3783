import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { samplerGrid } from '../../src/diffusion/grid.ts';
import { createNetwork } from '../../src/diffusion/network.ts';
import { gaussianDenoiser } from '../../src/diffusion/oracle.ts';
import { createSampler } from '../../src/diffusion/sampler.ts';
import { ratesAt } from '../../src/diffusion/schedule.ts';
import { GraphBuilder } from '../../src/graph/builder.ts';
import type { Dim, Graph } from '../../src/graph/ir.ts';
import { parseModel, serializeModel } from '../../src/graph/protobuf.ts';
import { bind } from '../../src/graph/replay.ts';
import { type Denoiser, loadModel } from '../../src/index.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import { readNpy, writeNpy } from '../../src/tensor/npy.ts';
import { normals } from '../../src/tensor/random.ts';
import { float32, int64, type Tensor } from '../../src/tensor/tensor.ts';
import { HAS_ONNX, python } from '../python.ts';
import { relativeError, runGraph } from '../support.ts';
import { seedbed } from './in-process.ts';

const checkpoints = fileURLToPath(new URL('../../../shared/data/checkpoints', import.meta.url));
const docs = fileURLToPath(new URL('../../docs/models', import.meta.url));
const runtime = await createRuntime({ threads: 1 });

let folder: string;
const at = (...parts: string[]) => join(folder, ...parts);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'seedbed-import-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function write(path: string, contents: Uint8Array | object): Promise<string> {
  const bytes = contents instanceof Uint8Array ? contents : JSON.stringify(contents);
  await mkdir(dirname(at(path)), { recursive: true });
  await writeFile(at(path), bytes);
  return at(path);
}

/** Imports, and reads what was written. */
async function imported(...args: string[]): Promise<{ model: Denoiser; out: string; err: string }> {
  const { code, out, err } = await seedbed('import', ...args, '--out', at('imported.onnx'));
  expect(err.replaceAll(/^its .*\n/gm, '')).toBe('');
  expect(code).toBe(0);
  return { model: await loadModel(at('imported.onnx')), out, err };
}

/** What a command says that fails: a line or few, no stack trace, exit code 2. */
async function refusal(...args: string[]): Promise<string> {
  const { code, out, err } = await seedbed('import', ...args, '--out', at('refused.onnx'));
  expect(code).toBe(2);
  expect(out).toBe('');
  expect(err.replaceAll(/^its .*\n/gm, '')).toMatch(/^seedbed: .*\n$/);
  expect(err).not.toMatch(/\n\s+at /);
  expect(existsSync(at('refused.onnx'))).toBe(false);
  return err;
}

/** A network in the manner of diffusers: x times a weight, and the timestep, which is told apart from others. */
function unet(image: readonly Dim[], time: readonly Dim[] = ['N'], outputs = image[1]! as number): Graph {
  const b = new GraphBuilder('unet');
  const x = b.input('sample', 'float32', ['N', image[1]!, 8, 8]);
  const t = b.input('timestep', 'int64', time);
  const step = b.reshape(b.cast(t, 'float32'), [time.length === 0 ? 1 : 0, 1, 1, 1]);
  const y = b.add(b.mul(x, b.constant(float32([1], [0.5]), 'weight')), b.mul(step, b.scalar(1e-3)));
  const parts = Array.from({ length: outputs / (image[1]! as number) }, () => y);
  const graph = b.build({ out_sample: parts.length > 1 ? b.concat(parts, 1) : y });
  const [first, ...rest] = graph.inputs;
  return { ...graph, inputs: [{ ...first!, shape: image }, ...rest] };
}

const scheduler = {
  _class_name: 'DDIMScheduler',
  num_train_timesteps: 1000,
  beta_schedule: 'linear',
  beta_start: 0.0001,
  beta_end: 0.02,
  prediction_type: 'epsilon',
  clip_sample: false,
  steps_offset: 0,
  timestep_spacing: 'leading',
  trained_betas: null,
};

/** A diffusers folder. */
async function pipeline(name: string, changes: object = {}, config: object | null = {}, graph?: Graph) {
  await write(
    `${name}/unet/model.onnx`,
    serializeModel(graph ?? unet(['N', 3, 'height', 'width'] as readonly Dim[])),
  );
  await write(`${name}/scheduler/scheduler_config.json`, { ...scheduler, ...changes });
  if (config) await write(`${name}/unet/config.json`, { in_channels: 3, sample_size: 8, ...config });
  return at(name);
}

const timestepsOf = ({ info }: Denoiser) => samplerGrid(info, info.sampler).map(({ from }) => from.fed);

describe('a diffusers folder says itself what it is', () => {
  test('and is sampled from', async () => {
    const { model, out } = await imported(await pipeline('plain'));
    expect(out).toBe(
      `${at('imported.onnx')}: 'plain', pictures [3,8,8], predicts epsilon, told the timestep, linearBeta, 50 steps of ddim\nNext: seedbed doctor ${at('imported.onnx')} PICTURES\n`,
    );
    expect(model.info.range).toEqual({ from: [0, 1], mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] });
    const grown = await seedbed(
      'sample',
      '--model',
      at('imported.onnx'),
      '--count',
      '2',
      '--out',
      at('grown'),
    );
    expect(grown.code).toBe(0);
    expect(existsSync(at('grown/pictures.png'))).toBe(true);
  });

  // By hand from diffusers' set_timesteps: multiples of 1000 // 50 and the offset; 1000, 980, ... less one; and
  // numpy.linspace(0, 999, 50).round(), whose neighbours lie 999 / 49 = 20.39 apart.
  test.each<[string, object, number[], number[]]>([
    ['leading, offset 1', { steps_offset: 1 }, [981, 961, 941], [21, 1]],
    ['leading', {}, [980, 960, 940], [20, 0]],
    ['trailing', { timestep_spacing: 'trailing' }, [999, 979, 959], [39, 19]],
    ['linspace', { timestep_spacing: 'linspace' }, [999, 979, 958], [20, 0]],
    ['an old file of a DDIM', { timestep_spacing: undefined }, [980, 960, 940], [20, 0]],
    [
      'an old file of another solver',
      { timestep_spacing: undefined, _class_name: 'EulerDiscreteScheduler' },
      [999, 979, 958],
      [20, 0],
    ],
  ])('timesteps: %s', async (_, changes, first, last) => {
    const { model } = await imported(await pipeline('spaced', changes));
    const visited = timestepsOf(model);
    expect(visited).toHaveLength(50);
    expect(visited.slice(0, 3)).toEqual(first);
    expect(visited.slice(-2)).toEqual(last);
  });

  test('what makes no description is refused by the files that say it', async () => {
    const bad = await pipeline('bad', { beta_end: 5 });
    expect(await refusal(bad)).toContain(
      `${join(bad, 'scheduler/scheduler_config.json')} and ${join(bad, 'unet/config.json')}: does not describe a denoiser: 'schedule.betaEnd'`,
    );
  });

  test('halves are rounded as NumPy rounds them, and steps stay within the schedule', async () => {
    const sixteen = ['--sampler-steps', '16'];
    const trailing = await imported(await pipeline('half', { timestep_spacing: 'trailing' }), ...sixteen);
    // numpy.round(numpy.arange(1000, 0, -62.5)) - 1
    const expected = [999, 937, 874, 811, 749, 687, 624, 561, 499, 437, 374, 311, 249, 187, 124, 61];
    expect(timestepsOf(trailing.model)).toEqual(expected);
    const all = await imported(await pipeline('all', { steps_offset: 1 }), '--sampler-steps', '1000');
    expect(timestepsOf(all.model)).toEqual(Array.from({ length: 1000 }, (_, i) => 999 - i));
  });

  // alpha_bar after the first timestep is 1 - beta_0; of the cosine, cos^2((1/1000 + .008)/1.008 pi/2) / cos^2(.008/1.008 pi/2).
  const f = (t: number) => Math.cos((((t + 0.008) / 1.008) * Math.PI) / 2) ** 2;
  test.each<[string, object, number, number]>([
    ['linear', {}, 1, 1 - 0.0001],
    ['scaled_linear', { beta_start: 0.00085, beta_end: 0.012 }, 1, 1 - 0.00085],
    ['scaled_linear', { beta_start: 0.00085, beta_end: 0.012 }, 1000, 0.0046601],
    ['squaredcos_cap_v2', {}, 1, f(1 / 1000) / f(0)],
    ['squaredcos_cap_v2', {}, 500, f(0.5) / f(0)],
    ['trained', { trained_betas: [0.1, 0.2, 0.3], num_train_timesteps: 3 }, 2, 0.9 * 0.8],
  ])('schedule: %s', async (beta_schedule, changes, after, alphaBar) => {
    const { model } = await imported(await pipeline('schedule', { beta_schedule, ...changes }));
    const count = 'trained_betas' in changes ? 3 : 1000;
    expect(ratesAt(model.info.schedule, after / count).signalRate ** 2).toBeCloseTo(alphaBar, 6);
  });

  test.each([
    ['sample', 'x0'],
    ['v_prediction', 'v'],
  ])('prediction: %s', async (prediction_type, predicts) => {
    const { model } = await imported(await pipeline('prediction', { prediction_type }));
    expect(model.info.predicts).toBe(predicts);
  });

  test('clipping is left out with a word, or kept where it is asked for', async () => {
    const clipping = await pipeline('clipping', { clip_sample: true, clip_sample_range: 1.5 });
    const { model, err } = await imported(clipping);
    expect(err).toContain('clips x0; left out, since a clipped step has no inverse (--clip keeps it)');
    expect(model.info.sampler.clipX0).toBeNull();
    const kept = await imported(clipping, '--clip');
    expect(kept.err).toBe('');
    expect(kept.model.info.sampler.clipX0).toEqual([-1.5, 1.5]);
  });

  test('learned variances are left out', async () => {
    const graph = unet(['N', 3, 8, 8], [], 6);
    const { model } = await imported(await pipeline('variances', {}, { out_channels: 6 }, graph));
    expect(model.graph.outputs[0]!.shape).toEqual(['N', 3, 8, 8]);
    await imported(await pipeline('declared', {}, null, graph));
  });

  /** A network of flow matching: told sigma as fractions of 1000 timesteps, it sees data of which it knows the variance alone. */
  function flowNetwork(): Graph {
    const model = gaussianDenoiser(0.3, [1, 8, 8], 10, {
      predicts: 'flow',
      schedule: { kind: 'flow' },
      level: 'timestep',
    });
    return { ...model.graph, metadata: new Map() };
  }

  test('flow matching is imported, sampled from and embedded into', async () => {
    const path = await pipeline('flow', {}, { in_channels: 1 }, flowNetwork());
    await write('flow/scheduler/scheduler_config.json', {
      _class_name: 'FlowMatchEulerDiscreteScheduler',
      num_train_timesteps: 1000,
      shift: 3,
    });
    const { model, out, err } = await imported(path, '--sampler-steps', '10');
    expect(err).toBe('');
    expect(out).toContain('predicts flow, told the timestep, flow, 10 steps of ddim');
    const grid = samplerGrid(model.info, model.info.sampler);
    expect(grid[0]!.from).toMatchObject({ signalRate: 0, noiseRate: 1, fed: 1000 });
    const run = async (...args: string[]) => expect((await seedbed(...args, '--quiet')).code).toBe(0);
    const file = ['--model', at('imported.onnx')];
    await run('sample', ...file, '--count', '2', '--out', at('flow-grown'));
    await run('embed', at('flow-grown/pictures.npy'), ...file, '--out', at('flow-seeds'));
    await run('decode', at('flow-seeds/seeds.safetensors'), ...file, '--out', at('flow-again'));
    const [grown, again] = await Promise.all(
      ['flow-grown', 'flow-again'].map(async name => readNpy(await readFile(at(name, 'pictures.npy')), name)),
    );
    expect(relativeError(again as Tensor<'float32'>, grown as Tensor<'float32'>)).toBeLessThan(0.02);
  });

  test('its notes name what is unknown, what is left out, and a shift by resolution', async () => {
    const pndm = { _class_name: 'PNDMScheduler', skip_prk_steps: true, tea: 'green', cups: 2 };
    const { err } = await imported(await pipeline('noted', pndm));
    expect(err).toContain(
      'its scheduler_config.json has what PNDMScheduler does not know, which is passed over: clip_sample, tea, cups',
    );
    expect(err).toContain("its PNDMScheduler makes steps of higher order, left out: steps are DDIM's");
    const path = await pipeline('resolution', {}, { in_channels: 1, patch_size: 2 }, flowNetwork());
    await write('resolution/scheduler/scheduler_config.json', {
      _class_name: 'FlowMatchEulerDiscreteScheduler',
      use_dynamic_shifting: true,
      base_image_seq_len: 16,
    });
    const shifted = await imported(path);
    expect(shifted.err).toContain('its shift follows the resolution: 1.649 for 16 tokens');
    expect(shifted.model.info.schedule).toMatchObject({ kind: 'flow', shift: Math.exp(0.5) });
  });

  test('a class that is not read is described beside it', async () => {
    const path = await pipeline('described', { _class_name: 'IPNDMScheduler' });
    const sampler = {
      kind: 'ddim',
      steps: 4,
      grid: 'linspace',
      start: { diffusionTime: 1 },
      final: 'x0',
    };
    const given = { predicts: 'x0', schedule: { kind: 'cosineBeta', timesteps: 1000 }, sampler };
    const { model } = await imported(path, '--config', await write('described.json', given));
    expect(model.info).toMatchObject(given);
  });

  test('--like diffusers steps by N // T where its timesteps lie otherwise, and refuses the timestep -1', async () => {
    const trailing = await pipeline('like', { timestep_spacing: 'trailing' });
    const like = ['--like', 'diffusers', '--sampler-steps'];
    const next = async (...args: string[]) => {
      const { model } = await imported(trailing, ...args);
      return samplerGrid(model.info, model.info.sampler).map(({ to }) => to.fed);
    };
    expect((await next('--sampler-steps', '30')).slice(0, 2)).toEqual([966, 932]);
    expect((await next(...like, '30')).slice(0, 2)).toEqual([966, 933]);
    expect(await next(...like, '10')).toEqual(await next('--sampler-steps', '10'));
    expect(await refusal(trailing, ...like, '61')).toContain(
      'of 61 trailing steps diffusers makes 62, the last of them at timestep -1, which is none',
    );
  });

  test('what it does not say is given beside it', async () => {
    const b = new GraphBuilder('with text');
    const x = b.input('sample', 'float32', ['N', 3, 8, 8]);
    const t = b.input('timestep', 'int64', []);
    const text = b.input('encoder_hidden_states', 'float32', ['N', 4, 8]);
    const mean = b.reshape(b.mean(text, [1, 2]), [0, 1, 1, 1]);
    const y = b.mul(b.add(x, mean), b.cast(t, 'float32'));
    const path = await pipeline('text', {}, {}, b.build({ out_sample: y }));
    const conditional = await imported(path);
    expect(conditional.model.info.conditions).toEqual(['encoder_hidden_states']);
    expect(conditional.err).toContain(
      "its further inputs become conditions, which every command is given: 'encoder_hidden_states' float32 [N,4,8]",
    );
    await write('prompt/text.npy', writeNpy(float32([4, 8], new Array(32).fill(0.25))));
    const config = await write('prompt/more.json', { fixedInputs: { encoder_hidden_states: 'text.npy' } });
    const { model } = await imported(path, '--config', config);
    const network = await createNetwork(runtime, model, 2);
    const level = { signalRate: 0.6, noiseRate: 0.8, time: 0.01, fed: 3 };
    const { data } = await network.epsilon(float32([2, 3, 8, 8], new Array(384).fill(1)), level);
    expect(Math.abs(data[200]! - 3.75)).toBeLessThan(1e-6);
  });

  test.each<[string, object, object | null, string]>([
    [
      'a class of another kind',
      { _class_name: 'CosineDPMSolverMultistepScheduler' },
      {},
      'its scheduler, CosineDPMSolverMultistepScheduler, is not read: it preconditions the network outside of it',
    ],
    [
      'an unknown class',
      { _class_name: 'constructor' },
      {},
      'its scheduler, constructor, is not read: Seedbed does not know it. Describe it with --config: schedule',
    ],
    ['an unknown schedule', { beta_schedule: 'laplace' }, {}, "beta_schedule 'laplace' is not one of linear"],
    [
      'an unknown prediction',
      { prediction_type: 'flow_prediction' },
      {},
      'scheduler_config.json: not valid: prediction_type: Invalid option',
    ],
    [
      'v where the squares of the rates do not add up to 1',
      {
        _class_name: 'UniPCMultistepScheduler',
        use_flow_sigmas: true,
        prediction_type: 'v_prediction',
      },
      {},
      'prediction_type "v_prediction" with use_flow_sigmas: diffusers reads v as where the squares of both rates add up to 1',
    ],
    [
      'a start without signal',
      { rescale_betas_zero_snr: true, timestep_spacing: 'trailing' },
      {},
      'begins at diffusion time 1, where there is no signal: there a network that predicts epsilon says nothing',
    ],
    ...['use_karras_sigmas', 'use_exponential_sigmas', 'use_beta_sigmas'].map(
      field =>
        [
          field,
          { _class_name: 'EulerDiscreteScheduler', [field]: true },
          {},
          `${field} true: visits levels between timesteps. Say otherwise with --config: {"sampler": ...}`,
        ] as [string, object, object, string],
    ),
    [
      'levels told as log sigma',
      {
        _class_name: 'EulerDiscreteScheduler',
        timestep_type: 'continuous',
        prediction_type: 'v_prediction',
      },
      {},
      'timestep_type "continuous": continuous, with v_prediction, tells the network log sigma / 4',
    ],
    [
      'a shift that its pipeline tells',
      {
        _class_name: 'UniPCMultistepScheduler',
        use_flow_sigmas: true,
        use_dynamic_shifting: true,
      },
      {},
      'use_dynamic_shifting: its shift is told by its pipeline',
    ],
    [
      'flow matching told whole timesteps',
      { _class_name: 'FlowMatchEulerDiscreteScheduler' },
      {},
      "its input 'timestep' takes whole timesteps (int64), but those of flow matching are fractions",
    ],
    ['an open size', {}, null, 'the size of its pictures is open ([3,height,width]) and no config.json'],
    [
      'a size left out',
      {},
      { sample_size: null },
      'the size of its pictures is open ([3,height,width]) and no config.json beside it says it. Describe it with',
    ],
  ])('with %s it is refused', async (_, changes, config, message) => {
    expect(await refusal(await pipeline(`bad-${_}`, changes, config))).toContain(message);
  });

  const values = Array.from({ length: 999 }, (_, i) => 1 - (i + 1) / 1000);
  test.each<[string, object, object | null, object]>([
    [
      'a start without signal',
      { rescale_betas_zero_snr: true, timestep_spacing: 'trailing' },
      {},
      { schedule: { kind: 'alphaBar', values } },
    ],
    ['an unknown schedule', { beta_schedule: 'laplace' }, {}, { schedule: { kind: 'alphaBar', values } }],
    ['an unknown prediction', { prediction_type: 'flow_prediction' }, {}, { predicts: 'v' }],
    ['an open size', {}, null, { shape: [3, 8, 8] }],
    ['a size left out', {}, { sample_size: null }, { shape: [3, 8, 8] }],
    ['a damaged network config', {}, { in_channels: 'three' }, { shape: [3, 8, 8] }],
    [
      'an unknown spacing',
      { timestep_spacing: 'karras' },
      {},
      { sampler: { kind: 'ddim', steps: 4, grid: 'linspace', start: { timestep: 900 }, final: 'x0' } },
    ],
  ])('what --config says counts instead of %s', async (name, changes, config, given) => {
    const path = await pipeline(`given-${name}`, changes, config);
    expect(await refusal(path)).not.toBe('');
    const { model } = await imported(path, '--config', await write('given.json', given));
    expect(model.info).toMatchObject(given);
  });

  test('the sampler stays within a schedule that is given, with a word', async () => {
    const path = await pipeline('shorter', { timestep_spacing: 'trailing', rescale_betas_zero_snr: true });
    const config = await write('shorter.json', { schedule: { kind: 'alphaBar', values } });
    const { model, err } = await imported(path, '--config', config);
    expect(err).toContain('begins at timestep 998, the last of the schedule, not at 999');
    expect(timestepsOf(model).slice(0, 3)).toEqual([998, 979, 959]);
    const all = await imported(path, '--config', config, '--sampler-steps', '1000');
    expect(timestepsOf(all.model)).toEqual(Array.from({ length: 999 }, (_, i) => 998 - i));
  });

  test.each(['5', '[]', 'null', '"predicts"'])('a --config that is %s is refused', async text => {
    const path = await pipeline('no-fields');
    await writeFile(at('no-fields.json'), text);
    expect(await refusal(path, '--config', at('no-fields.json'))).toContain(
      'expected a JSON object of fields',
    );
  });

  test('a size that its config leaves out is taken from a graph that says it', async () => {
    const path = await pipeline('static', {}, { sample_size: null }, unet(['N', 3, 8, 8]));
    expect((await imported(path)).model.info.shape).toEqual([3, 8, 8]);
  });

  test("numbers as only Python's JSON has them are read", async () => {
    const path = await pipeline('python', { mark: 'here' });
    const file = join(path, 'scheduler/scheduler_config.json');
    const put = async (fields: string) =>
      writeFile(file, JSON.stringify({ ...scheduler, mark: 'here' }).replace('"mark":"here"', fields));
    await put('"lambda_min_clipped": -Infinity, "x": [NaN, Infinity], "y": "-Infinity"');
    await imported(path);
    await put('"trained_betas": [NaN]');
    expect(await refusal(path)).toContain('trained_betas.0: Invalid input: expected number, received NaN');
    const config = at('python.json');
    await writeFile(config, '{"name": -Infinity}');
    expect(await refusal(path, '--config', config)).toContain('python.json is not JSON');
  });

  test('an old predict_epsilon is ignored with a word', async () => {
    const path = await pipeline('old', { prediction_type: undefined, predict_epsilon: false });
    const { model, err } = await imported(path);
    expect([model.info.predicts, err]).toEqual([
      'epsilon',
      expect.stringContaining('a key of old that diffusers ignores'),
    ]);
    const config = await write('old.json', { predicts: 'x0' });
    const told = await imported(path, '--config', config);
    expect([told.model.info.predicts, told.err]).toEqual(['x0', '']);
    expect((await imported(await pipeline('old-true', { predict_epsilon: true }))).err).toBe('');
  });

  const cases = fileURLToPath(new URL('../../../shared/cases', import.meta.url));
  test
    .skipIf(!existsSync(cases))
    .each([
      ['dpm-infinity'],
      ['predict-epsilon'],
      ['config-null-size-static'],
      ['config-zero-snr', '--config', join(cases, 'config-zero-snr/model.json')],
    ])('../shared/cases/%s is imported', async (name, ...flags) => {
    expect((await imported(join(cases, name), ...flags)).model.info.shape).toEqual([3, 8, 8]);
  });

  test('without a model, or with several, it is refused', async () => {
    await write('bare/scheduler/scheduler_config.json', scheduler);
    expect(await refusal(at('bare'))).toContain('neither it nor its folder unet/ holds an .onnx file');
    const path = await pipeline('several');
    await write('several/unet/other.onnx', serializeModel(unet(['N', 3, 8, 8])));
    expect(await refusal(path)).toContain('holds several models: model.onnx, other.onnx');
  });

  test('with a damaged file it is refused', async () => {
    const path = await pipeline('damaged');
    await writeFile(join(path, 'scheduler/scheduler_config.json'), '{"num_train');
    expect(await refusal(path)).toMatch(/scheduler_config\.json is not JSON: /);
    await writeFile(join(path, 'scheduler/scheduler_config.json'), 'null');
    expect(await refusal(path)).toContain('expected object, received null');
  });
});

const info = {
  name: 'theirs',
  inputs: { image: 'sample', level: 'timestep' },
  output: 'out',
  predicts: 'epsilon',
  level: 'timestep',
  shape: [4, 8, 8],
  range: { from: [-1, 1], mean: [0, 0, 0, 0], std: [1, 1, 1, 1] },
  schedule: { kind: 'linearBeta', timesteps: 1000, betaStart: 0.0001, betaEnd: 0.02 },
  sampler: { kind: 'ddim', steps: 10, grid: 'linspace', start: { timestep: 999 }, final: 'x0' },
};
const script = readFileSync(new URL('../graph/exports.py', import.meta.url), 'utf8');

describe.skipIf(!HAS_ONNX)("files of every operator set (needs Debian's python3-onnx)", () => {
  beforeAll(() => void python(script, folder));

  test.each(['unet-13', 'unet-17', 'unet-18', 'unet-22', 'transformer-13', 'transformer-22'])(
    '%s is imported, and predicts what the file does',
    async name => {
      const { model } = await imported(at(`${name}.onnx`), '--config', await write('info.json', info));
      const x = normals({ seed: 1, purpose: 'import' }, [2, 4, 8, 8]);
      const network = await createNetwork(runtime, model, 2);
      const got = await network.epsilon(x, { signalRate: 0.6, noiseRate: 0.8, time: 0.301, fed: 300 });
      await network.dispose();
      const graph = bind(parseModel(await readFile(at(`${name}.onnx`)), name), { N: 2 });
      const timestep = name.startsWith('unet') ? int64([300, 300]) : float32([2], [300, 300]);
      const [want] = await runGraph(graph, [{ sample: x, timestep }]);
      expect(relativeError(got, want!.out!)).toBeLessThan(1e-5);
    },
  );

  test('weights that lie apart are taken in', async () => {
    const apart = "import onnx, sys\nm = onnx.load(sys.argv[1] + '/unet-17.onnx')\n";
    const save =
      "onnx.save(m, sys.argv[1] + '/apart.onnx', save_as_external_data=True, location='apart.data', size_threshold=0)";
    python(apart + save, folder);
    const config = await write('info.json', info);
    const { model } = await imported(at('apart.onnx'), '--config', config);
    expect(model.hash).toBe((await imported(at('unet-17.onnx'), '--config', config)).model.hash);
    await rm(at('apart.data'));
    expect(await refusal(at('apart.onnx'), '--config', config)).toContain('apart.data');
  });

  test('an operator that Seedbed does not know is named, with its node', async () => {
    const change =
      "import onnx, sys\nm = onnx.load(sys.argv[1] + '/unet-17.onnx')\nm.graph.node[-1].op_type = 'NonZero'\nm.graph.node[-1].name = 'last'\n";
    python(`${change}onnx.save(m, sys.argv[1] + '/strange.onnx')`, folder);
    const text = await refusal(at('strange.onnx'), '--config', await write('info.json', info));
    expect(text).toContain(`${at('strange.onnx')}: NonZero 'last': this operator is not supported`);
  });
});

describe('a file with a description', () => {
  /** Multiplies by a weight, in float16 throughout. */
  const half: Graph = {
    name: 'half',
    opset: 17,
    inputs: [
      { name: 'sample', dtype: 'float16', shape: ['N', 4, 8, 8] },
      { name: 'timestep', dtype: 'float16', shape: ['N'] },
    ],
    outputs: [{ name: 'out', dtype: 'float16', shape: ['N', 4, 8, 8] }],
    initializers: new Map([['w', { dtype: 'float16', shape: [1], data: Uint16Array.of(0x3800) }]]),
    nodes: [{ op: 'Mul', name: 'm', inputs: ['sample', 'w'], outputs: ['out'], attributes: {} }],
    metadata: new Map(),
  };

  test('in float16 is computed with in float32', async () => {
    const path = await write('half.onnx', serializeModel(half));
    const { model } = await imported(path, '--config', await write('info.json', info));
    const x = normals({ seed: 1, purpose: 'import' }, [1, 4, 8, 8]);
    const network = await createNetwork(runtime, model, 1);
    const { data } = await network.epsilon(x, { signalRate: 0.6, noiseRate: 0.8, time: 0.3, fed: 0.8 });
    expect(data).toEqual(x.data.map(value => value / 2));
  });

  test('tells what it wrote, as JSON too', async () => {
    const path = await write('half.onnx', serializeModel(half));
    const config = await write('info.json', info);
    const { code, out } = await seedbed('import', path, '--config', config, '--out', at('o.onnx'), '--json');
    expect(code).toBe(0);
    const { command, model, results } = JSON.parse(out);
    expect(command).toBe('import');
    expect(model).toBe((await loadModel(at('o.onnx'))).hash);
    expect(results).toMatchObject([{ file: at('o.onnx'), info: { name: 'theirs', predicts: 'epsilon' } }]);
  });

  test('is refused in words', async () => {
    const path = await write('half.onnx', serializeModel(half));
    const config = await write('info.json', info);
    expect(await refusal(path)).toContain('nothing says what this model is. Give --config model.json');
    expect(await refusal(path, '--config', at('none.json'))).toContain('none.json');
    const damaged = at('damaged.json');
    await writeFile(damaged, '{"name": "x", }');
    expect(await refusal(path, '--config', damaged)).toContain(`${damaged} is not JSON: `);
    expect(await refusal(damaged, '--config', config)).toContain(damaged);
    expect(await refusal(at('nowhere.onnx'), '--config', config)).toContain('nowhere.onnx');
    const { predicts: _, ...less } = info;
    expect(await refusal(path, '--config', await write('less.json', less))).toContain(
      "'predicts' is missing",
    );
    const fixed = await write('fixed.json', { ...info, fixedInputs: { class: 'class.npy' } });
    expect(await refusal(path, '--config', fixed)).toContain('class.npy');
    expect(await refusal(path, '--config', config, '--sampler-steps', '5')).toContain(
      'are for diffusers folders',
    );
  });

  test('is not written over', async () => {
    const path = await write('half.onnx', serializeModel(half));
    const config = await write('info.json', info);
    const { code, err } = await seedbed('import', path, '--config', config, '--out', path);
    expect([code, err]).toEqual([2, `seedbed: ${path} would be written over; --out names another file\n`]);
    expect(await readFile(path)).toEqual(Buffer.from(serializeModel(half)));
  });
});

const pathOf = (name: string) => join(checkpoints, name, `${name}.onnx`);
const importReal = (name: string) => imported(pathOf(name), '--config', join(docs, `${name}.json`));

describe.skipIf(!existsSync(pathOf('heart2d')))('a perceptron over points that PyTorch exported', () => {
  test('grows points on its heart', async () => {
    const { model, out } = await importReal('heart2d');
    expect(out).toContain("'heart2d', pictures [2], predicts epsilon");
    expect(out).toMatch(/Next: seedbed doctor \S+\n$/);
    const sampler = await createSampler(runtime, model, model.info.sampler, 500);
    const { data } = await sampler.sample(normals({ seed: 0, purpose: 'sample' }, [500, 2]));
    const heart = Array.from({ length: 2000 }, (_, i) => {
      const u = (i / 1000) * Math.PI;
      const y = 13 * Math.cos(u) - 5 * Math.cos(2 * u) - 2 * Math.cos(3 * u) - Math.cos(4 * u);
      return [(16 * Math.sin(u) ** 3) / 5, y / 5] as const;
    });
    const distances = Array.from({ length: 500 }, (_, i) =>
      Math.min(...heart.map(([x, y]) => Math.hypot(data[2 * i]! - x, data[2 * i + 1]! - y))),
    ).sort((a, b) => a - b);
    expect(distances[250]).toBeLessThan(0.03);
    expect(distances[450]).toBeLessThan(0.1);
  });
});

describe.skipIf(!existsSync(pathOf('anime64')))(
  'a U-Net of 63 million weights, stored in 8 bits each',
  () => {
    test('is imported, saved, read back, and removes noise', async () => {
      const { model } = await importReal('anime64');
      expect(model.info.range).toEqual({ from: [0, 1], mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] });
      const sampler = await createSampler(runtime, model, { ...model.info.sampler, steps: 5 }, 1);
      const { data } = await sampler.sample(normals({ seed: 0, purpose: 'sample' }, [1, 3, 64, 64]));
      await sampler.dispose();
      expect(Math.max(...data.map(Math.abs))).toBeLessThan(1.5);
      const difference = data.map((value, i) => Math.abs(value - (data[i + 1] ?? value)));
      // Neighbours of a picture are alike, of noise they are not.
      expect(difference.reduce((sum, value) => sum + value, 0) / data.length).toBeLessThan(0.2);
    });
  },
);
