import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { withConditions } from '../../src/diffusion/conditions.ts';
import { createSampler } from '../../src/diffusion/sampler.ts';
import { embed } from '../../src/embedding/embed.ts';
import { loadModel } from '../../src/index.ts';
import { readBytes } from '../../src/runtime/files.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import { readNpy } from '../../src/tensor/npy.ts';
import { type Floats, float32, rows, toFloat32 } from '../../src/tensor/tensor.ts';
import { relativeError } from '../support.ts';

/**
 * Models as other trainers and diffusers write them, small and random, with the pictures that their own samplers make:
 * `python3 docs/export/export_NAME.py test/fixtures/exports/NAME`, and export_transformer.py for dit, sd3 and flux.
 */
const at = (...path: string[]) => join('test/fixtures/exports', ...path);
const out = mkdtempSync(join(tmpdir(), 'seedbed-exports-'));
const runtime = await createRuntime({ threads: 1 });
const array = async (file: string) => readNpy(await readBytes(file), file);

const DESCRIBED = ['keras', 'lucidrains', 'azula', 'jax'].map(name => ({
  name,
  args: [at(name, 'model.onnx'), '--config', at(name, 'model.json')],
  conditions: [] as string[],
}));
const TEXT = ['encoder_hidden_states', 'pooled_projections'];
const PROMPT = ['encoder_hidden_states'];
const FOLDERS = Object.entries({ dit: ['class_labels'], sd3: TEXT, flux: TEXT, optimum: PROMPT }).map(
  ([name, conditions]) => ({
    name,
    args: [at(name), '--sampler-steps', '10'],
    conditions,
  }),
);

describe.each([...DESCRIBED, ...FOLDERS])('$name', ({ name, args, conditions }) => {
  test('is imported, grows the pictures that its own sampler grows, and embeds them', async () => {
    const file = join(out, `${name}.onnx`);
    expect(await main(['import', ...args, '--out', file, '--quiet'])).toBe(0);
    const told = await Promise.all(
      conditions.map(async condition => [condition, await array(at(name, `${condition}.npy`))] as const),
    );
    const open = await loadModel(file);
    const model = told.length > 0 ? withConditions(open, { values: Object.fromEntries(told) }) : open;
    const [seeds, pictures] = [await array(at(name, 'seeds.npy')), await array(at(name, 'pictures.npy'))];
    const sampler = await createSampler(runtime, model, model.info.sampler, 2);
    const grown = await sampler.sample(seeds);
    await sampler.dispose();
    expect(relativeError(grown, toFloat32(pictures) as Floats)).toBeLessThan(1e-4);
    // What grew as pixels, which end at 0 and 1.
    const { from, mean, std } = model.info.range;
    const pixel = (value: number) => Math.min(1, Math.max(0, mean[0]! + std[0]! * value));
    const images = from === null ? grown : float32(grown.shape, grown.data.map(pixel));
    const { results } = await embed(model, rows(images, 0, 1), { runtime, method: 'fixed-point' });
    expect(results[0]!.psnr).toBeGreaterThan(25);
  });
});
