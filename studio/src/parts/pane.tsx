import type { JSX, ParentProps } from 'solid-js';

/** A picture with its name above and what was measured below. */
export function Pane(props: ParentProps<{ title: string; note?: JSX.Element }>) {
  return (
    <figure class="pane">
      <figcaption>{props.title}</figcaption>
      {props.children}
      <p class="note">{props.note}</p>
    </figure>
  );
}
