import { seedPictures } from '../../diffusion/pictures.ts';
import { cloudStatistics } from '../../latent/cloud.ts';
import { createPanel, type Panel } from '../../latent/gaussianity.ts';
import { summarise } from '../../latent/summary.ts';
import { bootstrapMean, meanSquares } from '../../tensor/statistics.ts';
import { rows, unstack } from '../../tensor/tensor.ts';
import { type Experiment, grow, randomSeeds, type SeedCloud, SUBJECTS, type Subject } from './lab.ts';
import { errorsAgainst, subjectsAt } from './measure/around.ts';
import type { Claim, Picture } from './report/findings.ts';
import { figure, percent, withInterval } from './report/wording.ts';

/** Seeds shown, as in the paper. */
const SHOWN = 5;

/** Different seeds of one picture (Asperti et al. 2023, fig. 11), by split inversion and by descent. */
export const fig11: Experiment = {
  name: 'fig11',
  title: 'different seeds of one picture, and what each grows',
  needs: ['fashion-mnist', 'data:fashion-mnist'],
  async run(lab) {
    const claims: Claim[] = [];
    const pictures: Picture[] = [];
    const compared: string[][] = [];
    const described = new Map<Subject, ReturnType<typeof describe>>();
    const far = new Map<Subject, number>();
    const describe = (title: string, method: string, cloud: SeedCloud, panel: Panel) => {
      const { distance, correlation, variance } = cloudStatistics(cloud.latent);
      const error = bootstrapMean(cloud.errors, lab.rng);
      const { rejected } = summarise(panel, panel.judge(cloud.latent));
      compared.push([
        title,
        method,
        String(cloud.latent.shape[0]),
        figure(cloud.evaluations, 4),
        withInterval(error),
        figure(variance),
        figure(correlation),
        figure(distance.rms),
        percent(rejected),
      ]);
      return { correlation, variance, rejected, error, apart: distance.rms };
    };
    for (const subject of subjectsAt(lab, ['fashion-mnist', 'mnist', 'cifar10'])) {
      const { title } = SUBJECTS[subject];
      const cloud = await lab.cloud(subject);
      const panel = createPanel(cloud.model.info.shape);
      const own = describe(title, 'auto', cloud, panel);
      described.set(subject, own);
      const { correlation, error: errors } = own;
      const random = errorsAgainst(
        await grow(lab, cloud.model, randomSeeds(lab, cloud.model, lab.sizes.sample, 'others')),
        cloud.image,
      );
      const others = bootstrapMean(random, lab.rng);
      far.set(subject, others.low);
      const holds = errors.high < others.low / 10 && correlation < 0.9;
      claims.push({
        paper: `One picture has many different seeds that all grow it (${title}).`,
        ours: `squared error ${withInterval(errors)} over ${cloud.errors.length} seeds whose coordinates correlate by ${figure(correlation)}`,
        control: `random seeds grow pictures at ${withInterval(others)}; one seed found again and again would correlate by 1`,
        verdict: holds ? 'holds' : errors.high < others.low ? 'partly' : 'fails',
        because: `The seeds grow the picture ${figure(others.mean / errors.mean, 2)} times nearer than random ones do, and share ${percent(correlation)} of their variance.`,
        values: { error: errors.mean, random: others.mean, correlation },
      });
      pictures.push(sheet(subject, cloud, 'auto'));
    }
    const [beside] = subjectsAt(lab, ['mnist']);
    if (beside) {
      const { title } = SUBJECTS[beside];
      const [descent, cloud] = [await lab.cloud(beside, 'descent'), await lab.cloud(beside)];
      const panel = createPanel(cloud.model.info.shape);
      const theirs = describe(
        title,
        `descent by \`${lab.sizes.descent.recipe}\`, ${lab.sizes.descent.iterations} iterations`,
        descent,
        panel,
      );
      const ours = described.get(beside)!;
      const [a, b] = [descent, cloud].map(c => bootstrapMean(meanSquares(c.latent), lab.rng));
      const differ = a!.high < b!.low || b!.high < a!.low;
      const grows = theirs.error.high < far.get(beside)! / 10;
      const shape = (one: typeof ours, squares: typeof a) =>
        `variance ${withInterval(squares!)}, correlation ${figure(one.correlation)}, distance per coordinate ${figure(one.apart)}, squared error ${withInterval(one.error)}, ${percent(one.rejected)} told from noise`;
      claims.push({
        paper: `Clouds are synthesised by gradient descent from random starts (section 5.1, ${title}).`,
        ours: `descent's ${descent.errors.length} seeds: ${shape(theirs, a)}, at ${figure(descent.evaluations, 4)} evaluations`,
        control: `split inversion's ${cloud.errors.length}: ${shape(ours, b)}, at ${figure(cloud.evaluations, 3)} evaluations`,
        verdict: grows ? (differ ? 'partly' : 'holds') : 'fails',
        because: `Descent ${grows ? 'finds seeds of the picture' : 'does not find seeds of the picture in so few iterations'}${differ ? ', but the method shapes the cloud' : ''}: its seeds have ${figure(a!.mean / b!.mean, 2)} times the variance of split inversion's, ${figure(theirs.apart / ours.apart, 2)} times the distance and ${figure(theirs.error.mean / ours.error.mean, 2)} times the error.`,
        values: {
          descentVariance: a!.mean,
          autoVariance: b!.mean,
          descentCorrelation: theirs.correlation,
          autoCorrelation: ours.correlation,
          descentError: theirs.error.mean,
          autoError: ours.error.mean,
          descentApart: theirs.apart,
          autoApart: ours.apart,
          descentRejected: theirs.rejected,
          autoRejected: ours.rejected,
        },
      });
      pictures.push(sheet(beside, descent, 'descent'));
    }
    return {
      claims,
      pictures,
      tables: [
        {
          title: 'Two ways to a cloud',
          columns: [
            '',
            'method',
            'seeds',
            'evaluations a seed',
            'squared error',
            'variance',
            'correlation',
            'distance per coordinate',
            'told from noise',
          ],
          rows: compared,
        },
      ],
      notes: [
        'Noise has variance 1, correlation 0, distance 1.41, and one in a hundred of its seeds is told from noise.',
      ],
    };
  },
};

function sheet(
  subject: Subject,
  { model, image, latent, pictures, errors }: SeedCloud,
  method: string,
): Picture {
  const { title } = SUBJECTS[subject];
  const count = Math.min(SHOWN, latent.shape[0]!);
  return {
    kind: 'sheet',
    file: `fig11-${subject}${method === 'descent' ? '-descent' : ''}`,
    caption: `A picture, ${count} of its seeds and what each grows, with the squared error (${title}, found by ${method}).`,
    title: `Seeds of one picture, ${title}, by ${method}`,
    rows: [
      { label: 'seeds', pictures: [undefined, ...seedPictures(model, rows(latent, 0, count))] },
      {
        label: 'original, and what they grow',
        pictures: [unstack(image)[0], ...unstack(rows(pictures, 0, count))],
        captions: [undefined, ...errors.slice(0, count).map(error => figure(error, 2))],
      },
    ],
  };
}
