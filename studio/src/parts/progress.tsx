import { For, Show } from 'solid-js';
import { type Task, tasks } from '../engine/client.ts';
import { Button } from './controls.tsx';

function remaining({ report }: Task): string {
  const told = report();
  if (!told || told.done <= 0) return 'beginning';
  const left = (told.seconds * (told.total - told.done)) / told.done;
  const rate = told.done / told.seconds;
  const share = Math.round((100 * told.done) / told.total);
  const time = left < 1 ? 'less than a second' : `about ${Math.ceil(left)} s`;
  return `${share} % · ${rate >= 10 ? Math.round(rate) : rate.toFixed(1)} a second · ${time} left`;
}

/** What is being worked on, how far it is, and a way to end it. */
export function Tasks() {
  return (
    <div class="tasks">
      <For each={tasks()}>
        {task => (
          <div class="task" data-task={task.label}>
            <span class="what" id={`task-${task.label.replaceAll(/\W+/g, '-')}`}>
              {task.label}
            </span>
            <progress
              aria-labelledby={`task-${task.label.replaceAll(/\W+/g, '-')}`}
              max={1}
              {...(task.report() && { value: task.report()!.done / task.report()!.total })}
            />
            <span class="note">{remaining(task)}</span>
            <Button onPress={() => task.cancel()} label={`Stop: ${task.label}`}>
              Stop
            </Button>
          </div>
        )}
      </For>
      <Show when={tasks().length === 0}>
        <span class="visually-hidden">nothing is being worked on</span>
      </Show>
    </div>
  );
}
