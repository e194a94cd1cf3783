import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { FIELDS } from '../../../src/diffusion/diffusers/fields.ts';
import { fromDiffusers } from '../../../src/diffusion/diffusers/read.ts';
import { SCHEDULERS } from '../../../src/diffusion/diffusers/schedulers.ts';
import { parseForeignInfo } from '../../../src/diffusion/foreign.ts';
import { samplerGrid } from '../../../src/diffusion/grid.ts';
import type { DenoiserInfo } from '../../../src/diffusion/info.ts';
import { type OneState, type SamplerKind, samplerRow } from '../../../src/diffusion/samplers.ts';
import type { Level } from '../../../src/diffusion/schedule.ts';
import { affineStep, follow, type Space } from '../../../src/diffusion/solvers.ts';
import { GraphBuilder } from '../../../src/graph/builder.ts';

/** One recorded run of a scheduler (record.py beside the file). */
interface Case {
  readonly class: string;
  readonly steps: number;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly like?: true;
  /** Seedbed's, that takes the steps of higher order that the class takes; ddim unless given. */
  readonly sampler?: SamplerKind;
  readonly timesteps: readonly number[];
  readonly picture?: readonly number[];
  readonly seed?: readonly number[];
}

const fixture = new URL('../../fixtures/diffusers/schedulers.json', import.meta.url);
const recorded = JSON.parse(readFileSync(fixture, 'utf8')) as {
  diffusers: string;
  classes: Record<string, Record<string, unknown>>;
  cases: Case[];
  seeds: Case[];
  ended: Case[];
};

const Z = [0.7, -1.2, 0.1];
const X0 = [0.4, -0.3, 0.8];

/** A network of diffusers' form on 16 x 16 pictures. */
const graph = (() => {
  const b = new GraphBuilder('network');
  const x = b.input('sample', 'float32', ['N', 1, 16, 16]);
  const t = b.input('timestep', 'float32', ['N']);
  return b.build({ out: b.mul(x, b.reshape(t, [0, 1, 1, 1])) });
})();

interface Asked {
  readonly given?: Record<string, unknown>;
  readonly notes?: string[];
}

function described({ class: name, fields, steps, like }: Case, { given, notes }: Asked = {}): DenoiserInfo {
  const scheduler = { _class_name: name, clip_sample: false, ...fields };
  const said = fromDiffusers(graph, scheduler, undefined, {
    name: 'recorded',
    file: 'network.onnx',
    given,
    steps,
    like: like && 'diffusers',
    note: text => notes?.push(text),
  });
  return parseForeignInfo(said, 'the fields');
}

/** The closed-form network of record.py, in double precision. */
function network(x: number, fed: number, predicts: DenoiserInfo['predicts']): number {
  const u = (fed + 1) / 1001;
  const [s, n] =
    predicts === 'flow' ? [1 - u, u] : [Math.cos((u * Math.PI) / 2), Math.sin((u * Math.PI) / 2)];
  const x0 = (0.5 * s * x + 0.1 * n * Math.sin(3 * x)) / (0.5 * s * s + n * n);
  const epsilon = (x - s * x0) / n;
  return { epsilon, x0, v: s * epsilon - n * x0, flow: epsilon - x0 }[predicts];
}

/** What samplers step with: a network that predicts x0 is stepped with in v. */
function stepped(x: number, { signalRate: s, noiseRate: n, fed }: Level, info: DenoiserInfo): number {
  const output = network(x, fed, info.predicts);
  return info.predicts === 'x0' ? (s * x - (s * s + n * n) * output) / n : output;
}

const NUMBERS: Space<number> = { combine: (...terms) => terms.reduce((sum, [w, x]) => sum + w * x, 0) };

function grown(info: DenoiserInfo, kind: SamplerKind = 'ddim'): number[] {
  const grid = samplerGrid(info, info.sampler);
  const { solver } = samplerRow(kind) as OneState;
  return Z.map(z => follow(solver(NUMBERS, grid, z), ({ x, level }) => stepped(x, level, info)));
}

