import { lineFigure } from '../../figures/line.ts';
import { meanSeed } from '../../latent/cloud.ts';
import { combinations, pointsAt, withSquares } from '../../latent/combinations.ts';
import { normals } from '../../tensor/random.ts';
import { average, correlation, meanSquares, rms } from '../../tensor/statistics.ts';
import { float32, rows, type Tensor, unstack } from '../../tensor/tensor.ts';
import { above, below, type Claim, judged, worded } from './claims.ts';
import {
  errorOf,
  errorsOf,
  experiment,
  type Lab,
  type Named,
  perCloud,
  perSubject,
  type SeedCloud,
} from './lab.ts';
import { curveOf, figure, type Means, withInterval } from './means.ts';

/** Where points are tried, from the mean seed (0) to the seeds (1). */
const RADII = [0, 0.25, 0.5, 0.75, 0.9, 1];
/** The points inside that are compared with the seeds. */
const HALF = 0.5;
const MIDDLE = RADII.indexOf(HALF);
/** Seeds of each picture towards which points are tried. */
const LINES = 16;

/** Whether seeds at the border of a cloud grow the picture better than points inside (Asperti et al. 2023, section 5.1). */
export const border = experiment({
  name: 'border',
  title: 'seeds at the border of a cloud, and points inside',
  needs: ['fashion-mnist', 'data:fashion-mnist'],
  measure: lab =>
    perSubject(lab, async subject => ({
      numbers: await perCloud(lab, subject, cloud => insideAndAtBorder(lab, cloud)),
    })),
  report: subjects => ({
    claims: subjects.flatMap(subject => [seedsClaim(subject), borderClaim(subject)]),
    plots: [
      {
        file: 'border',
        caption:
          'Squared error of points between the mean seed (0) and the seeds (1), with 95 % intervals over pictures.',
        svg: lineFigure({
          title: 'From the middle of a cloud to its seeds',
          x: { label: 'part of the way from the mean to a seed' },
          y: { label: 'mean squared error of pixels in [0, 1]', log: true },
          series: subjects.map(({ title: name, curve }) => curveOf(name, RADII, curve)),
        }),
      },
    ],
  }),
});

type Border = Means<Awaited<ReturnType<typeof insideAndAtBorder>>> & Named;

function seedsClaim({ title, model, curve, gap }: Border): Claim {
  const [seeds, half] = [curve.at(-1)!, curve[MIDDLE]!];
  const better = above(gap, 0);
  return judged({
    models: [model],
    number: seeds,
    against: half,
    rests: [gap],
    paper: `Seeds seem to reconstruct better than points between them (${title}; the paper: slightly).`,
    ours: `squared error ${withInterval(seeds)} at the seeds; half way to their mean it is larger by ${withInterval(gap)}`,
    control: `${withInterval(half)} half way to the mean of the seeds, ${withInterval(curve[0]!)} at it`,
    asked: 'an error greater than at the seeds',
    numbersSay: better,
    because: worded(better, {
      holds: `Half way inside the error is ${figure(half.mean / seeds.mean, 2)} times that of the seeds.`,
      fails: 'Points inside grow the picture better than the seeds do.',
      open: 'The two cannot be told apart.',
    }),
    values: { seeds, half, mean: curve[0]!, gap },
  });
}

function borderClaim({ title, model, curve, lead, fresh, stretched, own, shuffled }: Border): Claim {
  const half = curve[MIDDLE]!;
  const outward = above(lead, 0);
  const among = worded(below(own, 0), {
    holds: 'the outer are better',
    fails: 'the inner are better',
    open: 'distance from the mean tells nothing',
  });
  return judged({
    models: [model],
    number: fresh,
    against: half,
    rests: [lead],
    paper: `It is the border of emb(x) where points reconstruct better than inside (${title}).`,
    ours: `points as far from the mean as the seeds, but fitted to nothing: squared error ${withInterval(fresh)}`,
    control: `half way to the mean ${withInterval(half)}, ${withInterval(lead)} more; those stretched to the norm of seeds ${withInterval(stretched)}; among the seeds distance from the mean and error correlate by ${withInterval(own)} (errors of other seeds: ${withInterval(shuffled)})`,
    asked: 'an error less than half way to the mean',
    numbersSay: outward,
    because: `${worded(outward, {
      holds: 'Points at the border that were fitted to nothing are better than those inside',
      fails: `Points as far out as the seeds that were fitted to nothing have ${figure(fresh.mean / half.mean, 2)} times the error of those inside: seeds are better because they were fitted, not because they lie at the border`,
      open: 'Points as far out as the seeds that were fitted to nothing cannot be told from those inside',
    })}; among the seeds ${among}.`,
    values: { fresh, stretched, correlation: own },
  });
}

/** Errors from the mean of one picture's seeds to the seeds, and of points at the border that were fitted to nothing. */
async function insideAndAtBorder(lab: Lab, cloud: SeedCloud) {
  const { latent, errors } = cloud;
  const count = latent.shape[0]!;
  const mean = meanSeed(latent);
  const some = rows(latent, 0, Math.min(LINES, count));
  const at = async (r: number) => {
    if (r === 0) return errorOf(lab, cloud, mean);
    if (r === 1) return average(errors.slice(0, LINES));
    return average(await errorsOf(lab, cloud, pointsAt(mean, some, r)));
  };
  const curve: number[] = [];
  for (const r of RADII) curve.push(await at(r));
  const fresh = await errorOf(lab, cloud, redrawn(lab, cloud, mean, some));
  const middles = pointsAt(mean, some, HALF);
  const distances = Array.from({ length: count }, (_, i) =>
    rms(rows(latent, i, i + 1).data.map((z, k) => z - mean.data[k]!)),
  );
  return {
    ...{ curve, fresh },
    gap: curve[MIDDLE]! - curve.at(-1)!,
    lead: curve[MIDDLE]! - fresh,
    stretched: await errorOf(lab, cloud, withSquares(middles, meanSquares(some))),
    own: correlation(distances, errors),
    shuffled: correlation(distances, [...errors.slice(1), errors[0]!]),
  };
}

/** Random combinations of the seeds' differences from the mean, each as long as a seed's: points at the border that no method fitted. */
function redrawn(
  lab: Lab,
  { index }: SeedCloud,
  mean: Tensor<'float32'>,
  seeds: Tensor<'float32'>,
): Tensor<'float32'> {
  const count = seeds.shape[0]!;
  const away = (from: Tensor<'float32'>, sign: 1 | -1) =>
    float32(
      from.shape,
      from.data.map((value, i) => value + sign * mean.data[i % mean.data.length]!),
    );
  const differences = away(seeds, -1);
  const weights = unstack(normals({ seed: lab.rng, purpose: `border ${index}` }, [count, count]));
  const drawn = combinations(
    weights.map(({ data }) => data),
    differences,
  );
  return away(withSquares(drawn, meanSquares(differences)), 1);
}
