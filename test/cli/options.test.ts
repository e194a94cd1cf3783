import { expect, test, vi } from 'vitest';
import { openRuntime } from '../../src/cli/options.ts';
import type { Terminal } from '../../src/cli/terminal.ts';

const built = vi.hoisted(() => ({ device: 'wasm' }));
vi.mock('../../src/runtime/node.ts', async original => ({
  ...(await original<typeof import('../../src/runtime/node.ts')>()),
  createRuntime: async () => built,
}));

async function notes(device: string, flags: Parameters<typeof openRuntime>[1]): Promise<string[]> {
  built.device = device;
  const said: string[] = [];
  await openRuntime({ note: text => void said.push(text) } as Terminal, flags);
  return said;
}

test('a fallback to WebAssembly says in a line what it costs and what to do', async () => {
  expect(await notes('wasm', {})).toEqual([
    'running as WebAssembly, 14 times slower on one thread: the native runtime is not here; to install it: npm install --ignore-scripts onnxruntime-node',
  ]);
  expect(await notes('wasm', { device: 'wasm' }), 'who asked for it knows').toEqual([]);
  expect(await notes('cpu', {})).toEqual([]);
});
