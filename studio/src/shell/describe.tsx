import { createMemo, createSignal, Show } from 'solid-js';
import { ask } from '../engine/client.ts';
import { descriptionOf, guessOf } from '../engine/guess.ts';
import { during } from '../engine/tasks.ts';
import { Button } from '../parts/controls.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { download } from '../parts/download.ts';
import { GraphFacts } from '../parts/graph-facts.tsx';
import { Tasks } from '../parts/progress.tsx';
import { type Asked, asked, leaveAsked, openOrAsk } from '../state/describing.ts';
import { Bind } from './bind.tsx';
import { Fields, type Finding } from './fields.tsx';

/** A form for a model that does not say what it is, or that is to be told something. */
export function Describe() {
  return (
    <Show when={asked()} keyed>
      {of => (
        <Show when={of.graph.described} fallback={<Form of={of} />}>
          <Bind of={of} />
        </Show>
      )}
    </Show>
  );
}

function Form(props: { readonly of: Asked }) {
  const { files, graph } = props.of;
  const name = files.file.name.replace(/\.onnx$/i, '');
  const [described, setDescribed] = createSignal(guessOf(graph));
  const [findings, setFindings] = createSignal<readonly Finding[]>();
  const [trouble, setTrouble] = createSignal('');
  const text = createMemo(() => JSON.stringify(descriptionOf(name, described(), graph), undefined, 2));
  const whole = () => ({ ...files, description: new File([text()], `${name}.json`) });
  const change = (changed: Partial<ReturnType<typeof described>>) => {
    setDescribed({ ...described(), ...changed });
    setFindings(undefined);
    setTrouble('');
  };
  const attempted = async (work: () => Promise<void>) => {
    setTrouble('');
    await work().catch((error: Error) => setTrouble(error.message));
  };
  const check = () =>
    attempted(async () => {
      const checked = text();
      const told = await during('Checking the description', {}, (task, report) =>
        ask('examine', task, whole(), report),
      );
      // What was changed meanwhile is another description.
      if (told && text() === checked) setFindings(told.findings);
    });
  return (
    <Dialog label={`What ${files.file.name} is`} wide onClose={leaveAsked}>
      <h2>What is {files.file.name}?</h2>
      <p class="note">
        It does not say so itself. This is what its graph looks like: mend it, and have it checked. Its .json,
        if you have one, can be dropped here.
      </p>
      <Fields graph={graph} described={described()} findings={findings() ?? []} onChange={change} />
      <p class="note" role="status">
        <Show when={trouble()} fallback={findings()?.length === 0 && 'Nothing wrong was found.'}>
          <b>{trouble()}</b>
        </Show>
      </p>
      <Tasks />
      <details>
        <summary>Its graph</summary>
        <GraphFacts graph={graph} />
      </details>
      <div class="row">
        <Button onPress={() => void check()}>Check it</Button>
        <Button onPress={() => download(text(), `${name}.json`)}>Description .json</Button>
        <span class="gap" />
        <Button onPress={leaveAsked}>Leave it</Button>
        <Button main onPress={() => void attempted(() => openOrAsk(whole()))}>
          Open it
        </Button>
      </div>
    </Dialog>
  );
}
