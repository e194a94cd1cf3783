import { expose } from 'comlink';
import { afterEach, expect, test, vi } from 'vitest';
import { createRuntime } from '../../src/runtime/browser.ts';

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Workers as a page has them, of which those numbered never begin; which were ended. */
function workers(silent: readonly number[]): { begun: number; readonly ended: number[] } {
  const seen = { begun: 0, ended: [] as number[] };
  class Begun {
    readonly number = seen.begun++;
    readonly port: MessagePort;
    constructor() {
      const { port1, port2 } = new MessageChannel();
      this.port = port1;
      if (!silent.includes(this.number)) expose({ startEngine: async () => {} }, port2);
      port1.start();
    }
    postMessage(message: unknown, transfer: Transferable[] = []) {
      this.port.postMessage(message, transfer);
    }
    addEventListener(type: string, listener: EventListener) {
      if (type === 'message') this.port.addEventListener(type, listener);
    }
    removeEventListener(type: string, listener: EventListener) {
      if (type === 'message') this.port.removeEventListener(type, listener);
    }
    terminate() {
      seen.ended.push(this.number);
      this.port.close();
    }
  }
  vi.stubGlobal('Worker', Begun);
  vi.stubGlobal('navigator', { deviceMemory: 4 });
  return seen;
}

test('a worker that never begins is ended, and another tried', async () => {
  const seen = workers([0, 1]);
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const runtime = createRuntime({ device: 'wasm' });
  await vi.advanceTimersByTimeAsync(9_000);
  expect(seen).toEqual({ begun: 1, ended: [] });
  await vi.advanceTimersByTimeAsync(2_000);
  expect(seen).toEqual({ begun: 2, ended: [0] });
  await vi.advanceTimersByTimeAsync(10_000);
  vi.useRealTimers();
  expect((await runtime).device).toBe('wasm');
  expect(seen).toEqual({ begun: 3, ended: [0, 1] });
  await (await runtime).dispose();
});

test('one that begins at once is the only one', async () => {
  const seen = workers([]);
  const runtime = await createRuntime({ device: 'wasm' });
  expect(seen).toEqual({ begun: 1, ended: [] });
  await runtime.dispose();
});
