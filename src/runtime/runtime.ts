import type { Graph } from '../graph/ir.ts';
import type { Tensor } from '../tensor/tensor.ts';

export type Feeds = Readonly<Record<string, Tensor>>;

/** A graph made ready to run. */
export interface Session {
  /** Runs the graph; feeds and results are named as its inputs and outputs. */
  run(feeds: Feeds): Promise<Record<string, Tensor>>;
  /** Gives back the memory that the session holds. */
  dispose(): Promise<void>;
}

/** What executes graphs; the only thing that the rest of Seedbed knows of a platform. */
export interface Runtime {
  /** Where graphs run: 'cpu', 'webgpu', ... */
  readonly device: string;
  /** Memory of the machine, in bytes, by which work is cut to size. */
  readonly memoryBytes: number;
  load(graph: Graph): Promise<Session>;
}
