import type { Floats } from '../../engine/engine.ts';
import { Slider } from '../../parts/controls.tsx';
import { Pane } from '../../parts/pane.tsx';
import { Pixels } from '../../parts/pixels.tsx';
import { type AxesState, REACH } from './places.ts';

/** A step from the mean along one of the cloud's axes. */
export function Axes(props: { readonly axes: AxesState }) {
  const { axis, count, direction, step, walked } = props.axes;
  return (
    <section class="stage panel">
      <h2>Along the cloud's axes</h2>
      <div class="stage-inner three">
        <Pane title="Axis" note={`component ${axis()} of ${count() ?? '…'}`}>
          <Pixels of={direction() && scaled(direction()!)} seed label={`principal component ${axis()}`} />
        </Pane>
        <Pane title="Seed" note={`${step()} from the mean`}>
          <Pixels of={walked.seed()} seed label="the seed after the step" />
        </Pane>
        <Pane title="Grown" note={<>error {walked.error()}</>}>
          <Pixels of={walked.grown()} label="what the seed after the step grows" />
        </Pane>
      </div>
      <Slider
        label="Component"
        value={axis()}
        range={[1, Math.max(1, count() ?? 1)]}
        ends={['varies most', 'varies least']}
        onSlide={props.axes.setComponent}
      />
      <Slider label="Step" value={step()} range={[-REACH, REACH]} onSlide={props.axes.setStep} />
    </section>
  );
}

/** A unit vector as long as noise, so that it shows. */
function scaled(vector: Floats): Floats {
  const factor = Math.sqrt(vector.data.length);
  return { ...vector, data: vector.data.map(value => value * factor) };
}
