import { lineFigure } from '../../figures/line.ts';
import { meanSeed } from '../../latent/cloud.ts';
import { combinations, pointsAt, withSquares } from '../../latent/combinations.ts';
import { fillUniform, normals } from '../../tensor/random.ts';
import { correlation, meanSquares, rms } from '../../tensor/statistics.ts';
import { float32, rows, type Tensor, unstack } from '../../tensor/tensor.ts';
import { figure, judged, ofOne, type Sampled, withInterval } from './claims.ts';
import { errorsOf, experiment, type Lab, perSubject } from './lab.ts';

/** Where points are tried, from the mean seed (0) to the seeds (1). */
const RADII = [0, 0.25, 0.5, 0.75, 0.9, 1];
/** The points inside that are compared with the seeds. */
const HALF = 0.5;
const MIDDLE = RADII.indexOf(HALF);

/** Whether seeds at the border of a cloud grow the picture better than points inside (Asperti et al. 2023, section 5.1). */
export const border = experiment({
  name: 'border',
  title: 'seeds at the border of a cloud, and points inside',
  needs: ['fashion-mnist', 'data:fashion-mnist'],
  measure: lab =>
    perSubject(lab, async subject => {
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
      const curve = errors.map(values => ofOne(values, lab.rng));
      const gap = ofOne(
        errors[MIDDLE]!.map((value, i) => value - errors.at(-1)![i]!),
        lab.rng,
      );
      const fresh = ofOne(await errorsOf(lab, cloud, redrawn(lab, mean, some)), lab.rng);
      const stretched = ofOne(
        await errorsOf(lab, cloud, withSquares(pointsAt(mean, some, HALF), meanSquares(some))),
        lab.rng,
      );
      const distances = Array.from({ length: cloud.latent.shape[0]! }, (_, i) =>
        rms(rows(cloud.latent, i, i + 1).data.map((z, at) => z - mean.data[at]!)),
      );
      const own = correlationInterval(lab, distances, cloud.errors);
      const shuffled = correlationInterval(lab, distances, [...cloud.errors.slice(1), cloud.errors[0]!]);
      return { numbers: { curve, middle, gap, fresh, stretched, own, shuffled } };
    }),
  report: subjects => ({
    claims: subjects.map(({ title, curve, middle, gap, fresh, stretched, own, shuffled }) => {
      const [better, outward] = [gap.low > 0, fresh.high < curve[MIDDLE]!.low];
      const among =
        own.high < 0
          ? 'the outer are better'
          : own.low > 0
            ? 'the inner are better'
            : 'distance does not matter';
      return judged({
        number: curve.at(-1)!,
        against: curve[MIDDLE]!,
        rests: [gap, fresh],
        paper: `Seeds at the borders of emb(x) seem to reconstruct slightly better than internal points (${title}).`,
        ours: `squared error ${withInterval(curve.at(-1)!)} at the seeds, ${withInterval(curve[MIDDLE]!)} half way to their mean, ${figure(middle)} at it; the difference ${withInterval(gap)}`,
        control: `points as far from the mean as the seeds, but fitted to nothing, ${withInterval(fresh)}; those half way stretched to the norm of seeds ${withInterval(stretched)}; among the seeds distance from the mean and error correlate by ${withInterval(own)} (errors dealt to other seeds: ${withInterval(shuffled)})`,
        numbersSay: better ? (outward ? 'holds' : 'partly') : gap.high < 0 ? 'fails' : 'open',
        because: better
          ? `Half way inside the error is ${figure(curve[MIDDLE]!.mean / curve.at(-1)!.mean, 2)} times that of the seeds; ${outward ? 'points at the border that were fitted to nothing are better than those inside, too' : `but points as far out that were fitted to nothing have ${figure(fresh.mean / curve.at(-1)!.mean, 2)} times it: seeds are better because they were fitted, not because they lie at the border`}; among the seeds ${among}.`
          : gap.high < 0
            ? 'Points inside grow the picture better than the seeds do.'
            : 'The two cannot be told apart.',
        values: {
          seeds: curve.at(-1)!,
          half: curve[MIDDLE]!,
          mean: middle,
          gap,
          gapLow: gap.low,
          fresh,
          stretched,
          correlation: own,
        },
      });
    }),
    plots: [
      {
        file: 'border',
        caption: 'Squared error of points between the mean seed (0) and the seeds (1), with 95 % intervals.',
        svg: lineFigure({
          title: 'From the middle of a cloud to its seeds',
          x: { label: 'part of the way from the mean to a seed' },
          y: { label: 'mean squared error of pixels in [0, 1]', log: true },
          series: subjects.map(({ title: name, curve }) => ({
            name,
            points: RADII.map((r, i): [number, number] => [r, curve[i]!.mean]),
            band: RADII.map((r, i): [number, number, number] => [r, curve[i]!.low, curve[i]!.high]),
          })),
        }),
      },
    ],
  }),
});

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

/** Pearson's correlation with its bootstrap interval over pairs, which are all of one picture. */
function correlationInterval({ rng }: Lab, a: readonly number[], b: readonly number[]): Sampled {
  const uniform = new Float64Array(a.length);
  const drawn = Array.from({ length: 1000 }, (_, round) => {
    fillUniform({ seed: rng, purpose: 'correlation' }, round, 0, uniform);
    const places = Array.from(uniform, u => Math.floor(u * a.length));
    return correlation(
      places.map(i => a[i]!),
      places.map(i => b[i]!),
    );
  }).sort((x, y) => x - y);
  return { mean: correlation(a, b), low: drawn[25]!, high: drawn[974]!, n: 1, points: a.length };
}
