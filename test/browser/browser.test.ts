import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as api from '../../src/index.ts';
import { readSafetensors } from '../../src/tensor/safetensors.ts';
import { relativeError } from '../support.ts';
import { CHROMIUM, type Opened, openTestPage } from './chromium.ts';

declare const seedbed: typeof api;

const golden = (name: string) => readFileSync(new URL(`../fixtures/golden/${name}`, import.meta.url));
const boot = fileURLToPath(new URL('../../examples/fashion-mnist/9-ankle-boot.png', import.meta.url));

describe.skipIf(!CHROMIUM)('the public API in a browser (needs Chromium; CHROMIUM names it)', () => {
  let served: Opened;
  beforeAll(async () => {
    served = await openTestPage();
  }, 120_000);
  afterAll(() => served?.close());

  test("embeds a picture with the shipped models on WebAssembly, with Node's numbers", async () => {
    const inPage = await served.page.evaluate(
      async png => {
        const { createRuntime, embed, loadEmbedder, loadModel, readPicture } = seedbed;
        const runtime = await createRuntime({ device: 'wasm' });
        const model = await loadModel(seedbed.SHIPPED_DENOISER);
        const embedder = await loadEmbedder(seedbed.SHIPPED_EMBEDDER);
        const picture = await readPicture(new Blob([new Uint8Array(png)]), model);
        const { latent, pictures, results } = await embed(model, picture, {
          method: 'embedder',
          embedder,
          runtime,
        });
        const again = await readPicture(await seedbed.encodePng(picture), model);
        await runtime.dispose();
        return {
          isolated: crossOriginIsolated,
          device: runtime.device,
          picture: [...picture.data],
          again: [...again.data],
          latent: [...latent.data],
          pictures: [...pictures.data],
          result: results[0]!,
        };
      },
      [...readFileSync(boot)],
    );
    const model = await api.loadModel(api.SHIPPED_DENOISER);
    const embedder = await api.loadEmbedder(api.SHIPPED_EMBEDDER);
    const picture = await api.readPicture(boot, model);
    const { latent, pictures, results } = await api.embed(model, picture, { method: 'embedder', embedder });

    expect(inPage).toMatchObject({ isolated: true, device: 'wasm' });
    expect(inPage.picture).toEqual([...picture.data]);
    expect(inPage.again).toEqual(inPage.picture);
    expect(largest(inPage.latent, latent.data)).toBeLessThan(1e-3);
    expect(largest(inPage.pictures, pictures.data)).toBeLessThan(1e-3);
    expect(inPage.result.mse).toBeCloseTo(results[0]!.mse, 5);
    expect(inPage.result.evaluations).toBe(results[0]!.evaluations);
    expect(served.foreign).toEqual([]);
  }, 120_000);

  test.each([
    ['wasm', 'attention_block'],
    ['webgpu', 'attention_block'],
    ['webgpu', 'conv_3x3'],
  ] as const)(
    "differentiates and runs on %s: %s, with PyTorch's numbers",
    async (device, name) => {
      const { tensors } = readSafetensors(golden(`${name}.safetensors`), name);
      const plain = [...tensors].map(([key, { shape, data }]) => ({
        key,
        shape,
        data: [...data].map(Number),
      }));
      const results = await served.page.evaluate(
        async ({ device, onnx, plain }) => {
          const graph = seedbed.parseModel(new Uint8Array(onnx), 'golden');
          const gradient = seedbed.differentiate(graph, {
            of: 'y',
            wrt: graph.inputs.map(input => input.name),
          });
          const runtime = await seedbed.createRuntime({ device });
          const session = await runtime.load(gradient);
          const feeds = plain.map(({ key, shape, data }) => [key, seedbed.float32(shape, data)]);
          const results = await session.run(Object.fromEntries(feeds));
          await runtime.dispose();
          return Object.entries(results).map(([key, tensor]) => ({
            key,
            data: [...tensor.data].map(Number),
          }));
        },
        { device, onnx: [...golden(`${name}.onnx`)], plain },
      );
      expect(results.map(({ key }) => key)).toEqual(['y', 'grad/x0']);
      for (const { key, data } of results) {
        const { shape } = tensors.get(key)!;
        expect(relativeError(api.float32(shape, data), tensors.get(key)!), key).toBeLessThan(1e-4);
      }
    },
    120_000,
  );

  test('says in words what is wrong', async () => {
    const messages = await served.page.evaluate(async () => {
      const words = (work: Promise<unknown>) =>
        work.then(
          () => 'nothing was thrown',
          error =>
            seedbed.isSeedbedError(error) ? `${error.kind}: ${error.message}` : `a stack trace: ${error}`,
        );
      const model = await seedbed.loadModel(seedbed.SHIPPED_DENOISER);
      return [
        await words(seedbed.createRuntime({ device: 'cuda' })),
        await words(seedbed.loadModel(new File(['not a model'], 'holiday.onnx'))),
        await words(seedbed.loadModel('/nowhere.onnx')),
        await words(seedbed.readPicture(new File(['not a picture'], 'holiday.png'), model)),
      ];
    });
    expect(messages).toEqual([
      "Machine: device 'cuda' does not exist in a browser; it has wasm and webgpu",
      expect.stringMatching(/^BadFile: .*holiday\.onnx/),
      expect.stringMatching(/^BadArgument: cannot fetch \/nowhere\.onnx: the server answers 404/),
      'BadFile: cannot read the picture holiday.png: it is damaged, or not a picture that this browser reads',
    ]);
  });
});

/** The largest difference of two lists of the same length. */
function largest(a: readonly number[], b: ArrayLike<number>): number {
  expect(a).toHaveLength(b.length);
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}
