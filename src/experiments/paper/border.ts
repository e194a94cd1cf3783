import { average, bootstrapMean } from '../../embedding/metrics.ts';
import { lineFigure } from '../../figures/line.ts';
import { meanSeed } from '../../latent/cloud.ts';
import { fillUniform } from '../../tensor/random.ts';
import { float32, rows, type Tensor } from '../../tensor/tensor.ts';
import { correlation, errorsOf, rms, subjectsAt } from '../around.ts';
import type { Claim } from '../findings.ts';
import { type Experiment, type Lab, SUBJECTS } from '../lab.ts';
import { figure, withInterval } from '../wording.ts';

/** Where points are tried, from the mean seed (0) to the seeds (1). */
const RADII = [0, 0.25, 0.5, 0.75, 0.9, 1];

/** Whether seeds at the border of a cloud grow the picture better than points inside (Asperti et al. 2023, section 5.1). */
export const border: Experiment = {
  name: 'border',
  title: 'seeds at the border of a cloud, and points inside',
  needs: ['fashion-mnist', 'data:fashion-mnist'],
  async run(lab) {
    const claims: Claim[] = [];
    const series: { name: string; points: [number, number][]; band: [number, number, number][] }[] = [];
    for (const subject of subjectsAt(lab, ['fashion-mnist', 'mnist', 'cifar10'])) {
      const { title } = SUBJECTS[subject];
      const cloud = await lab.cloud(subject);
      const mean = meanSeed(cloud.latent);
      const count = Math.min(lab.sizes.sample, cloud.latent.shape[0]!);
      const some = rows(cloud.latent, 0, count);
      const errors: number[][] = [];
      for (const r of RADII) errors.push(await errorsOf(lab, cloud, towards(mean, some, r)));
      const curve = errors.map(values => bootstrapMean(values, lab.rng));
      const [inside, outside] = [errors[2]!, errors.at(-1)!];
      const gap = bootstrapMean(
        inside.map((value, i) => value - outside[i]!),
        lab.rng,
      );
      const distances = Array.from({ length: cloud.latent.shape[0]! }, (_, i) =>
        rms(rows(cloud.latent, i, i + 1).data.map((z, at) => z - mean.data[at]!)),
      );
      const own = correlationInterval(lab, distances, cloud.errors);
      const shuffled = correlationInterval(lab, distances, [...cloud.errors.slice(1), cloud.errors[0]!]);
      claims.push({
        paper: `Seeds at the borders of emb(x) seem to reconstruct slightly better than internal points (${title}).`,
        ours: `squared error ${withInterval(curve.at(-1)!)} at the seeds, ${withInterval(curve[2]!)} half way to their mean, ${figure(average(errors[0]!))} at it; the difference ${withInterval(gap)}`,
        control: `among the seeds themselves distance from the mean and error correlate by ${withInterval(own)} (errors dealt to other seeds: ${withInterval(shuffled)})`,
        verdict: gap.low > 0 ? 'holds' : gap.high < 0 ? 'fails' : 'open',
        because:
          gap.low > 0
            ? `Half way inside the error is ${figure(curve[2]!.mean / curve.at(-1)!.mean, 2)} times that of the seeds; but only the seeds were fitted to the picture, so this says that fitted points are better than unfitted ones, and among fitted ones ${own.high < 0 ? 'the outer are better' : own.low > 0 ? 'the inner are better' : 'distance does not matter'}.`
            : gap.high < 0
              ? 'Points inside grow the picture better than the seeds do.'
              : 'The two cannot be told apart.',
        values: {
          seeds: curve.at(-1)!.mean,
          half: curve[2]!.mean,
          mean: average(errors[0]!),
          gap: gap.mean,
          gapLow: gap.low,
          correlation: own.mean,
        },
      });
      series.push({
        name: title,
        points: RADII.map((r, i) => [r, curve[i]!.mean]),
        band: RADII.map((r, i) => [r, curve[i]!.low, curve[i]!.high]),
      });
    }
    return {
      claims,
      pictures: [
        {
          kind: 'plot',
          file: 'border',
          caption:
            'Squared error of points between the mean seed (0) and the seeds (1), with 95 % intervals.',
          svg: lineFigure({
            title: 'From the middle of a cloud to its seeds',
            x: { label: 'part of the way from the mean to a seed' },
            y: { label: 'mean squared error of pixels in [0, 1]', log: true },
            series,
          }),
        },
      ],
    };
  },
};

function towards(mean: Tensor<'float32'>, seeds: Tensor<'float32'>, r: number): Tensor<'float32'> {
  const width = mean.data.length;
  return float32(
    seeds.shape,
    seeds.data.map((z, i) => mean.data[i % width]! + r * (z - mean.data[i % width]!)),
  );
}

/** Pearson's correlation with its bootstrap interval over pairs. */
function correlationInterval({ rng }: Lab, a: readonly number[], b: readonly number[]) {
  const uniform = new Float64Array(a.length);
  const drawn = Array.from({ length: 1000 }, (_, round) => {
    fillUniform({ seed: rng, purpose: 'correlation' }, round, 0, uniform);
    const places = Array.from(uniform, u => Math.floor(u * a.length));
    return correlation(
      places.map(i => a[i]!),
      places.map(i => b[i]!),
    );
  }).sort((x, y) => x - y);
  return { mean: correlation(a, b), low: drawn[25]!, high: drawn[974]! };
}
