import type { Denoiser } from '../../src/diffusion/info.ts';
import { createModel } from '../../src/diffusion/model.ts';
import { gaussianDenoiser } from '../../src/diffusion/oracle.ts';
import { GraphBuilder } from '../../src/graph/builder.ts';
import { replay } from '../../src/graph/replay.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import type { Runtime } from '../../src/runtime/runtime.ts';

export const runtime = await createRuntime({ threads: 1 });

/** A sound denoiser but for states whose mean square is above a limit: of these it knows no number. */
export function breaksAbove(limit: number, shape: readonly number[]): Denoiser {
  const { graph, info } = gaussianDenoiser(1, shape, 3);
  const b = new GraphBuilder('breaks');
  const inputs = Object.fromEntries(
    graph.inputs.map(({ name, dtype, shape }) => [name, b.input(name, dtype, shape)]),
  );
  const x = inputs[info.inputs.image]!;
  const power = b.op('ReduceMean', [b.op('Mul', [x, x])], { axes: [1, 2, 3], keepdims: 1 });
  const none = b.op('Mul', [b.scalar(0), b.op('Sqrt', [b.op('Sub', [b.scalar(limit), power])])]);
  return createModel(b.build({ [info.output]: b.add(replay(b, graph, inputs)[info.output]!, none) }), info);
}

/** Counts network evaluations, and gives a signal before the one numbered. */
export function counting(before = Number.POSITIVE_INFINITY) {
  const stop = new AbortController();
  let runs = 0;
  const counted: Runtime = {
    ...runtime,
    async load(graph) {
      const session = await runtime.load(graph);
      return {
        run: feeds => {
          if (++runs === before) stop.abort();
          return session.run(feeds);
        },
        dispose: () => session.dispose(),
      };
    },
  };
  return { counted, signal: stop.signal, runs: () => runs };
}
