import { Show } from 'solid-js';
import { Button, Choice, Select, Slider } from '../../parts/controls.tsx';
import { goOn } from '../../state/results.ts';
import type { FallsState } from './falls.ts';
import { SCHEDULE_NAMES, SCHEDULES } from './schedules.ts';
import type { GravityState } from './state.ts';

/** Which points are learned, and how the sampler leads seeds to them. */
export function Controls(props: { readonly gravity: GravityState; readonly falls: FallsState }) {
  const { data, isDrawn, isOwn, ownPlanes, drawn, enough, stopped, changed, lesson } = props.gravity;
  return (
    <div class="row controls">
      <Choice
        label="Points"
        options={[
          ['circles', 'Circles'],
          ['moons', 'Moons'],
          ['drawn', 'Your own'],
          ...(isOwn() || ownPlanes().length > 0 ? [['model', 'Your model'] as const] : []),
        ]}
        value={data()}
        onChoose={props.gravity.setData}
      />
      <Show when={isDrawn()}>
        <Choice
          label="The pointer"
          options={[
            ['draw', 'draws points'],
            ['look', 'drags the seed'],
          ]}
          value={props.gravity.mode()}
          onChoose={props.gravity.setMode}
        />
        <Button disabled={drawn().length === 0} onPress={props.gravity.clear}>
          Clear
        </Button>
      </Show>
      <Button
        main
        disabled={isOwn() || !enough() || !(stopped() || changed() || !lesson())}
        onPress={() => (stopped() && !changed() ? goOn() : props.gravity.learn())}
      >
        Train
      </Button>
      <Slider
        label="Steps of the sampler"
        value={props.falls.steps()}
        range={[2, 60]}
        onSlide={props.falls.setSteps}
      />
      <Show when={!isOwn()}>
        <Select
          label="Schedule"
          options={SCHEDULE_NAMES.map(name => [name, SCHEDULES[name]] as const)}
          value={props.falls.schedule()}
          onChoose={props.falls.setSchedule}
        />
      </Show>
    </div>
  );
}
