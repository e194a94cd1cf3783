import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { createEngine, createRuntimeOn } from '../../src/runtime/engine.ts';
import type { Profile } from '../results.ts';
import * as tasks from './tasks.ts';

// Where the time of a step of the denoiser's training goes: profile.ts FOLDER THREADS BATCH says it as JSON.
const [folder, threads, batch] = process.argv.slice(2) as [string, string, string];
const WARM_UP = 3;
const STEPS = 10;

/** ONNX Runtime with a record of every node that it runs, a file for each session. */
const records = mkdtempSync(join(folder, 'profile-'));
const runtime = createRuntimeOn(
  createEngine(createRequire(import.meta.url)('onnxruntime-node'), {
    executionProviders: ['cpu'],
    intraOpNumThreads: Number(threads),
    enableProfiling: true,
    profileFilePrefix: join(records, 'session'),
  }),
  { device: 'cpu', memoryBytes: totalmem(), dispose: async () => {} },
);

const task = await tasks.denoiserTraining(runtime, Number(batch), folder);
const work = await tasks.trainingSteps(runtime, task, await task.feeds(0), join(folder, 'profiled'));
for (let step = 0; step < WARM_UP + STEPS; step++) await work.step();
await work.dispose();

/** What ONNX Runtime records of a session. */
interface Event {
  readonly cat: 'Session' | 'Node';
  readonly name: string;
  /** Microseconds. */
  readonly ts: number;
  readonly dur: number;
  readonly args?: { readonly op_name?: string };
}
/** Of the sessions, the probes of the machine among them, the training step's ran longest. */
const sessions = readdirSync(records).map(
  name => JSON.parse(readFileSync(join(records, name), 'utf8')) as Event[],
);
const nodesOf = (events: readonly Event[]) =>
  events.filter(({ cat, name }) => cat === 'Node' && name.endsWith('_kernel_time'));
const longest = sessions.reduce((a, b) => (nodesOf(b).length > nodesOf(a).length ? b : a));
const runs = longest.filter(({ cat, name }) => cat === 'Session' && name === 'model_run').slice(-STEPS);
const nodes = nodesOf(longest).filter(({ ts }) => ts >= runs[0]!.ts);

const kinds = new Map<string, { nodes: number; milliseconds: number }>();
for (const { dur, args } of nodes) {
  const kind = args!.op_name!;
  const sum = kinds.get(kind) ?? { nodes: 0, milliseconds: 0 };
  kinds.set(kind, { nodes: sum.nodes + 1 / STEPS, milliseconds: sum.milliseconds + dur / 1000 / STEPS });
}
const profile: Profile = {
  batch: Number(batch),
  milliseconds: runs.reduce((sum, { dur }) => sum + dur, 0) / 1000 / STEPS,
  kinds: [...kinds]
    .map(([kind, sum]) => ({ kind, nodes: Math.round(sum.nodes), milliseconds: sum.milliseconds }))
    .sort((a, b) => b.milliseconds - a.milliseconds),
};
process.stdout.write(JSON.stringify(profile));
