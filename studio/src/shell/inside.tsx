import { createResource, createSignal, Show } from 'solid-js';
import { ask } from '../engine/client.ts';
import { Button } from '../parts/controls.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { GraphFacts } from '../parts/graph-facts.tsx';
import { card, current, untilOpen } from '../state/models.ts';
import { attempt } from '../state/notices.ts';

/** The graph of the model that is chosen, to look at. */
export function Inside() {
  const [shown, setShown] = createSignal(false);
  return (
    <>
      <Button onPress={() => setShown(true)} label="Look inside the model">
        Inside…
      </Button>
      <Show when={shown()}>
        <Graph onClose={() => setShown(false)} />
      </Show>
    </>
  );
}

function Graph(props: { readonly onClose: () => void }) {
  const [graph] = createResource(current, key =>
    attempt(async () => {
      await untilOpen(key);
      return ask('lookInside', key);
    }),
  );
  return (
    <Dialog label="The model’s graph" wide onClose={props.onClose}>
      <h2>{card()?.name}</h2>
      <Show when={graph()} fallback={<p class="note">reading it…</p>}>
        {shown => <GraphFacts graph={shown()} />}
      </Show>
      <div class="row">
        <span class="gap" />
        <Button main onPress={props.onClose}>
          Close
        </Button>
      </div>
    </Dialog>
  );
}
