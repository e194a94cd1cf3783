import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { differentiate } from '../../src/autodiff/differentiate.ts';
import { lossOf } from '../../src/diffusion/denoiser-problem.ts';
import type { Denoiser } from '../../src/diffusion/info.ts';
import { createModel } from '../../src/diffusion/model.ts';
import { createSampler } from '../../src/diffusion/sampler.ts';
import { checkpointedSampler, unrolledGradient } from '../../src/diffusion/sampler-gradient.ts';
import { ddim } from '../../src/diffusion/sampler-info.ts';
import { SCHEDULES } from '../../src/diffusion/schedule.ts';
import { GraphBuilder } from '../../src/graph/builder.ts';
import { bind } from '../../src/graph/replay.ts';
import { ADAM, adamStep } from '../../src/nn/adam.ts';
import { buildNetwork, countParameters, isStatistic, isTrainable } from '../../src/nn/networks.ts';
import { layoutOf, pack, unpack } from '../../src/nn/packing.ts';
import { stepGraph } from '../../src/nn/training-step.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import { readSafetensors } from '../../src/tensor/safetensors.ts';
import { type Floats, float32, zeros } from '../../src/tensor/tensor.ts';
import { relativeError } from '../support.ts';

const file = new URL('../fixtures/golden/unet_8_12_16.safetensors', import.meta.url);
const { tensors } = readSafetensors(readFileSync(file), 'unet_8_12_16');
const golden = (name: string) => tensors.get(name) as Floats;
const under = (prefix: string) =>
  new Map(
    [...tensors]
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, t]) => [name.slice(prefix.length), t as Floats]),
  );
const runtime = await createRuntime({ threads: 2 });
const tolerance = 1e-4;

const config = { kind: 'unet', channels: [8, 12, 16], blocks: 2, embedding: 16, attention: null } as const;
const purpose = { name: 'golden', shape: [3, 16, 16], level: 'noise_variance', output: 'epsilon' };
const network = buildNetwork(config, purpose, 0, new Map([...under('param/'), ...under('stat/')]));

