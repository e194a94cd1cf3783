import { Show } from 'solid-js';
import { Chart } from '../../parts/chart.tsx';
import { useRates } from './schedules.ts';

/** Signal rates of the schedules. */
export function Rates() {
  const rates = useRates();
  return (
    <section class="stage panel">
      <h2>Schedules</h2>
      <Show when={rates().length > 0}>
        <Chart
          label="Signal rate over diffusion time, for the four schedules of the paper"
          x="diffusion time"
          y="signal rate"
          height={180}
          series={rates()}
        />
      </Show>
      <p class="note">Steps and schedule are changed for the sampler; the network stays as it was trained.</p>
    </section>
  );
}
