import { createUniqueId, type ParentProps } from 'solid-js';
import { take } from '../state/files.ts';

/** A button that opens files. */
export function OpenFile(props: ParentProps<{ readonly accept: string; readonly label: string }>) {
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
        aria-label={props.label}
        onChange={event => {
          void take([...(event.currentTarget.files ?? [])]);
          event.currentTarget.value = '';
        }}
      />
    </span>
  );
}
