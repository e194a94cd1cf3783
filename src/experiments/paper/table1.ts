import { picturesSeen } from '../../diffusion/info.ts';
import { countParameters } from '../../nn/networks.ts';
import { meanSquaredErrors } from '../../tensor/statistics.ts';
import { rows } from '../../tensor/tensor.ts';
import { below, type Claim, judged, type Table, together, type Verdict, worded } from './claims.ts';
import { experiment, find, grow, randomSeeds, readPictures } from './lab.ts';
import { figure, ratioOfMeans, type Sampled, sampled, withInterval } from './means.ts';
import { CONTENDERS, parametersFor } from './measure/embedders.ts';
import { reconstruct } from './measure/reconstruction.ts';

/** Five embedding networks over the test set (Asperti et al. 2023, table 1). */
export const table1 = experiment({
  name: 'table1',
  title: 'five embedding networks, mean squared error',
  needs: ['fashion-mnist', 'embedder-unet', 'data:fashion-mnist'],
  async measure(lab) {
    const model = await lab.denoiser('fashion-mnist');
    const test = await lab.data('fashion-mnist', 'test');
    const images = await readPictures(test, 0, Math.min(lab.sizes.table, test.length));
    const there = CONTENDERS.filter(contender => lab.has(contender.model));
    const results: { error: Sampled; weights: number; seen: number; errors: readonly number[] }[] = [];
    for (const contender of there) {
      const embedder = await lab.embedder(contender.model);
      const { errors } = await reconstruct(lab, model, embedder, images);
      const { weights } = countParameters(embedder.graph);
      const seen = picturesSeen(embedder.info) ?? 0;
      results.push({ error: sampled(errors, lab.rng), weights, seen, errors });
    }
    const some = rows(images, 0, Math.min(lab.sizes.sample, images.shape[0]!));
    const random = await grow(lab, model, randomSeeds(lab, model, some.shape[0]!, 'table1'));
    const chance = sampled(meanSquaredErrors(random, some), lab.rng);
    const inverted = sampled(
      (await find(lab, model, some)).results.map(({ mse }) => mse),
      lab.rng,
    );
    const over = (a: number, b: number) =>
      ratioOfMeans(results.at(a)!.errors, results.at(b)!.errors, lab.rng, true);
    const names = there.map(({ model: name }) => name);
    return {
      numbers: {
        networks: results.map(({ error, weights, seen }, i) => ({ name: names[i]!, error, weights, seen })),
        /** Errors over those of the network before, and those of the last over those of each other. */
        ratios: {
          before: results.slice(1).map((_, i) => over(i + 1, i)),
          best: results.slice(0, -1).map((_, i) => over(-1, i)),
        },
        ...{ chance, inverted, count: images.shape[0]! },
      },
    };
  },
  report: numbers => ({
    claims: [deeperClaim(numbers), unetClaim(numbers), countsClaim()],
    tables: [tableOf(numbers)],
    notes: [
      'Of each network there is one training, so that claims about their kinds stay open. The table ranks what they had learned from the pictures that they have seen, each at a learning rate of its own. The paper counts the first network with three output channels and the U-Net with three of both.',
    ],
  }),
});

interface Numbers {
  readonly networks: readonly {
    readonly name: string;
    readonly error: Sampled;
    readonly weights: number;
    readonly seen: number;
  }[];
  readonly ratios: { readonly before: readonly Sampled[]; readonly best: readonly Sampled[] };
  readonly chance: Sampled;
  readonly inverted: Sampled;
  readonly count: number;
}

const contenderOf = (name: string) => CONTENDERS.find(({ model }) => model === name)!;

/** Whether networks can be compared at all: there are two, which have seen as many pictures. */
function comparable(networks: Numbers['networks']): Verdict {
  return networks.length > 1 && networks.every(({ seen }) => seen === networks[0]!.seen) ? 'holds' : 'open';
}

