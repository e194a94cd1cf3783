import { createUniqueId, type ParentProps } from 'solid-js';
import { take } from '../state/files.ts';

/** A button that opens files, or a folder of them. */
export function OpenFile(
  props: ParentProps<{
    readonly accept?: string;
    readonly folder?: boolean;
    readonly label: string;
  }>,
) {
  const id = createUniqueId();
  return (
    <span class="open">
      <label class="button" for={id}>
        {props.children}
      </label>
      <input
        id={id}
        class="visually-hidden"
        type="file"
        multiple
        accept={props.accept}
        ref={input => {
          input.webkitdirectory = props.folder ?? false;
        }}
        aria-label={props.label}
        onChange={event => {
          void take([...(event.currentTarget.files ?? [])]);
          event.currentTarget.value = '';
        }}
      />
    </span>
  );
}
