import { createSignal, For, onCleanup, Show } from 'solid-js';
import { type Task, tasks } from '../engine/tasks.ts';
import { Button } from './controls.tsx';

/** Milliseconds between two looks at the clock; what is done before the first is not worth a line. */
const TICK = 500;

/** What is being worked on, how far it is, and a way to end it. */
export function Tasks() {
  const [now, setNow] = createSignal(performance.now());
  const clock = setInterval(() => setNow(performance.now()), TICK);
  onCleanup(() => clearInterval(clock));
  return (
    <div class="tasks" data-working={tasks().length}>
      <For each={tasks()}>
        {task => <Line task={task} seconds={Math.max(0, now() - task.begun) / 1000} />}
      </For>
      <Show when={tasks().length === 0}>
        <span class="visually-hidden">nothing is being worked on</span>
      </Show>
    </div>
  );
}

function Line(props: { readonly task: Task; readonly seconds: number }) {
  const id = () => `task-${props.task.label.replaceAll(/\W+/g, '-')}`;
  const share = () => shareOf(props.task);
  return (
    <div class="task" data-task={props.task.label}>
      <span class="what" id={id()}>
        {props.task.label}
      </span>
      <progress aria-labelledby={id()} max={1} {...(share() !== undefined && { value: share() })} />
      <span class="note">{words(props.task, props.seconds)}</span>
      <Show when={props.task.stop}>
        {stop => (
          <Button onPress={() => stop()()} label={`Stop: ${props.task.label}`}>
            Stop
          </Button>
        )}
      </Show>
    </div>
  );
}

/** How much is done, from 0 to 1; undefined where nothing is known yet. */
function shareOf({ report }: Task): number | undefined {
  const { done = 0, total = 0 } = report();
  return total > 0 && done > 0 ? done / total : undefined;
}

function words(task: Task, seconds: number): string {
  const { doing = 'beginning', done = 0, total = 0, unit, expected } = task.report();
  const pace = task.pace();
  const past = seconds < 1 ? '' : ` · ${Math.floor(seconds)} s`;
  if (total > 0 && unit === 'bytes') return `${megabytes(done)} of ${megabytes(total)} MB${past}`;
  if (pace === undefined) return `${doing}${expected ? ` · about ${lasting(expected)} in all` : ''}${past}`;
  const left = (total - done) / pace;
  return `${Math.round((100 * done) / total)} % · ${pace >= 10 ? Math.round(pace) : pace.toFixed(1)} a second · ${left < 1 ? 'less than a second' : `about ${lasting(left)}`} left`;
}

const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);

/** A length of time in words. */
export function lasting(seconds: number): string {
  return seconds < 100 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;
}
