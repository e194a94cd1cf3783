import { Button, Slider } from '../../parts/controls.tsx';
import { Pane } from '../../parts/pane.tsx';
import { Pixels } from '../../parts/pixels.tsx';
import { useAverages } from './places.ts';
import type { CloudState } from './state.ts';

/** The mean of some of the seeds, and random combinations of all. */
export function Averages(props: { readonly cloud: CloudState }) {
  const { count } = props.cloud;
  const { number, setOf, another, mean, combination } = useAverages(props.cloud);
  return (
    <section class="stage panel">
      <h2>Averages and combinations</h2>
      <div class="stage-inner three">
        <Pane title="Mean seed" note={`of ${number()}`}>
          <Pixels of={mean.seed()} seed label={`the mean of ${number()} seeds`} />
        </Pane>
        <Pane
          title="Grown"
          note={
            <>
              error <b data-value="mean-error">{mean.error()}</b>
            </>
          }
        >
          <Pixels of={mean.grown()} label="what the mean seed grows" />
        </Pane>
        <Pane title="Combination" note={<>error {combination.error()}</>}>
          <Pixels of={combination.grown()} label="what a random combination of the seeds grows" />
        </Pane>
      </div>
      <Slider
        label="Average of"
        value={number()}
        range={[1, Math.max(1, count())]}
        shown={value => `${value} seeds`}
        onSlide={setOf}
      />
      <div class="row">
        <Button disabled={count() < 2} onPress={another}>
          Another combination
        </Button>
        <span class="note">random weights that add up to one</span>
      </div>
    </section>
  );
}
