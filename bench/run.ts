import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureGrowth, measureStart, measureWebgpu } from './alone.ts';
import { compare, ratios } from './compare.ts';
import { measureLearning } from './learning.ts';
import { describeMachine } from './machine.ts';
import { measureProfile } from './profile.ts';
import { writeReport } from './report.ts';
import { COMPARED, type Compared, type Comparison, PARTS, type Part, type Results } from './results.ts';
import { type Bench, ownScript, pytorch, seedbed, seedbedPeer, tensorflow } from './sides.ts';

const HELP = `npm run bench -- [--quick] [--only ${PARTS.join(',')}] [--threads N] [--data-dir DIR]

Measures Seedbed beside PyTorch and TensorFlow.js, on a machine that does nothing else meanwhile. A whole run writes
bench/README.md and bench/results/<date>.json; --quick (which only shows that the benchmark works) and --only write to
out/bench/ instead.
`;

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    'data-dir': { type: 'string' },
    threads: { type: 'string', default: String(availableParallelism()) },
    help: { type: 'boolean', default: false },
  },
});

function chosenParts(): Set<Part> {
  const names = flags.only?.split(',') ?? [...PARTS];
  const unknown = names.find(name => !PARTS.includes(name as Part));
  if (unknown !== undefined) throw new Error(`--only ${unknown}: there are ${PARTS.join(', ')}`);
  return new Set(names as Part[]);
}

/** The batch of the training step whose time is taken apart. */
const PROFILED = 16;

const note = (text: string) => process.stderr.write(`${text}\n`);

async function main(): Promise<void> {
  const run = new Run(chosenParts(), {
    folder: mkdtempSync(join(tmpdir(), 'seedbed-bench-')),
    threads: Number(flags.threads),
    quick: flags.quick,
  });
  try {
    note(writeReport(await run.measure(), flags.quick || flags.only !== undefined));
  } finally {
    rmSync(run.bench.folder, { recursive: true, force: true });
  }
}

/** Measures the parts that are asked for, one after the other. */
class Run {
  readonly bench: Bench;
  private readonly parts: ReadonlySet<Part>;
  private readonly effort: { readonly repeats: number; readonly seconds: number };
  private readonly skipped: { what: string; why: string }[] = [];

  constructor(parts: ReadonlySet<Part>, bench: Bench) {
    this.bench = bench;
    this.parts = parts;
    this.effort = bench.quick ? { repeats: 2, seconds: 0.1 } : { repeats: 5, seconds: 1 };
  }

  async measure(): Promise<Results> {
    const { parts, bench } = this;
    const { quick, threads } = bench;
    const tasks = COMPARED.filter(task => parts.has(task));
    const torch =
      tasks.length > 0 || parts.has('learning')
        ? await this.optional('PyTorch', () => pytorch(bench))
        : undefined;
    const comparisons = tasks.length > 0 ? await this.compareAll(tasks, torch) : [];
    return {
      date: new Date().toISOString().slice(0, 10),
      machine: describeMachine(),
      threads,
      ...this.effort,
      quick,
      comparisons,
      learning:
        torch && parts.has('learning')
          ? await this.optional('learning', () =>
              measureLearning(bench, torch('denoiser').command, flags['data-dir']),
            )
          : undefined,
      profile: await this.needed('profile', 'profile', async () =>
        measureProfile(bench, quick ? 2 : PROFILED),
      ),
      webgpu: parts.has('webgpu') ? await this.optional('WebGPU', () => measureWebgpu(bench)) : undefined,
      start: await this.needed('start', 'start', () => measureStart(bench)),
      checkpointed: await this.needed('checkpointed', 'memory over sampler steps', () =>
        measureGrowth(bench, 'checkpointed', quick ? [2, 4] : [5, 10, 20, 40]),
      ),
      scale: await this.needed('scale', 'time and memory over seeds', () =>
        measureGrowth(bench, 'scale', quick ? [16, 32] : [16, 64, 256, 1024, 4096]),
      ),
      skipped: this.skipped,
    };
  }

  private async compareAll(
    tasks: readonly Compared[],
    torch: ReturnType<typeof pytorch> | undefined,
  ): Promise<Comparison[]> {
    const { bench } = this;
    writeReference(bench);
    const wasm =
      tasks.includes('sampling') && (await this.optional('TensorFlow.js', () => tensorflow(bench)));
    const found: Comparison[] = [];
    for (const task of tasks) {
      const contenders = [seedbed(bench, task)];
      if (torch) contenders.push(torch(task));
      if (wasm && task === 'sampling') contenders.push(wasm);
      const missing = (who: string, why: string) => this.skip(`${task} by ${who}`, why);
      const comparison = await this.needed(task, task, () =>
        compare(task, contenders, seedbedPeer(bench), this.effort, missing),
      );
      if (!comparison) continue;
      found.push(comparison);
      for (const rival of comparison.sides.slice(1))
        note(`  ${ratios(comparison, rival).middle.toFixed(2)} times ${rival.name}`);
    }
    return found;
  }

  private skip(what: string, why: string): void {
    this.skipped.push({ what, why: why.replace(/\s+/g, ' ') });
    note(`  skipped: ${why}`);
  }

  /** Does what can be done; what cannot is reported with the reason. */
  private async optional<T>(what: string, work: () => Promise<T> | T): Promise<T | undefined> {
    note(`${what} ...`);
    try {
      return await work();
    } catch (error) {
      this.skip(what, error instanceof Error ? error.message : String(error));
      return undefined;
    }
  }

  /** The same for what every machine can do: this program fails where it fails. */
  private async needed<T>(part: Part, what: string, work: () => Promise<T>): Promise<T | undefined> {
    if (!this.parts.has(part)) return undefined;
    const found = await this.optional(what, work);
    if (found === undefined) process.exitCode = 1;
    return found;
  }
}

/** Seedbed's weights and its own results, by which rivals are held to the same work. */
function writeReference(bench: Bench): void {
  note('weights and reference results ...');
  const [program, ...args] = ownScript('reference', [bench.folder, bench.threads]) as [string, ...string[]];
  const { status } = spawnSync(program, args, { stdio: 'inherit' });
  if (status !== 0) throw new Error('bench/measure/reference.ts failed');
}

if (flags.help) process.stdout.write(HELP);
else await main();
