import { lineFigure } from '../../figures/line.ts';
import { meanSeed } from '../../latent/cloud.ts';
import { fillUniform, normals } from '../../tensor/random.ts';
import { bootstrapMean, correlation, meanSquares, rms } from '../../tensor/statistics.ts';
import { float32, rows, type Tensor, unstack } from '../../tensor/tensor.ts';
import { type Experiment, type Lab, SUBJECTS } from './lab.ts';
import { combinations, errorsOf, pointsAt, subjectsAt, withSquares } from './measure/around.ts';
import type { Claim } from './report/findings.ts';
import { figure, withInterval } from './report/wording.ts';

/** Where points are tried, from the mean seed (0) to the seeds (1). */
const RADII = [0, 0.25, 0.5, 0.75, 0.9, 1];
/** The points inside that are compared with the seeds. */
const HALF = 0.5;

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
      const [middle = 0] = await errorsOf(lab, cloud, mean);
      const errors: number[][] = [];
      for (const r of RADII)
        errors.push(
          r === 0
            ? [middle]
            : r === 1
              ? cloud.errors.slice(0, count)
              : await errorsOf(lab, cloud, pointsAt(mean, some, r)),
        );
      const curve = errors.map(values => bootstrapMean(values, lab.rng));
      const half = RADII.indexOf(HALF);
      const gap = bootstrapMean(
        errors[half]!.map((value, i) => value - errors.at(-1)![i]!),
        lab.rng,
      );
      const fresh = bootstrapMean(await errorsOf(lab, cloud, redrawn(lab, mean, some)), lab.rng);
      const stretched = bootstrapMean(
        await errorsOf(lab, cloud, withSquares(pointsAt(mean, some, HALF), meanSquares(some))),
        lab.rng,
      );
      const distances = Array.from({ length: cloud.latent.shape[0]! }, (_, i) =>
        rms(rows(cloud.latent, i, i + 1).data.map((z, at) => z - mean.data[at]!)),
      );
      const own = correlationInterval(lab, distances, cloud.errors);
      const shuffled = correlationInterval(lab, distances, [...cloud.errors.slice(1), cloud.errors[0]!]);
      const [better, outward] = [gap.low > 0, fresh.high < curve[half]!.low];
      const among =
        own.high < 0
          ? 'the outer are better'
          : own.low > 0
            ? 'the inner are better'
            : 'distance does not matter';
      claims.push({
        paper: `Seeds at the borders of emb(x) seem to reconstruct slightly better than internal points (${title}).`,
        ours: `squared error ${withInterval(curve.at(-1)!)} at the seeds, ${withInterval(curve[half]!)} half way to their mean, ${figure(middle)} at it; the difference ${withInterval(gap)}`,
        control: `points as far from the mean as the seeds, but fitted to nothing, ${withInterval(fresh)}; those half way stretched to the norm of seeds ${withInterval(stretched)}; among the seeds distance from the mean and error correlate by ${withInterval(own)} (errors dealt to other seeds: ${withInterval(shuffled)})`,
        verdict: better ? (outward ? 'holds' : 'partly') : gap.high < 0 ? 'fails' : 'open',
        because: better
          ? `Half way inside the error is ${figure(curve[half]!.mean / curve.at(-1)!.mean, 2)} times that of the seeds; ${outward ? 'points at the border that were fitted to nothing are better than those inside, too' : `but points as far out that were fitted to nothing have ${figure(fresh.mean / curve.at(-1)!.mean, 2)} times it: seeds are better because they were fitted, not because they lie at the border`}; among the seeds ${among}.`
          : gap.high < 0
            ? 'Points inside grow the picture better than the seeds do.'
            : 'The two cannot be told apart.',
        values: {
          seeds: curve.at(-1)!.mean,
          half: curve[half]!.mean,
          mean: middle,
          gap: gap.mean,
          gapLow: gap.low,
          fresh: fresh.mean,
          stretched: stretched.mean,
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

/** Random combinations of the seeds' differences from the mean, each as long as a seed's: points at the border that no method fitted. */
function redrawn(lab: Lab, mean: Tensor<'float32'>, seeds: Tensor<'float32'>): Tensor<'float32'> {
  const count = seeds.shape[0]!;
  const away = (from: Tensor<'float32'>, sign: 1 | -1) =>
    float32(
      from.shape,
      from.data.map((value, i) => value + sign * mean.data[i % mean.data.length]!),
    );
  const differences = away(seeds, -1);
  const weights = unstack(normals({ seed: lab.rng, purpose: 'border' }, [count, count]));
  const drawn = combinations(
    weights.map(({ data }) => data),
    differences,
  );
  return away(withSquares(drawn, meanSquares(differences)), 1);
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
