import { countParameters } from '../../nn/networks.ts';
import { meanSquaredErrors } from '../../tensor/statistics.ts';
import { rows } from '../../tensor/tensor.ts';
import { type Claim, figure, judged, ratioOfMeans, type Sampled, sampled, withInterval } from './claims.ts';
import { experiment, find, grow, randomSeeds, readPictures } from './lab.ts';
import { CONTENDERS, parametersFor } from './measure/embedders.ts';
import { reconstruct } from './measure/reconstruction.ts';

/** Five embedding networks over the test set (Asperti et al. 2023, table 1). */
export const table1 = experiment({
  name: 'table1',
  title: 'five embedding networks, mean squared error',
  needs: ['fashion-mnist', 'fashion-mnist-embedder', 'data:fashion-mnist'],
  async measure(lab) {
    const model = await lab.denoiser('fashion-mnist');
    const test = await lab.data('fashion-mnist', 'test');
    const images = await readPictures(test, 0, Math.min(lab.sizes.table, test.length));
    const there = CONTENDERS.filter(contender => lab.has(contender.model));
    const results: { error: Sampled; weights: number; errors: readonly number[] }[] = [];
    for (const contender of there) {
      const embedder = await lab.embedder(contender.model);
      const { errors } = await reconstruct(lab, model, embedder, images);
      const { weights } = countParameters(embedder.graph);
      results.push({ error: sampled(errors, lab.rng), weights, errors });
    }
    const some = rows(images, 0, Math.min(lab.sizes.sample, images.shape[0]!));
    const random = await grow(lab, model, randomSeeds(lab, model, some.shape[0]!, 'table1'));
    const chance = sampled(meanSquaredErrors(random, some), lab.rng);
    const inverted = sampled(
      (await find(lab, model, some)).results.map(({ mse }) => mse),
      lab.rng,
    );
    const better = (a: number, b: number) =>
      ratioOfMeans(results.at(a)!.errors, results.at(b)!.errors, lab.rng, true).high < 1;
    const names = there.map(({ model: name }) => name);
    return {
      numbers: {
        networks: results.map(({ error, weights }, i) => ({ name: names[i]!, error, weights })),
        better: {
          before: results.map((_, i) => i === 0 || better(i, i - 1)),
          best: results.slice(0, -1).map((_, i) => better(-1, i)),
        },
        ...{ chance, inverted, count: images.shape[0]! },
      },
    };
  },
  report({ networks: results, better, chance, inverted, count }) {
    const there = results.map(({ name }) => CONTENDERS.find(({ model }) => model === name)!);
    const compared = results.length > 1;
    const ordered = better.before.every(Boolean);
    const [simplest, best] = [results[0]!, results.at(-1)!];
    const unetBest = better.best.every(Boolean);
    const paper = (i: number) => figure(there[i]!.error);
    return {
      claims: [
        judged({
          number: best.error,
          against: simplest.error,
          rests: results.map(({ error }) => error),
          paper: `Deeper and wider embedding networks reconstruct better, and a U-Net best (Fashion-MNIST: ${there.map((_, i) => paper(i)).join(', ')}).`,
          ours: `${there.map(({ title }, i) => `${title} ${withInterval(results[i]!.error)}`).join(', ')}`,
          control: `random seeds ${withInterval(chance)}; split inversion, without an embedder, ${withInterval(inverted)}`,
          numbersSay: !compared ? 'open' : ordered ? 'holds' : unetBest ? 'partly' : 'fails',
          because: !compared
            ? 'Only one of the five networks was at hand, so there is no order to speak of.'
            : `${ordered ? "The order of the networks is the paper's" : unetBest ? 'The U-Net is the best, but the order of the others is not the paper’s' : 'The U-Net is not the best'}; from the simplest to the best the error falls by a factor of ${figure(simplest.error.mean / best.error.mean, 2)} (the paper's: ${figure(there[0]!.error / there.at(-1)!.error, 2)}), of one training each${there.length < CONTENDERS.length ? `; ${there.length} of the five networks were at hand` : ''}.`,
          values: Object.fromEntries([
            ...there.map(({ model: name }, i): [string, number] => [name, results[i]!.error.mean]),
            ['chance', chance.mean],
            ['inverted', inverted.mean],
          ]),
        }),
        countsClaim(),
      ],
      tables: [
        {
          title: `Embedding networks on ${count} test images of Fashion-MNIST`,
          columns: [
            'network',
            'weights here',
            "the paper's",
            'squared error here',
            "the paper's",
            'relative to the U-Net',
            "the paper's",
          ],
          rows: there.map(({ title, parameters, error }, i) => [
            title,
            results[i]!.weights.toLocaleString('en'),
            parameters.toLocaleString('en'),
            withInterval(results[i]!.error),
            figure(error),
            figure(results[i]!.error.mean / best.error.mean, 2),
            figure(error / there.at(-1)!.error, 2),
          ]),
        },
      ],
      notes: [
        'Of each network there is one training; the table of models says how many pictures each has seen. The paper counts the first network with three output channels and the U-Net with three of both.',
      ],
    };
  },
});

/** The counts of parameters that the paper gives, compared with those of the networks built for one channel and for three. */
function countsClaim(): Claim {
  const counts = CONTENDERS.map(contender => ({
    ...contender,
    one: parametersFor(contender, 1),
    three: parametersFor(contender, 3),
  }));
  const colour = counts.filter(({ parameters, three }) => parameters === three);
  const grey = counts.filter(({ parameters, one }) => parameters === one);
  const number = (value: number) => value.toLocaleString('en');
  return judged({
    models: [],
    number: colour.length,
    against: grey.length,
    paper: `The numbers of parameters (${counts.map(({ parameters }) => number(parameters)).join('; ')}) are those of the networks for CelebA, whose pictures have three channels.`,
    ours: `built for three channels: ${counts.map(({ three }) => number(three)).join('; ')}`,
    control: `built for one channel: ${counts.map(({ one }) => number(one)).join('; ')}`,
    numbersSay: colour.length === counts.length ? 'holds' : colour.length > 0 ? 'partly' : 'fails',
    because: `${colour.length} of the ${counts.length} counts are those of three channels, ${grey.length} those of one.`,
    values: Object.fromEntries(
      counts.flatMap(({ model, one, three }) => [
        [`${model}.1`, one],
        [`${model}.3`, three],
      ]),
    ),
  });
}
