import type { CloudAnalysis, Floats } from '../../engine/engine.ts';
import { Chart } from '../../parts/chart.tsx';
import { figure } from '../../parts/figures.ts';
import { Word } from '../../parts/word.tsx';
import type { CloudState } from './state.ts';

/** How the seeds vary, and where they lie. */
export function Charts(props: { readonly cloud: CloudState; readonly analysis: CloudAnalysis }) {
  const first = (values: readonly number[]) => figure(values[0] ?? Number.NaN);
  return (
    <div class="columns">
      <section class="stage panel">
        <h2>Variances along the axes</h2>
        <p class="note">
          How much the seeds vary along each <Word of="component">component</Word>.
        </p>
        <Chart
          label={`Variances along ${props.analysis.variances.length} components, from ${first(props.analysis.variances)} down, beside those that noise would show, from ${first(props.analysis.noise)} down`}
          x="principal component"
          y="variance"
          series={[
            { name: 'the cloud', points: numbered(props.analysis.variances) },
            { name: 'isotropic noise', points: numbered(props.analysis.noise) },
          ]}
        />
      </section>
      <section class="stage panel">
        <h2>The seeds on the first two axes</h2>
        <Chart
          label="Where the seeds lie along the first two components"
          x="first component"
          y="second component"
          series={scatter(props.cloud, props.analysis)}
        />
      </section>
    </div>
  );
}

const numbered = (values: readonly number[]) => values.map((value, i) => [i + 1, value] as const);

/** Where seeds lie along the first two components, those that ship apart from those that were found here. */
function scatter({ seeds, shippedCount }: CloudState, { variances, statistics, ...analysis }: CloudAnalysis) {
  const all = seeds();
  if (!all || variances.length < 2) return [];
  const count = Math.min(statistics.count, all.shape[0]!);
  const points = Array.from({ length: count }, (_, at) => {
    const along = (component: number) => projection(all, at, analysis, component);
    return [along(0), along(1)] as const;
  });
  const parts = [
    { name: 'shipped seeds', points: points.slice(0, shippedCount()), dots: true },
    { name: 'found here', points: points.slice(shippedCount()), dots: true },
  ];
  return parts.filter(({ points }) => points.length > 0);
}

/** How far a seed lies from the mean, along a component. */
function projection(
  { shape, data }: Floats,
  at: number,
  { mean, components }: Pick<CloudAnalysis, 'mean' | 'components'>,
  component: number,
): number {
  const size = data.length / shape[0]!;
  let sum = 0;
  for (let i = 0; i < size; i++)
    sum += (data[at * size + i]! - mean.data[i]!) * components.data[component * size + i]!;
  return sum;
}