/** As record.py sums timesteps up. */
function summary(timesteps: readonly number[]): number[] {
  const t = timesteps.map(value => Number(value.toFixed(4)));
  return [t.length, ...t.slice(0, 3), ...t.slice(-2), Number(t.reduce((a, b) => a + b, 0).toFixed(3))];
}

const title = ({ class: name, steps, fields, like }: Case) =>
  `${name}, ${steps} steps, ${JSON.stringify(fields).slice(0, 150)}${like ? ', like diffusers' : ''}`;

describe(`as diffusers ${recorded.diffusers} makes them: timesteps and pictures of`, () => {
  test.each(recorded.cases.map(each => [title(each), each] as const))('%s', (_, each) => {
    const info = described(each);
    const visited = samplerGrid(info, info.sampler).map(({ from }) => from.fed);
    const flows = 'use_flow_sigmas' in each.fields;
    // diffusers cuts the timesteps of its flow_sigmas off to whole ones.
    const found = summary(flows ? visited.map(fed => Math.floor(Math.min(fed, 999.999))) : visited);
    found.forEach((value, i) => {
      expect(Math.abs(value - each.timesteps[i]!)).toBeLessThanOrEqual(i === found.length - 1 ? 0.05 : 2e-3);
    });
    if (!each.picture) return;
    const picture = grown(info, each.sampler);
    picture.forEach((value, i) => {
      expect(Math.abs(value - each.picture![i]!)).toBeLessThan(1e-5 * Math.max(1, Math.abs(value)));
    });
  });

  test.each(recorded.ended.map(each => [title(each), each] as const))(
    'nearly, where diffusers leaves signal 2^-12 at the end: %s',
    (_, each) => {
      const info = described(each);
      expect(samplerGrid(info, info.sampler)[0]!.from.signalRate).toBe(0);
      grown(info).forEach((value, i) => {
        expect(Math.abs(value - each.picture![i]!)).toBeLessThan(2 ** -12);
      });
    },
  );

  test.each(recorded.seeds.map(each => [title(each), each] as const))('naive seeds: %s', (_, each) => {
    const info = described(each);
    const seeds = X0.map(x0 =>
      samplerGrid(info, info.sampler)
        .map(affineStep)
        .toReversed()
        .reduce((y, { alpha, beta, level }) => (y - beta * stepped(y, level, info)) / alpha, x0),
    );
    seeds.forEach((value, i) => {
      expect(Math.abs(value - each.seed![i]!)).toBeLessThan(1e-5 * Math.max(1, Math.abs(value)));
    });
  });
});

