import { vi } from 'vitest';
import { main } from '../../src/cli/main.ts';

/** Runs a command in this process, and gives what it said. */
export async function seedbed(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const text = { out: '', err: '' };
  const catching = (key: 'out' | 'err') => (chunk: string | Uint8Array) => {
    text[key] += String(chunk);
    return true;
  };
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation(catching('out')),
    vi.spyOn(process.stderr, 'write').mockImplementation(catching('err')),
  ];
  try {
    return { code: await main(args), ...text };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}
