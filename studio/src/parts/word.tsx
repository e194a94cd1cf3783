import { createUniqueId, type JSX, type ParentProps, Show } from 'solid-js';
import { PAPER, WORDS, type WordName } from './words.ts';

/** A word that says what it means, when it is pressed. */
export function Word(props: ParentProps<{ readonly of: WordName; readonly more?: JSX.Element }>) {
  const id = createUniqueId();
  const meaning = () => WORDS[props.of];
  const paper = () => 'paper' in WORDS[props.of];
  return (
    <>
      <button type="button" class="word" popovertarget={id}>
        {props.children}
      </button>
      <span id={id} popover="auto" class="meaning" role="note">
        {meaning().sentence}
        {props.more}
        <span class="where">
          {meaning().page}
          <Show when={paper()}>
            {' · '}
            <a href={PAPER} target="_blank" rel="noreferrer">
              the paper
            </a>
            , {(meaning() as { readonly paper: string }).paper}
          </Show>
        </span>
      </span>
    </>
  );
}