/** Why not, in words. */
function uncompared(networks: Numbers['networks']): string {
  return networks.length > 1
    ? `the networks have seen different numbers of pictures (${networks.map(({ seen }) => seen.toLocaleString('en')).join(', ')})`
    : 'only one of the five networks was at hand';
}

function deeperClaim({ networks, ratios, chance, inverted }: Numbers): Claim {
  const steps = ratios.before.slice(0, -1);
  const compared = comparable(networks);
  const deeper = compared === 'holds' ? together(...steps.map(step => below(step, 1))) : compared;
  const titles = networks.map(({ name }) => contenderOf(name).title);
  return judged({
    number: networks.at(-2)?.error ?? networks[0]!.error,
    against: networks[0]!.error,
    rests: steps,
    n: 1,
    paper: `Deeper and wider convolutions embed better (Fashion-MNIST: ${networks
      .slice(0, -1)
      .map(({ name }) => figure(contenderOf(name).error))
      .join(', ')}).`,
    ours: networks.map(({ error }, i) => `${titles[i]} ${withInterval(error)}`).join(', '),
    control: `random seeds ${withInterval(chance)}; split inversion, without an embedder, ${withInterval(inverted)}`,
    asked: 'an error below that of the network before, for each',
    numbersSay: steps.length > 0 ? deeper : 'open',
    because:
      compared === 'open'
        ? `There is no order to speak of, as ${uncompared(networks)}.`
        : `From one to the next the error goes to ${steps.map(step => withInterval(step, 2)).join(', ')} of what it was.`,
    values: {
      ...Object.fromEntries(networks.map(({ name, error }) => [name, error])),
      ...{ chance, inverted },
    },
  });
}

function unetClaim({ networks, ratios, inverted }: Numbers): Claim {
  const best = networks.at(-1)!;
  const compared = comparable(networks);
  const first = compared === 'holds' ? together(...ratios.best.map(ratio => below(ratio, 1))) : compared;
  return judged({
    number: best.error,
    against: networks.at(-2)?.error ?? best.error,
    rests: ratios.best,
    n: 1,
    paper: `A U-Net embeds best (Fashion-MNIST: ${figure(contenderOf(best.name).error)}).`,
    ours: `${contenderOf(best.name).title} ${withInterval(best.error)}; in parts of the errors of the others, simplest first, ${ratios.best.map(ratio => withInterval(ratio)).join(', ')}`,
    control: `split inversion, without an embedder, ${withInterval(inverted)}`,
    asked: 'an error below that of each other',
    numbersSay: first,
    because:
      compared === 'open'
        ? `There is no best, as ${uncompared(networks)}.`
        : `${worded(first, { holds: 'The U-Net is the best', fails: 'The U-Net is not the best', open: 'Whether the U-Net is the best cannot be told' })}; from the simplest to it the error falls by a factor of ${figure(networks[0]!.error.mean / best.error.mean, 2)} (the paper's: ${figure(contenderOf(networks[0]!.name).error / contenderOf(best.name).error, 2)}).`,
    values: { [best.name]: best.error },
  });
}

function tableOf({ networks, count }: Numbers): Table {
  const best = networks.at(-1)!;
  return {
    title: `Embedding networks on ${count} test images of Fashion-MNIST`,
    columns: [
      'network',
      'weights here',
      "the paper's",
      'pictures seen',
      'squared error here',
      "the paper's",
      'relative to the U-Net',
      "the paper's",
    ],
    rows: networks.map(({ name, error, weights, seen }) => {
      const { title, parameters, error: theirs } = contenderOf(name);
      return [
        title,
        weights.toLocaleString('en'),
        parameters.toLocaleString('en'),
        seen.toLocaleString('en'),
        withInterval(error),
        figure(theirs),
        figure(error.mean / best.error.mean, 2),
        figure(theirs / contenderOf(best.name).error, 2),
      ];
    }),
  };
}

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
    asked: 'all counts; in part, some',
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