describe('what classes and pipelines do whatever the fields say', () => {
  const of = (name: string, fields: Record<string, unknown>, more: object = {}) =>
    parseForeignInfo(
      fromDiffusers(graph, { _class_name: name, ...fields }, undefined, {
        ...{ name: 'n', file: 'network.onnx', steps: 4, ...more },
      }),
      'the fields',
    );

  test('LCM ends at the clean picture, TCD at timestep 0, neither of which clips like DDIM', () => {
    const ended = { set_alpha_to_one: false };
    expect(of('LCMScheduler', ended).sampler.final).toBe('x0');
    expect(of('TCDScheduler', { clip_sample: true }, { clip: true }).sampler).toMatchObject({
      final: { timestep: 0 },
      clipX0: null,
    });
    expect(of('DDIMScheduler', ended, { clip: true }).sampler).toMatchObject({
      final: { timestep: 0 },
      clipX0: [-1, 1],
    });
  });

  test('DDPM steps to its next timestep, where DDIM strides', () => {
    const like = { steps: 10, like: 'diffusers' };
    const fields = { timestep_spacing: 'linspace' };
    expect(of('DDPMScheduler', fields, like).sampler.stride).toBeUndefined();
    expect(of('DDIMScheduler', fields, like).sampler.stride).toBe(100);
  });

  test('pipelines of Flux and its kin name their sigmas', () => {
    const sigmas = (_class_name?: string) => {
      const info = of('FlowMatchEulerDiscreteScheduler', {}, { index: { _class_name } });
      return samplerGrid(info, info.sampler).map(({ from }) => Number(from.noiseRate.toFixed(6)));
    };
    for (const name of [
      'FluxPipeline',
      'Flux2KleinPipeline',
      'QwenImageEditPipeline',
      'HunyuanImagePipeline',
      'ZImagePipeline',
    ])
      expect(sigmas(name)).toEqual([1, 0.75, 0.5, 0.25]);
    for (const name of [undefined, 'StableDiffusion3Pipeline', 'AuraFlowPipeline'])
      expect(sigmas(name)).toEqual([1, 0.667, 0.334, 0.001]);
  });

  const flowSigmas = { use_flow_sigmas: true, flow_shift: 3, prediction_type: 'flow_prediction' };
  // Timesteps of diffusers 0.42.1, T = 8, which cuts them off to whole ones.
  test.each<[string, string, object, number[]]>([
    ['FluxPipeline', 'DPMSolverMultistepScheduler', flowSigmas, [999, 954, 899, 832, 749, 642, 499, 299]],
    ['FluxPipeline', 'UniPCMultistepScheduler', flowSigmas, [999, 954, 900, 833, 750, 643, 500, 301]],
    ['QwenImagePipeline', 'UniPCMultistepScheduler', flowSigmas, [999, 954, 900, 833, 750, 642, 500, 300]],
    ['BriaPipeline', 'FlowMatchEulerDiscreteScheduler', {}, [999, 857, 714, 571, 429, 286, 143, 1]],
  ])('%s goes with %s by sigmas of its own or not', (_class_name, scheduler, fields, timesteps) => {
    const info = of(scheduler, { ...fields }, { steps: 8, index: { _class_name } });
    const fed = samplerGrid(info, info.sampler).map(({ from }) => Math.min(from.fed, 999.999));
    expect(fed.map(level => Math.floor(level + 1e-6))).toEqual(timesteps);
  });

  test('sigmas, a shift and patches that model_index.json tells are taken', () => {
    const dynamic = { use_dynamic_shifting: true, base_shift: 0.5, max_shift: 1.15 };
    const shift = (index: object) => of('FlowMatchEulerDiscreteScheduler', dynamic, { index }).schedule;
    expect(shift({ _class_name: 'Krea2Pipeline', is_distilled: true })).toMatchObject({
      shift: expect.closeTo(Math.exp(1.15), 4),
    });
    // The graph's pictures are [1, 4, 4]: 16 tokens, 4 in patches of two by two; of Lumina2 as many as channels.
    const mu = (tokens: number) => 0.5 + (0.65 * (tokens - 256)) / (4096 - 256);
    for (const [index, tokens] of [
      [{ _class_name: 'QwenImagePipeline' }, 256],
      [{ _class_name: 'Krea2Pipeline', patch_size: 2 }, 256 / 4],
      [{ _class_name: 'DreamLitePipeline' }, 256 / 4],
      [{ _class_name: 'Lumina2Pipeline' }, 1],
    ] as const)
      expect(shift(index)).toMatchObject({ shift: expect.closeTo(Math.exp(mu(tokens)), 6) });
    const named = { _class_name: 'QwenImage21Pipeline', sample_sigmas: [1, 0.9, 0.6, 0.2] };
    const info = of('FlowMatchEulerDiscreteScheduler', {}, { index: named });
    expect(samplerGrid(info, info.sampler).map(({ from }) => Math.round(from.fed))).toEqual([
      1000, 900, 600, 200,
    ]);
  });

  test.each<[string, object]>([
    ['Ideogram4Pipeline', {}],
    ['HiDreamImagePipeline', { use_dynamic_shifting: true, base_shift: 0.25, max_shift: 0.75 }],
  ])('%s, whose levels no field tells, is refused', (_class_name, fields) => {
    expect(() => of('FlowMatchEulerDiscreteScheduler', { ...fields }, { index: { _class_name } })).toThrow(
      /by a formula of its own/,
    );
  });

  test('what a DPM-Solver leaves out goes by its order and its kind', () => {
    const told = (fields: object) => {
      const notes: string[] = [];
      of('DPMSolverMultistepScheduler', { ...fields }, { note: (text: string) => notes.push(text) });
      return notes.join();
    };
    expect(told({})).toContain('which `--sampler dpmpp2m` takes');
    expect(told({ solver_order: 1 })).toBe('');
    for (const fields of [{ solver_order: 3 }, { solver_type: 'heun' }, { final_sigmas_type: 'sigma_min' }])
      expect(told(fields)).toContain('`--sampler dpmpp2m` comes near');
  });

  test('a pipeline that tells its network other levels than it steps by is refused', () => {
    const fields = { use_dynamic_shifting: true, base_shift: 0.25, max_shift: 0.75 };
    const index = { _class_name: 'CogView4Pipeline' };
    expect(() => of('FlowMatchEulerDiscreteScheduler', fields, { index })).toThrow(
      /CogView4Pipeline shifts its levels by a formula of its own/,
    );
  });

  test('Flux2 is shifted by the number of steps, too', () => {
    const fields = { use_dynamic_shifting: true };
    const shift = (steps: number) =>
      of('FlowMatchEulerDiscreteScheduler', fields, { steps, index: { _class_name: 'Flux2Pipeline' } })
        .schedule;
    // compute_empirical_mu(256, T) of diffusers 0.42.1.
    expect(shift(10)).toMatchObject({ shift: expect.closeTo(Math.exp(1.92070285), 4) });
    expect(shift(200)).toMatchObject({ shift: expect.closeTo(Math.exp(0.49999978), 4) });
  });

  test('what a sigma_min leaves with flow sigmas, and noise of sde-dpmsolver, are said', () => {
    const notes: string[] = [];
    const flow = { use_flow_sigmas: true, prediction_type: 'flow_prediction' };
    const all = { ...flow, final_sigmas_type: 'sigma_min', algorithm_type: 'sde-dpmsolver++' };
    of('DPMSolverMultistepScheduler', all, { note: (text: string) => notes.push(text) });
    expect(notes.join('\n')).toMatch(/its algorithm_type is left out: it adds noise on the way/);
    expect(notes.join('\n')).toMatch(/end at the clean picture, where its scheduler leaves the noise/);
  });
});

describe('the table of schedulers', () => {
  const read = Object.entries(SCHEDULERS).flatMap(([name, row]) =>
    'fields' in row ? [[name, row] as const] : [],
  );

  test.each(read.filter(([name]) => name in recorded.classes))(
    '%s has the fields and defaults that diffusers gives it',
    (name, { fields }) => {
      const theirs = recorded.classes[name]!;
      const infinite = (value: unknown) => (value === '-Infinity' ? Number.NEGATIVE_INFINITY : value);
      expect(fields).toEqual(
        Object.fromEntries(Object.entries(theirs).map(([field, value]) => [field, infinite(value)])),
      );
    },
  );

  test('says of every field what is done with it, and of none that no class has', () => {
    const all = new Set(read.flatMap(([, { fields }]) => Object.keys(fields)));
    expect(Object.keys(FIELDS).sort()).toEqual([...all].sort());
  });

  test('names every class of diffusers that works on numbers', () => {
    const tokens = /Amused|BlockRefinement|DiscreteDDIM|EntropyBound|VQDiffusion|RFD4/;
    const missing = Object.keys(recorded.classes).filter(name => !(name in SCHEDULERS) && !tokens.test(name));
    expect(missing).toEqual([]);
  });
});
