import { createResource, createSignal, For, Show } from 'solid-js';
import { Button } from '../parts/controls.tsx';
import { changes, forgetAll, inventory } from '../state/kept.ts';
import type { Kind } from '../state/kinds.ts';

const NAMES: Readonly<Record<Kind, string>> = {
  picture: 'pictures of yours',
  seeds: 'seed files of yours',
  model: 'models of yours',
  read: 'pictures as models take them',
  found: 'seeds of pictures',
  grown: 'pictures that were grown',
  growth: 'pictures seen growing',
  descent: 'descents that were stopped',
  cloud: 'clouds',
  plane: 'trained planes',
  set: 'sets of pictures to learn from',
  training: 'trainings on pictures',
};

/** What this browser keeps of the studio, and a way to have it forget. */
export function KeptHere() {
  const [shown, setShown] = createSignal(false);
  return (
    <>
      <Button onPress={() => setShown(true)}>Kept here…</Button>
      <Show when={shown()}>
        <Inventory onClose={() => setShown(false)} />
      </Show>
    </>
  );
}

function Inventory(props: { readonly onClose: () => void }) {
  const [held] = createResource(changes, inventory);
  const [asked, setAsked] = createSignal(false);
  let dialog: HTMLDialogElement | undefined;
  const forget = async () => {
    await forgetAll();
    // What is open still was read from what is gone.
    location.reload();
  };
  return (
    <dialog
      aria-label="Kept in this browser"
      ref={made => {
        dialog = made;
        queueMicrotask(() => made.isConnected && made.showModal());
      }}
      onClose={props.onClose}
    >
      <h2>Kept in this browser</h2>
      <dl class="numbers">
        <For each={Object.entries(NAMES)}>
          {([kind, name]) => (
            <>
              <dt>{name}</dt>
              <dd data-kept={kind}>{held()?.counts.get(kind) ?? 0}</dd>
            </>
          )}
        </For>
        <dt>room that the studio takes, its own files among it</dt>
        <dd>{held() ? `${held()!.megabytes.toFixed(1)} MB` : '…'}</dd>
      </dl>
      <p class="note">
        It outlives a reload, is the same in every tab, and never leaves this browser but in a project.
      </p>
      <Show
        when={asked()}
        fallback={
          <div class="row">
            <Button onPress={() => setAsked(true)}>Forget all of it</Button>
            <span class="gap" />
            <Button main first onPress={() => dialog?.close()}>
              Close
            </Button>
          </div>
        }
      >
        <p class="note">
          <b>All pictures, models, clouds and trainings of yours go, in every tab, and do not come back.</b>
        </p>
        <div class="row">
          <Button onPress={() => void forget()}>Forget it for good</Button>
          <span class="gap" />
          <Button main first onPress={() => setAsked(false)}>
            Keep it
          </Button>
        </div>
      </Show>
    </dialog>
  );
}
