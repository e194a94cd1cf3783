import type { Runtime } from '../../src/runtime/runtime.ts';
import { countFlops } from '../flops.ts';

/** A runtime that adds up the floating point operations of the graphs that are run on it. */
export function countingRuntime(runtime: Runtime): { runtime: Runtime; flops(): number } {
  let flops = 0;
  return {
    flops: () => flops,
    runtime: {
      ...runtime,
      async load(graph) {
        const session = await runtime.load(graph);
        const perRun = countFlops(graph);
        return {
          ...session,
          run(feeds) {
            flops += perRun;
            return session.run(feeds);
          },
        };
      },
    },
  };
}
