import type { Diagnosis } from 'seedbed';
import { For, type JSX, Show } from 'solid-js';
import type { GraphCard } from '../engine/engine.ts';
import { type Described, FED, PREDICTS, RANGES, SCHEDULE_KINDS } from '../engine/guess.ts';
import { Select } from '../parts/controls.tsx';

export type Finding = Diagnosis['findings'][number];

/** The field that a finding stands beside. */
const PLACES = {
  prediction: 'predicts',
  range: 'range',
  start: 'schedule',
  pictures: 'steps',
  'final signal': 'schedule',
  'round trip': 'steps',
} as const satisfies Record<Finding['topic'], keyof Described>;

/** What one says of a model, with what was found wrong beside each. */
export function Fields(props: {
  readonly graph: GraphCard;
  readonly described: Described;
  readonly findings: readonly Finding[];
  readonly onChange: (changed: Partial<Described>) => void;
}) {
  const names = (values: GraphCard['inputs']) => values.map(({ name }) => [name, name] as const);
  const texts = <T extends string>(table: Readonly<Record<T, { readonly text: string }>>) =>
    (Object.keys(table) as T[]).map(name => [name, table[name].text] as const);
  const plain = <T extends string>(table: Readonly<Record<T, string>>) =>
    Object.entries(table) as [T, string][];
  const field = <K extends keyof Described>(name: K, input: JSX.Element) => (
    <div class="field">
      {input}
      <For each={props.findings.filter(({ topic }) => PLACES[topic] === name)}>
        {({ text }) => <p class="note">✗ {text}</p>}
      </For>
    </div>
  );
  const select = <K extends keyof Described>(
    name: K,
    label: string,
    options: readonly (readonly [Described[K], string])[],
  ) =>
    field(
      name,
      <Select
        label={label}
        options={options}
        value={props.described[name]}
        onChoose={value => props.onChange({ [name]: value })}
      />,
    );
  const written = (name: 'shape' | 'timesteps' | 'steps', label: string) =>
    field(
      name,
      <label class="select">
        {label}
        <input
          type="text"
          value={props.described[name]}
          onChange={event => props.onChange({ [name]: event.currentTarget.value })}
        />
      </label>,
    );
  return (
    <div class="fields">
      {select('image', 'Input of the noisy picture', names(props.graph.inputs))}
      {select('level', 'Input of the noise level', names(props.graph.inputs))}
      {select('fed', 'What the level is', plain(FED))}
      {select('output', 'Output', names(props.graph.outputs))}
      {select('predicts', 'What it predicts', plain(PREDICTS))}
      {written('shape', 'Shape: channels, height, width')}
      {select('range', 'What it sees of pixels', texts(RANGES))}
      {select('schedule', 'Schedule of the noise', texts(SCHEDULE_KINDS))}
      <Show when={SCHEDULE_KINDS[props.described.schedule].stepped}>{written('timesteps', 'Timesteps')}</Show>
      {written('steps', 'Steps of the sampler')}
    </div>
  );
}
