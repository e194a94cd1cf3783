import { createSignal, For, Show } from 'solid-js';
import type { Given, GraphValue } from '../engine/engine.ts';
import { Button } from '../parts/controls.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { Tasks } from '../parts/progress.tsx';
import { type Asked, leaveAsked, openOrAsk } from '../state/describing.ts';

/** Whether a picture's part of a condition is one number, such as a class. */
const isNumber = ({ shape }: GraphValue) => shape.every((dim, i) => i === 0 || dim === 1);

/** A form for what a conditional model is told. */
export function Bind(props: { readonly of: Asked }) {
  const { files, graph } = props.of;
  const [values, setValues] = createSignal<Given>({});
  const [unconditional, setUnconditional] = createSignal<Given>({});
  const [guidance, setGuidance] = createSignal(1);
  const [trouble, setTrouble] = createSignal('');
  const open = () => {
    setTrouble('');
    const conditions =
      guidance() === 1
        ? { values: values() }
        : { values: values(), unconditional: unconditional(), guidance: guidance() };
    openOrAsk({ ...files, conditions }).catch((error: Error) => setTrouble(error.message));
  };
  return (
    <Dialog label={`What ${files.file.name} is told`} wide onClose={leaveAsked}>
      <h2>What is {files.file.name} told?</h2>
      <p class="note">
        It grows pictures under conditions, such as a class or an encoded text. Seeds belong to the model
        together with what it is told: open it again for another.
      </p>
      <Values label="" inputs={graph.conditions} given={values()} onGive={setValues} />
      <div class="fields">
        <NumberField label="Guidance (1: none)" onGive={setGuidance} value={1} />
      </div>
      <Show when={guidance() !== 1}>
        <p class="note">Guidance leads away from what the network predicts when it is told this:</p>
        <Values
          label="Without it: "
          inputs={graph.conditions}
          given={unconditional()}
          onGive={setUnconditional}
        />
      </Show>
      <Show when={trouble()}>
        <p class="note" role="status">
          <b>{trouble()}</b>
        </p>
      </Show>
      <Tasks />
      <div class="row">
        <span class="gap" />
        <Button onPress={leaveAsked}>Leave it</Button>
        <Button main onPress={open}>
          Open it
        </Button>
      </div>
    </Dialog>
  );
}

/** A field for each condition. */
function Values(props: {
  readonly label: string;
  readonly inputs: readonly GraphValue[];
  readonly given: Given;
  readonly onGive: (given: Given) => void;
}) {
  const give = (name: string, value: number | Blob) => props.onGive({ ...props.given, [name]: value });
  return (
    <div class="fields">
      <For each={props.inputs}>
        {input => (
          <Show
            when={isNumber(input)}
            fallback={
              <label class="select">
                {props.label}
                {input.name} [{input.shape.slice(1).join(', ')}], a .npy file
                <input
                  type="file"
                  accept=".npy"
                  onChange={event => {
                    const [file] = event.currentTarget.files ?? [];
                    if (file) give(input.name, file);
                  }}
                />
              </label>
            }
          >
            <NumberField label={`${props.label}${input.name}`} onGive={value => give(input.name, value)} />
          </Show>
        )}
      </For>
    </div>
  );
}

function NumberField(props: {
  readonly label: string;
  readonly value?: number;
  readonly onGive: (value: number) => void;
}) {
  return (
    <label class="select">
      {props.label}
      <input
        type="number"
        step="any"
        value={props.value ?? ''}
        onInput={event => props.onGive(event.currentTarget.valueAsNumber)}
      />
    </label>
  );
}
