/**
 * Where networks run, begun anew whenever the engine is.
 * @module
 */
import { createEffect, createSignal, on } from 'solid-js';
import { ask, lives, restart } from '../engine/client.ts';
import type { Device } from '../engine/engine.ts';
import { during } from '../engine/tasks.ts';
import { part } from './address.ts';
import { asked, current, followAddress } from './models.ts';
import { attempt, say } from './notices.ts';
import { shipped } from './shipped.ts';

/** Begins the engine where the address says, and reads the model that it names. */
export function useRunning() {
  const [device, setDevice] = part<Device | 'auto'>('device', 'auto', ['auto', 'wasm', 'webgpu']);
  const [running, setRunning] = createSignal<string>();

  async function begin(): Promise<void> {
    const life = lives();
    setRunning(undefined);
    // What needs no engine is seen first, and nothing that is fetched delays it.
    await shipped;
    await new Promise(resolve => setTimeout(resolve));
    const chosen = device();
    const begun = await during('Starting the runtime', { needed: true }, (task, report) =>
      ask('begin', task, chosen === 'auto' ? undefined : chosen, report),
    ).catch((error: unknown) => {
      if (chosen !== 'webgpu' || life !== lives()) throw error;
      say('This browser offers no WebGPU that works here. The studio goes on with WebAssembly.', 'trouble');
      setDevice('wasm');
    });
    if (!begun || life !== lives()) return;
    const threads = begun.threads === 1 ? 'one thread' : `${begun.threads} threads`;
    setRunning(begun.device === 'webgpu' ? 'WebGPU' : `WebAssembly, ${threads}`);
    await attempt(followAddress);
  }

  createEffect(on(lives, () => void attempt(begin)));
  createEffect(on(device, restart, { defer: true }));
  // What the address asks for may become known by a project that is opened.
  createEffect(on([asked, current], () => running() && void attempt(followAddress), { defer: true }));
  return { device, setDevice, running };
}
