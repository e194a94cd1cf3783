import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { fromDiffusers } from '../../src/diffusion/diffusers/read.ts';
import { importDenoiser, parseForeignInfo } from '../../src/diffusion/foreign.ts';
import type { Denoiser } from '../../src/diffusion/info.ts';
import { readModel, saveModel } from '../../src/diffusion/model.ts';
import { gaussianDenoiser } from '../../src/diffusion/oracle.ts';
import { createSampler } from '../../src/diffusion/sampler.ts';
import { GraphBuilder } from '../../src/graph/builder.ts';
import type { Dim, Graph } from '../../src/graph/ir.ts';
import { parseModel, serializeModel } from '../../src/graph/protobuf.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import { normals } from '../../src/tensor/random.ts';
import { type Floats, float32 } from '../../src/tensor/tensor.ts';
import { relativeError, thrownBy } from '../support.ts';

const runtime = await createRuntime({ threads: 1 });
const SHAPE = [1, 2, 2];
/** Pictures of preconditioned.py beside the file. */
const recorded = JSON.parse(
  readFileSync(new URL('../fixtures/diffusers/preconditioned.json', import.meta.url), 'utf8'),
) as {
  diffusers: string;
  cases: { scheduler: string; steps: number; fields: object; begins: number; picture: number[] }[];
};
/** Variance of the data, and the deviation that its network was preconditioned for, which need not agree. */
const VARIANCE = 0.3;
const D = 0.5;

/** The network of the best denoiser of Gaussian data, D(x; sigma) = v / (v + sigma^2) x, under each preconditioning. */
function network(
  kind: 'edm' | 've',
  levelShape: readonly Dim[] = ['N'],
  dtype: 'float32' | 'int64' = 'float32',
): Graph {
  const b = new GraphBuilder(kind);
  const scaled = b.input('x', 'float32', ['N', ...SHAPE]);
  const level = b.input('c_noise', dtype, levelShape);
  const noise = b.reshape(dtype === 'int64' ? b.cast(level, 'float32') : level, [
    levelShape.length === 0 ? 1 : 0,
    1,
    1,
    1,
  ]);
  const number = (value: number) => b.scalar(value);
  const sigma = kind === 'edm' ? b.exp(b.mul(number(4), noise)) : b.mul(number(2), b.exp(noise));
  const square = b.mul(sigma, sigma);
  const best = b.div(number(VARIANCE), b.add(square, number(VARIANCE)));
  if (kind === 've') return b.build({ F: b.mul(scaled, b.div(b.sub(best, number(1)), sigma)) });
  const total = b.add(square, number(D * D));
  const skip = b.div(number(D * D), total);
  // (D - c_skip x) / c_out, of c_in x
  const factor = b.div(b.mul(b.sub(best, skip), total), b.mul(sigma, number(D)));
  return b.build({ F: b.mul(scaled, factor) });
}

/** Karras et al. 2022, eq. 5, rising. */
const sigmas = Array.from(
  { length: 12 },
  (_, i) => (0.002 ** (1 / 7) + (i / 11) * (80 ** (1 / 7) - 0.002 ** (1 / 7))) ** 7,
);
const form = {
  predicts: 'x0',
  level: 'sigma',
  sees: 'exploding',
  schedule: { kind: 'sigmas', values: sigmas },
  steps: 12,
} as const;

function imported(graph: Graph, changes: object): Denoiser {
  const { seedbed: _, kind: __, padding: ___, ...info } = gaussianDenoiser(VARIANCE, SHAPE, 12, form).info;
  const named = { inputs: { image: 'x', level: 'c_noise' }, output: 'F' };
  const foreign = parseForeignInfo({ ...info, ...named, ...changes }, 'their.json');
  const file = parseModel(serializeModel(graph), 'their.onnx');
  return readModel(saveModel(importDenoiser(file, foreign, new Map(), 'their.onnx')), 'm') as Denoiser;
}

async function grow(model: Denoiser, kind: 'ddim' | 'heun' | 'heunsigma'): Promise<Floats> {
  const sampler = await createSampler(runtime, model, { ...model.info.sampler, kind }, 3);
  const grown = await sampler.sample(normals({ seed: 3, purpose: 'sample' }, [3, ...SHAPE]));
  await sampler.dispose();
  return grown;
}

