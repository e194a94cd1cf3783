import type { Graph } from '../graph/ir.ts';
import { appendLine, exists, joinPath, readBytes, readText, writeAtomic } from '../runtime/files.ts';
import { packCheckpoint, unpackCheckpoint } from './checkpoint.ts';
import type { Trainee, TrainingState } from './training-step.ts';

/** What a task asks of the folder that its training is kept in. */
export interface KeptTask {
  /** All that decides what is learned, but for the number of steps: a run is only resumed by its like. */
  readonly about: Readonly<Record<string, unknown>>;
  /** Saves a network as a model, and a sample of what it does. */
  save(network: Graph, step: number): Promise<void>;
}

export interface RunFolderOptions {
  /** The run folder. */
  readonly out: string;
  /** Written there as config.json. */
  readonly config: unknown;
  /** Written there as command.json: what a command that goes on with the run need not be told again. */
  readonly command?: unknown;
  /** Goes on from the folder's checkpoint. */
  readonly resume?: boolean;
}

/** What a training run keeps in its folder: configuration, command, log, checkpoint and model. */
export interface RunFolder {
  /** The state that the run goes on from: the checkpoint's, or the first. */
  begin(): Promise<TrainingState>;
  /** Adds a line to log.jsonl. */
  log(line: object): Promise<void>;
  /** Keeps a state: the checkpoint first, then the model. */
  save(state: TrainingState): Promise<void>;
}

/** The folder of a run. */
export function openRunFolder(trainee: Trainee, task: KeptTask, options: RunFolderOptions): RunFolder {
  const { layout, statisticsLayout } = trainee;
  const [checkpoint, log] = ['checkpoint.safetensors', 'log.jsonl'].map(name =>
    joinPath(options.out, name),
  ) as [string, string];
  const keep = (state: TrainingState) =>
    writeAtomic(checkpoint, packCheckpoint(checkpoint, state, layout, statisticsLayout, task.about));
  const saveModel = (state: TrainingState) => task.save(trainee.averaged(state), state.step);
  return {
    async begin() {
      const goesOn = options.resume && (await exists(checkpoint));
      const state = goesOn
        ? unpackCheckpoint(checkpoint, await readBytes(checkpoint), layout, statisticsLayout, task.about)
        : trainee.begin();
      // A fresh run first puts its own beginning in place of whatever lay there.
      if (state.step === 0) await keep(state);
      await writeJson(joinPath(options.out, 'config.json'), options.config);
      if (options.command !== undefined)
        await writeJson(joinPath(options.out, 'command.json'), options.command);
      if (state.step === 0) await writeAtomic(log, '');
      else {
        await dropLinesAfter(log, state.step);
        await saveModel(state); // a sudden death may have come between the checkpoint and this
      }
      return state;
    },
    log: line => appendLine(log, JSON.stringify(line)),
    async save(state) {
      await keep(state);
      await saveModel(state);
    },
  };
}

function writeJson(path: string, value: unknown): Promise<void> {
  return writeAtomic(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** A log goes on from its checkpoint: lines written after it, by steps that will be done again, are dropped. */
async function dropLinesAfter(path: string, step: number): Promise<void> {
  if (!(await exists(path))) return;
  const lines = (await readText(path)).split('\n').filter(line => {
    try {
      return (JSON.parse(line) as { step: number }).step <= step;
    } catch {
      return false; // a line that a sudden death cut short
    }
  });
  await writeAtomic(path, lines.map(line => `${line}\n`).join(''));
}
