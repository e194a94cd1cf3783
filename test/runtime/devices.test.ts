import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { differentiate } from '../../src/autodiff/differentiate.ts';
import { messageOf } from '../../src/errors.ts';
import { GraphBuilder } from '../../src/graph/builder.ts';
import { parseModel } from '../../src/graph/protobuf.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import type { Device } from '../../src/runtime/runtime.ts';
import { readSafetensors } from '../../src/tensor/safetensors.ts';
import { relativeError } from '../support.ts';

const golden = (name: string) => readFileSync(new URL(`../fixtures/golden/${name}`, import.meta.url));

/** A Vulkan driver in software, which Debian's Chromium brings; machines with a graphics card need none of it. */
const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json';
if (existsSync(SWIFTSHADER)) process.env.VK_DRIVER_FILES ??= SWIFTSHADER;

/** Why a device cannot be tested here; undefined where it can. Any other failure is a failure. */
async function whyMissing(device: Device): Promise<string | undefined> {
  const b = new GraphBuilder('probe');
  const graph = b.build({ y: b.neg(b.input('x', 'float32', [1])) });
  try {
    await (await createRuntime({ device, threads: 1 })).load(graph);
    return undefined;
  } catch (error) {
    const reason = /not built into|No supported adapters/.exec(messageOf(error))?.[0];
    if (!reason) throw error;
    return reason;
  }
}

const devices = await Promise.all(
  (['wasm', 'webgpu'] as const).map(async device => ({ device, missing: await whyMissing(device) })),
);

for (const { device, missing } of devices) {
  const why = missing ? ` (skipped: ${missing}; a Vulkan driver and its loader are needed)` : '';
  test.skipIf(missing)(
    `${device} in Node differentiates an attention block, with PyTorch's numbers${why}`,
    async () => {
      const graph = parseModel(golden('attention_block.onnx'), 'attention_block.onnx');
      const { tensors } = readSafetensors(golden('attention_block.safetensors'), 'attention_block');
      const runtime = await createRuntime({ device, threads: 1 });
      expect(runtime.device).toBe(device);
      const session = await runtime.load(differentiate(graph, { of: 'y', wrt: ['x0'] }));
      const results = await session.run({ x0: tensors.get('x0')!, 'grad/y': tensors.get('grad/y')! });
      for (const name of ['y', 'grad/x0']) {
        expect(relativeError(results[name]!, tensors.get(name)!), name).toBeLessThan(1e-4);
      }
      await session.dispose();
      await runtime.dispose();
    },
  );
}