const edm = { kind: 'edm', sigmaData: D };

describe('a network without its preconditioning', () => {
  test.each<[string, Graph, object]>([
    ['EDM', network('edm'), edm],
    ['EDM, a level for all', network('edm', []), edm],
    ['EDM, a level [N,1]', network('edm', ['N', 1]), edm],
    ['VE', network('ve'), { kind: 've' }],
  ])('%s, is the denoiser around it', async (_, graph, preconditioning) => {
    const model = imported(graph, { preconditioning });
    const best = gaussianDenoiser(VARIANCE, SHAPE, 12, form);
    for (const kind of ['ddim', 'heun', 'heunsigma'] as const)
      expect(relativeError(await grow(model, kind), await grow(best, kind))).toBeLessThan(1e-4);
  });

  test.each<[string, Graph, object, string]>([
    [
      'described as it stands',
      network('edm'),
      { preconditioning: edm, predicts: 'v' },
      '"predicts": "x0", "level": "sigma", "sees": "exploding"; here they are "v", "sigma", "exploding"',
    ],
    [
      'told whole numbers',
      network('edm', ['N'], 'int64'),
      { preconditioning: edm },
      "'c_noise' takes whole numbers (int64)",
    ],
    [
      'without the deviation of its data',
      network('edm'),
      { preconditioning: { kind: 'edm' } },
      "'preconditioning.sigmaData' is missing",
    ],
    [
      'of a kind that nobody knows',
      network('edm'),
      { preconditioning: { kind: 'vp' } },
      "'preconditioning.kind'",
    ],
  ])('is refused %s', (_, graph, changes, message) => {
    expect(String(thrownBy(() => imported(graph, changes)))).toContain(message);
  });
});

describe(`as diffusers ${recorded.diffusers} grows them`, () => {
  test.each(recorded.cases)(
    '$steps steps of $scheduler, $fields',
    async ({ scheduler: _class_name, steps, fields, begins, picture }) => {
      const b = new GraphBuilder('recorded');
      const scaled = b.input('sample', 'float32', ['N', ...SHAPE]);
      const noise = b.reshape(b.input('timestep', 'float32', ['N']), [0, 1, 1, 1]);
      const wave = b.mul(b.scalar(0.8), b.op('Sin', [scaled]));
      const graph = b.build({ out: b.add(wave, b.mul(b.mul(b.scalar(0.1), noise), scaled)) });
      const scheduler = { _class_name, ...fields };
      const options = { name: 'recorded', file: 'unet', steps, clip: true };
      const said = fromDiffusers(graph, scheduler, undefined, options);
      const model = importDenoiser(graph, parseForeignInfo(said, 'said'), new Map(), 'unet');
      const sampler = await createSampler(runtime, model, model.info.sampler, 1);
      const grown = await sampler.sample(
        float32(
          [1, ...SHAPE],
          [0.7, -1.2, 0.1, 1.9].map(z => begins * z),
        ),
      );
      await sampler.dispose();
      expect(relativeError(grown, float32(grown.shape, picture))).toBeLessThan(1e-4);
    },
  );

  test('of a consistency model one step, which is told, and clipped where that is asked for', () => {
    const notes: string[] = [];
    const scheduler = { _class_name: 'CMStochasticIterativeScheduler' };
    const given = { inputs: { image: 'x', level: 'c_noise' } };
    const options = { name: 'cm', file: 'unet', given, note: (text: string) => void notes.push(text) };
    const said = fromDiffusers(network('edm'), scheduler, undefined, options);
    expect(said.sampler).toMatchObject({ kind: 'ddim', steps: 1, clipX0: null });
    expect(notes).toEqual([
      expect.stringContaining('its scheduler clips x0; left out'),
      expect.stringContaining('its sampler has one step'),
    ]);
  });

  test('of another prediction it is refused', () => {
    const scheduler = { _class_name: 'EDMEulerScheduler', prediction_type: 'sample' };
    const read = () => fromDiffusers(network('edm'), scheduler, undefined, { name: 'v', file: 'unet' });
    expect(String(thrownBy(read))).toContain("prediction_type 'sample' of an EDM scheduler is another");
  });
});
