import { onCleanup, type ParentProps } from 'solid-js';

/** A dialog that is open as long as it is there; the focus goes back to where it was. */
export function Dialog(
  props: ParentProps<{ readonly label: string; readonly wide?: boolean; readonly onClose: () => void }>,
) {
  const before = document.activeElement;
  // What is taken away is not closed, and the browser gives the focus to nobody.
  onCleanup(() =>
    queueMicrotask(() => before instanceof HTMLElement && before.isConnected && before.focus()),
  );
  return (
    <dialog
      class={props.wide ? 'wide' : ''}
      aria-label={props.label}
      ref={made => queueMicrotask(() => made.isConnected && made.showModal())}
      onClose={props.onClose}
    >
      {props.children}
    </dialog>
  );
}