describe('the U-Net agrees with PyTorch', () => {
  test('prediction and gradient on the input', async () => {
    const bound = bind(network, { N: 2 });
    const gradient = differentiate(bound, { of: 'epsilon', wrt: ['x'] });
    const target = golden('target');
    const session = await runtime.load(gradient);
    const x = golden('x');
    const first = await session.run({
      x,
      noise_variance: golden('noise_variance'),
      'grad/epsilon': zeros('float32', x.shape),
    });
    const epsilon = first.epsilon as Floats;
    expect(relativeError(epsilon, golden('eval/epsilon'))).toBeLessThan(tolerance);
    // The gradient of mean |epsilon - target| on epsilon is sign / count.
    const sign = epsilon.data.map((value, i) => Math.sign(value - target.data[i]!) / epsilon.data.length);
    const second = await session.run({
      x,
      noise_variance: golden('noise_variance'),
      'grad/epsilon': float32(x.shape, sign),
    });
    expect(relativeError(second['grad/x']!, golden('eval/grad_x'))).toBeLessThan(tolerance);
  });

  test('training step: loss, every gradient, statistics and weights after Adam', async () => {
    const layout = layoutOf(network.initializers, isTrainable);
    const statistics = layoutOf(network.initializers, isStatistic);
    const task = {
      network,
      loss({ b, network: play }: Parameters<Parameters<typeof stepGraph>[0]['loss']>[0]) {
        const x = b.input('x', 'float32', [2, 3, 16, 16]);
        const level = b.input('noise_variance', 'float32', [2]);
        return lossOf(
          b,
          play({ x, noise_variance: level }).epsilon!,
          b.input('target', 'float32', [2, 3, 16, 16]),
          'mae',
        );
      },
    };
    const optimiser = { learningRate: 1e-3, decay: 'constant', warmup: 0, weightDecay: 0, ema: 0 } as const;
    const session = await runtime.load(stepGraph(task, layout, statistics, optimiser));
    const parameters = pack(network.initializers, layout);
    const scalar = (value: number) => float32([], [value]);
    const results = await session.run({
      x: golden('x'),
      noise_variance: golden('noise_variance'),
      target: golden('target'),
      parameters,
      'adam/m': zeros('float32', parameters.shape),
      'adam/v': zeros('float32', parameters.shape),
      ema: parameters,
      statistics: pack(network.initializers, statistics),
      'learning rate': scalar(1e-3),
      'correction/m': scalar(1 / (1 - ADAM.beta1)),
      'correction/v': scalar(1 / (1 - ADAM.beta2)),
      'ema decay': scalar(0),
    });
    expect(
      relativeError(float32([1], results.loss!.data as Float32Array), golden('train/loss_mae')),
    ).toBeLessThan(tolerance);
    // After one step from zero, m = (1 - beta1) g.
    const gradients = unpack(results['next/adam/m'] as Floats, layout);
    const moved = unpack(results['next/statistics'] as Floats, statistics);
    for (const [name, want] of under('train/grad/')) {
      const got = gradients.get(name)!;
      const gradient = float32(
        got.shape,
        got.data.map(value => value / (1 - ADAM.beta1)),
      );
      expect(relativeError(gradient, want), `gradient of ${name}`).toBeLessThan(tolerance);
    }
    // Adam's first step is nearly the gradient's sign. Where the true gradient is smaller than the tolerance on
    // gradients (1e-4 of their root mean square), float32 cannot tell the sign, and the step is not determined.
    const exact = pack(under('train/grad/'), layout);
    const rms = Math.sqrt(exact.data.reduce((sum, g) => sum + g * g, 0) / exact.data.length);
    const unresolved = exact.data.map(g => Number(Math.abs(g) < tolerance * rms));
    expect(unresolved.reduce((sum, one) => sum + one, 0) / exact.data.length).toBeLessThan(0.001);
    const resolved = (t: Floats) =>
      unpack(
        float32(
          t.shape,
          t.data.map((w, i) => (unresolved[i] ? 0 : w)),
        ),
        layout,
      );
    const after = resolved(results['next/parameters'] as Floats);
    for (const [name, want] of resolved(pack(under('train/adam_lr1e-3/'), layout))) {
      expect(relativeError(after.get(name)!, want), `${name} after Adam`).toBeLessThan(tolerance);
    }
    for (const [name, want] of under('train/stat/')) {
      expect(relativeError(moved.get(name)!, want), name).toBeLessThan(tolerance);
    }
    expect(under('train/grad/').size).toBe(layout.length);
  });
});

describe("Adam's step agrees with PyTorch", () => {
  test('on every weight, from the reference gradients', async () => {
    const layout = layoutOf(network.initializers, isTrainable);
    const parameters = pack(network.initializers, layout);
    const b = new GraphBuilder('adam');
    const vector = (name: string) => b.input(name, 'float32', parameters.shape);
    const scalar = (value: number) => b.scalar(value);
    const blank = b.full(parameters.shape, 0);
    const state = { parameters: vector('parameters'), m: blank, v: blank };
    const corrections = [scalar(1 / (1 - ADAM.beta1)), scalar(1 / (1 - ADAM.beta2))] as const;
    const next = adamStep(b, state, vector('gradient'), scalar(1e-3), corrections);
    const session = await runtime.load(b.build({ next: next.parameters }));
    const results = await session.run({ parameters, gradient: pack(under('train/grad/'), layout) });
    for (const [name, moved] of unpack(results.next as Floats, layout)) {
      expect(relativeError(moved, golden(`train/adam_lr1e-3/${name}`)), name).toBeLessThan(tolerance);
    }
  });
});

