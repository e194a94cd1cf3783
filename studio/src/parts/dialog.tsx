import type { ParentProps } from 'solid-js';

/** A dialog that is open as long as it is there. */
export function Dialog(
  props: ParentProps<{ readonly label: string; readonly wide?: boolean; readonly onClose: () => void }>,
) {
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
