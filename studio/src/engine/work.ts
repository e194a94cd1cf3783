/**
 * Long work in the engine: how far it is, and how it ends when the page says so.
 * @module
 */
import { type DescentState, type Runtime, SeedbedError, type Tensor } from 'seedbed';

export type Floats = Tensor<'float32'>;

/** What a training has come to. */
export interface Learned {
  readonly step: number;
  /** From which it goes on to the same bits. */
  readonly checkpoint: Uint8Array;
  /** The denoiser, .onnx. */
  readonly file: Uint8Array;
}

/** How far a task has come. */
export interface Report {
  /** What is being done, in words. */
  readonly doing?: string;
  /** In the task's own units; 0 of 0 until they are known. */
  readonly done?: number;
  readonly total?: number;
  readonly unit?: 'bytes';
  /** Seconds that it will take in all, foretold from one evaluation. */
  readonly expected?: number;
  readonly loss?: number;
  /** What it has by then. */
  readonly shown?: { readonly latent: Floats; readonly pictures: Floats };
  /** What a denoiser in training grows from its seeds after a step. */
  readonly look?: { readonly step: number; readonly grown: Floats };
  /** From which descent goes on. */
  readonly state?: DescentState;
  /** From which training goes on. */
  readonly learned?: Learned;
}
export type OnReport = (report: Report) => void;

/** What long work is given. */
export interface Watch {
  readonly signal: AbortSignal;
  readonly report: OnReport;
}

const tasks = new Map<number, AbortController>();

/** Ended before they began: what they are of was still being read. */
const ended = new Set<number>();

/** Ends a task before its next step. */
export function cancel(task: number): void {
  const controller = tasks.get(task);
  if (controller) controller.abort();
  else ended.add(task);
}

/** Does work that the page can end by the task's number. */
export async function working<T>(
  task: number,
  report: OnReport,
  work: (watch: Watch) => Promise<T>,
): Promise<T> {
  if (ended.delete(task)) throw new SeedbedError('Interrupted', 'stopped');
  const controller = new AbortController();
  tasks.set(task, controller);
  try {
    return await work({ signal: controller.signal, report });
  } finally {
    tasks.delete(task);
  }
}

/** A runtime that tells of every graph it makes ready and every run of one, and begins none when the work was ended. */
export function watched(runtime: Runtime, { signal, report }: Watch): Runtime {
  let runs = 0;
  const goOn = () => {
    if (signal.aborted) throw new SeedbedError('Interrupted', 'stopped');
  };
  return {
    device: runtime.device,
    memoryBytes: runtime.memoryBytes,
    dispose: () => runtime.dispose(),
    async load(graph) {
      goOn();
      report({ doing: 'building graphs' });
      const session = await runtime.load(graph);
      return {
        async run(feeds) {
          goOn();
          report({ doing: `step ${++runs}` });
          return session.run(feeds);
        },
        dispose: () => session.dispose(),
      };
    },
  };
}
