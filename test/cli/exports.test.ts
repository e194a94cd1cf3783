import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { withConditions } from '../../src/diffusion/conditions.ts';
import { createSampler } from '../../src/diffusion/sampler.ts';
import { embed } from '../../src/embedding/embed.ts';
import { loadModel } from '../../src/index.ts';
import { readBytes } from '../../src/runtime/files.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import { readNpy } from '../../src/tensor/npy.ts';
import { type Floats, float32, rows, toFloat32 } from '../../src/tensor/tensor.ts';
import { TORCH } from '../python.ts';
import { relativeError } from '../support.ts';

/**
 * Models as other trainers and diffusers write them, small and random, with the pictures that their own samplers make:
 * `python3 docs/export/export_NAME.py test/fixtures/exports/NAME`, and export_transformer.py for dit, sd3 and flux.
 */
const FIXTURES = 'test/fixtures/exports';
const out = mkdtempSync(join(tmpdir(), 'seedbed-exports-'));
afterAll(() => rmSync(out, { recursive: true }));
const runtime = await createRuntime({ threads: 1 });
const array = async (file: string) => readNpy(await readBytes(file), file);

const DESCRIBED = ['keras', 'lucidrains', 'azula', 'jax', 'edm'];
const TEXT = ['encoder_hidden_states', 'pooled_projections'];
const FOLDERS = { dit: ['class_labels'], sd3: TEXT, flux: TEXT, optimum: ['encoder_hidden_states'] };

const described = (folder: string) => [join(folder, 'model.onnx'), '--config', join(folder, 'model.json')];

/** Imports what lies in a folder, by further arguments, and holds it against the pictures that lie there. */
async function agrees(folder: string, args: readonly string[], conditions: readonly string[]): Promise<void> {
  const at = (name: string) => join(folder, name);
  const file = join(out, `${basename(folder)}.onnx`);
  expect(await main(['import', ...args, '--out', file, '--quiet'])).toBe(0);
  const told = await Promise.all(
    conditions.map(async condition => [condition, await array(at(`${condition}.npy`))] as const),
  );
  const open = await loadModel(file);
  const model = told.length > 0 ? withConditions(open, { values: Object.fromEntries(told) }) : open;
  const [seeds, pictures] = [await array(at('seeds.npy')), await array(at('pictures.npy'))];
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
}

describe('is imported, grows the pictures that its own sampler grows, and embeds them:', () => {
  test.each(DESCRIBED)('%s', name => agrees(join(FIXTURES, name), described(join(FIXTURES, name)), []));
  test.each(Object.entries(FOLDERS))('%s', (name, conditions) => {
    const folder = join(FIXTURES, name);
    return agrees(folder, [folder, '--sampler-steps', '10'], conditions);
  });
});

describe.skipIf(!TORCH)(
  'the same of what the scripts of the guide export here (needs PYTHON to name one with torch, diffusers, onnxscript)',
  () => {
    const { optimum: _, ...transformers } = FOLDERS;
    test.each(Object.entries(transformers))(
      'export_transformer.py %s',
      async (name, conditions) => {
        const folder = join(out, `fresh-${name}`);
        execFileSync(TORCH!, ['docs/export/export_transformer.py', name, folder], { stdio: 'pipe' });
        await agrees(folder, [folder, '--sampler-steps', '10'], conditions);
      },
      300_000,
    );

    test('export_edm.py', async () => {
      const folder = join(out, 'fresh-edm');
      execFileSync(TORCH!, ['docs/export/export_edm.py', folder], { stdio: 'pipe' });
      await agrees(folder, described(folder), []);
    }, 300_000);

    test('export_unet.py, by the description of the guide', async () => {
      const [graph, file] = [join(out, 'unet.onnx'), join(out, 'tiny-unet.onnx')];
      execFileSync(TORCH!, ['docs/export/export_unet.py', graph], { stdio: 'pipe' });
      const args = [graph, '--config', 'docs/models/tiny-unet.json', '--out', file, '--quiet'];
      expect(await main(['import', ...args])).toBe(0);
      expect((await loadModel(file)).info.shape).toEqual([1, 16, 16]);
    }, 300_000);
  },
);
