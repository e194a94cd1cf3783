import { bootstrapMean, meanSquares, seedPictures } from '../../embedding/metrics.ts';
import { cloudStatistics } from '../../latent/cloud.ts';
import { concatRows, rows, type Tensor, unstack } from '../../tensor/tensor.ts';
import { combinations, errorsAgainst, subjectsAt } from '../around.ts';
import type { Claim, Picture } from '../findings.ts';
import { type Experiment, grow, SUBJECTS } from '../lab.ts';
import { sharpness } from '../sharpness.ts';
import { figure, withInterval } from '../wording.ts';

/** The paper averages 1 to so many. */
const MOST = 16;
/** Shown of them. */
const SHOWN = [1, 2, 3, 4, 6, 8, 12, 16];

/** Averages of a growing number of seeds (Asperti et al. 2023, fig. 13). */
export const fig13: Experiment = {
  name: 'fig13',
  title: 'averages of 1 to 16 seeds of a picture',
  needs: ['fashion-mnist', 'data:fashion-mnist'],
  async run(lab) {
    const claims: Claim[] = [];
    const pictures: Picture[] = [];
    for (const subject of subjectsAt(lab, ['fashion-mnist', 'cifar10', 'mnist'])) {
      const { title } = SUBJECTS[subject];
      const { latent, image, model } = await lab.cloud(subject);
      const count = latent.shape[0]!;
      const most = Math.min(MOST, count);
      const means = concatRows(Array.from({ length: most }, (_, k) => meanOf(latent, 0, k + 1)));
      const grown = await grow(lab, model, means);
      const groups = Math.floor(count / most);
      const group = concatRows(
        Array.from({ length: groups }, (_, g) => meanOf(latent, g * most, (g + 1) * most)),
      );
      const averaged = await grow(lab, model, group);
      const single = await grow(lab, model, rows(latent, 0, groups));
      const [one, many] = [single, averaged].map(p => bootstrapMean(errorsAgainst(p, image), lab.rng));
      const detail = sharpness(averaged, image) / sharpness(single, image);
      const { variance, correlation } = cloudStatistics(latent);
      const expected = variance * (correlation + (1 - correlation) / most);
      const measured = bootstrapMean(meanSquares(group), lab.rng);
      const blurred = detail < 0.98;
      const stable = many!.mean < 20 * one!.mean;
      claims.push({
        paper: `Averages of up to 16 seeds grow nearly the same picture, slightly blurrier than one seed does (${title}).`,
        ours: `squared error ${withInterval(many!)} of the means of ${most}, detail ${figure(detail)} of that of single seeds; mean square of the means ${withInterval(measured)}`,
        control: `single seeds ${withInterval(one!)}; correlated noise predicts a mean square of ${figure(expected)}, independent noise ${figure(variance / most)}`,
        verdict: stable && blurred ? 'holds' : stable ? 'partly' : 'fails',
        because: `The means of ${most} grow the picture with ${figure(many!.mean / one!.mean, 2)} times the error of single seeds and ${blurred ? 'less' : 'no less'} detail; they shrink as seeds of correlation ${figure(correlation, 2)} must, to the mean square rho + (1 - rho) / K.`,
        values: {
          single: one!.mean,
          averaged: many!.mean,
          detail,
          measured: measured.mean,
          expected,
          correlation,
        },
      });
      const some = SHOWN.filter(k => k <= most);
      const at = (all: readonly Tensor<'float32'>[]) => some.map(k => all[k - 1]);
      const errors = errorsAgainst(grown, image);
      pictures.push({
        kind: 'sheet',
        file: `fig13-${subject}`,
        caption: `Means of more and more seeds of one picture, and what they grow, with the squared error (${title}).`,
        title: `Averages of seeds, ${title}`,
        rows: [
          {
            label: 'mean of so many seeds',
            pictures: [undefined, ...at(seedPictures(model, means))],
            captions: [undefined, ...some.map(String)],
          },
          {
            label: 'original, and what they grow',
            pictures: [unstack(image)[0], ...at(unstack(grown))],
            captions: [undefined, ...some.map(k => figure(errors[k - 1]!, 2))],
          },
        ],
      });
    }
    return { claims, pictures };
  },
};

function meanOf(latent: Tensor<'float32'>, from: number, to: number): Tensor<'float32'> {
  return combinations([new Array(to - from).fill(1 / (to - from))], rows(latent, from, to));
}