describe('ten DDIM steps agree with PyTorch', () => {
  let model: Denoiser;
  beforeAll(() => {
    model = createModel(network, {
      seedbed: 1,
      kind: 'denoiser',
      name: 'golden',
      inputs: { image: 'x', level: 'noise_variance' },
      output: 'epsilon',
      predicts: 'epsilon',
      level: 'noiseVariance',
      shape: [3, 16, 16],
      range: { from: [0, 1], mean: [0, 0, 0], std: [1, 1, 1] },
      padding: 0,
      schedule: SCHEDULES.continuousCosine,
      sampler: ddim(10),
    });
  });

  test('sampling', async () => {
    const sampler = await createSampler(runtime, model, ddim(10), 2);
    expect(relativeError(await sampler.sample(golden('x')), golden('ddim10/x0'))).toBeLessThan(tolerance);
  });

  test('the gradient unrolled and checkpointed, equal to 1e-6', async () => {
    const b = new GraphBuilder('unrolled');
    const latent = b.input('latent', 'float32', [2, 3, 16, 16]);
    const target = b.constant(golden('target'));
    const { x0, loss, gradient } = unrolledGradient(b, model, latent, ddim(10), value => {
      const difference = b.sub(value, target);
      return b.mul(b.sumAll(b.mul(difference, difference)), b.scalar(0.5));
    });
    const unrolled = await (await runtime.load(b.build({ x0, loss, gradient }))).run({ latent: golden('x') });
    expect(relativeError(unrolled.x0!, golden('ddim10/x0'))).toBeLessThan(tolerance);
    expect(
      relativeError(float32([1], unrolled.loss!.data as Float32Array), golden('ddim10/loss_half_sse')),
    ).toBeLessThan(tolerance);
    expect(relativeError(unrolled.gradient!, golden('ddim10/grad_xT'))).toBeLessThan(tolerance);

    const checkpointed = await checkpointedSampler(runtime, model, ddim(10), 2);
    const result = await checkpointed.run(golden('x'), async value =>
      float32(
        value.shape,
        value.data.map((pixel, i) => pixel - golden('target').data[i]!),
      ),
    );
    expect(relativeError(result.gradient, unrolled.gradient!)).toBeLessThan(1e-6);
  });
});

describe('parameter counts of the paper', () => {
  const count = (channels: number[], level: string | null, imageChannels: number) =>
    countParameters(
      buildNetwork(
        { kind: 'unet', channels, blocks: 2, embedding: 64, attention: null },
        { name: 'n', shape: [imageChannels, 32, 32], level, output: 'y' },
        0,
      ),
    );
  test('the embedder of Table 1, statistics counted', () => {
    const { weights, statistics } = count([48, 96, 192, 384], null, 3);
    expect(weights + statistics).toBe(9_577_683);
  });
  test('the denoiser of the same shape, and the one of MNIST', () => {
    expect(count([48, 96, 192, 384], 'level', 3).weights).toBe(9_605_187);
    expect(count([32, 64, 96, 128], 'level', 1).weights).toBe(1_960_737);
  });
  test.each([
    { channels: [], kernels: [5], weights: 26 },
    { channels: [16, 16], kernels: [5, 5, 5], weights: 7_233 },
    { channels: [64, 64], kernels: [5, 5, 5], weights: 105_729 },
    { channels: [128, 128, 128, 128, 128], kernels: [5, 5, 3, 3, 3, 5], weights: 859_009 },
    { channels: [128, 128, 128, 128], kernels: [5, 5, 3, 3, 3], weights: 709_377 },
  ])('the embedder of $kernels kernels', ({ channels, kernels, weights }) => {
    const config = { kind: 'conv', channels, kernels, blocks: 1, embedding: 64, attention: null } as const;
    const network = buildNetwork(config, { name: 'n', shape: [1, 32, 32], level: null, output: 'y' }, 0);
    expect(countParameters(network).weights).toBe(weights);
  });
});
