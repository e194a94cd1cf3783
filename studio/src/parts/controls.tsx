import { createSignal, createUniqueId, For, Index, type JSX, type ParentProps, Show } from 'solid-js';

/** One of a few choices, as a row of buttons. */
export function Choice<T extends string>(props: {
  readonly label: string;
  readonly options: readonly (readonly [value: T, text: string])[];
  readonly value: T | undefined;
  readonly onChoose: (value: T) => void;
}) {
  const name = createUniqueId();
  return (
    <fieldset class="choice">
      <legend>{props.label}</legend>
      <div class="segments">
        <Index each={props.options}>
          {option => (
            <label>
              <input
                type="radio"
                name={name}
                checked={props.value === option()[0]}
                onChange={() => props.onChoose(option()[0])}
              />
              <span>{option()[1]}</span>
            </label>
          )}
        </Index>
      </div>
    </fieldset>
  );
}

/** A number on a scale. */
export function Slider(props: {
  readonly label: string;
  readonly value: number;
  readonly range: readonly [least: number, most: number];
  readonly step?: number;
  readonly ends?: readonly [string, string];
  /** A value in words. */
  readonly shown?: (value: number) => string;
  readonly onSlide?: (value: number) => void;
  /** When the hand has left it. */
  readonly onRest?: (value: number) => void;
}) {
  const id = createUniqueId();
  /** Where the hand has it, until it is left. */
  const [held, setHeld] = createSignal<number>();
  const words = () => {
    const value = held() ?? props.value;
    return props.shown?.(value) ?? String(value);
  };
  return (
    <div class="slider">
      <label for={id}>
        {props.label} <output>{words()}</output>
      </label>
      <input
        id={id}
        type="range"
        min={props.range[0]}
        max={props.range[1]}
        step={props.step ?? 1}
        value={props.value}
        aria-valuetext={words()}
        onInput={event => {
          setHeld(event.currentTarget.valueAsNumber);
          props.onSlide?.(event.currentTarget.valueAsNumber);
        }}
        onChange={event => {
          setHeld(undefined);
          props.onRest?.(event.currentTarget.valueAsNumber);
        }}
      />
      <Show when={props.ends}>
        {ends => (
          <div class="ends" aria-hidden="true">
            <span>{ends()[0]}</span>
            <span>{ends()[1]}</span>
          </div>
        )}
      </Show>
    </div>
  );
}

/** One of many choices. */
export function Select<T extends string>(props: {
  readonly label: string;
  readonly options: readonly (readonly [value: T, text: string])[];
  readonly value: T;
  readonly onChoose: (value: T) => void;
}) {
  return (
    <label class="select">
      {props.label}
      <select onChange={event => props.onChoose(event.currentTarget.value as T)}>
        <For each={props.options}>
          {([value, text]) => (
            <option value={value} selected={props.value === value}>
              {text}
            </option>
          )}
        </For>
      </select>
    </label>
  );
}

export function Button(
  props: ParentProps<{
    onPress: () => void;
    main?: boolean;
    disabled?: boolean;
    label?: string;
    /** Whether it has the focus when it appears, in a dialog. */
    first?: boolean;
  }>,
): JSX.Element {
  const focus = (button: HTMLButtonElement) => {
    if (!props.first) return;
    // For the dialog, as it opens; and for what appears in one that is open.
    button.setAttribute('autofocus', '');
    queueMicrotask(() => button.focus());
  };
  return (
    <button
      ref={focus}
      type="button"
      class={props.main ? 'main' : ''}
      disabled={props.disabled}
      aria-label={props.label}
      onClick={() => props.onPress()}
    >
      {props.children}
    </button>
  );
}
