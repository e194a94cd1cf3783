import { For } from 'solid-js';
import type { GraphCard } from '../engine/engine.ts';

/** What a graph takes and gives, and what it is made of. */
export function GraphFacts(props: { readonly graph: GraphCard }) {
  const values = (list: GraphCard['inputs']) =>
    list.map(({ name, dtype, shape }) => `${name} ${dtype} [${shape.join(', ')}]`);
  const facts = () =>
    [
      ['takes', values(props.graph.inputs).join('; ')],
      ['gives', values(props.graph.outputs).join('; ')],
      ['numbers in it, weights most of them', props.graph.weights.toLocaleString('en')],
      ['operators', props.graph.operators.map(([name, count]) => `${name} ${count}`).join(', ')],
      ['operator set', String(props.graph.opset)],
    ] as const;
  return (
    <dl class="numbers graph">
      <For each={facts()}>
        {([name, text]) => (
          <>
            <dt>{name}</dt>
            <dd>{text}</dd>
          </>
        )}
      </For>
    </dl>
  );
}
