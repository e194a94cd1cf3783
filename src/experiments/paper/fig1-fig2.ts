import { prepare } from '../../diffusion/batches.ts';
import { combine } from '../../tensor/rowwise.ts';
import { average, correlation, meanSquaredErrors, meanSquares } from '../../tensor/statistics.ts';
import { type Floats, rows, takeRows, unstack } from '../../tensor/tensor.ts';
import { above, below, type Claim, judged, less, together, worded } from './claims.ts';
import { experiment, grow, type Lab, randomSeeds, readPictures } from './lab.ts';
import { figure, ratioOfMeans, resampled, type Sampled, sampled, times, withInterval } from './means.ts';

/** A picture that grows another which is this part as far away as a random one does not grow itself. */
const APART = 0.1;
/** The signal rate of a weak picture: the greatest of the paper's. */
const WEAK = 0.08;

/** The picture itself as a seed (Asperti et al. 2023, fig. 1). */
export const fig1 = experiment({
  name: 'fig1',
  title: 'the picture itself as a seed',
  needs: ['fashion-mnist', 'data:fashion-mnist'],
  async measure(lab) {
    const model = await lab.denoiser('fashion-mnist');
    const images = await readPictures(await lab.data('fashion-mnist', 'test'), 0, lab.sizes.sample);
    const seeds = prepare(images, model.info.padding, model.info.range);
    const grown = await grow(lab, model, seeds);
    const own = sampled(meanSquaredErrors(grown, images), lab.rng);
    const random = await grow(lab, model, randomSeeds(lab, model, images.shape[0]!, 'fig1'));
    const chance = sampled(meanSquaredErrors(random, images), lab.rng);
    const order = Array.from({ length: images.shape[0]! }, (_, i) => (i + 1) % images.shape[0]!);
    const pairs = sampled(meanSquaredErrors(takeRows(images, order), images), lab.rng);
    const variance = sampled(meanSquares(seeds), lab.rng);
    const fainter = meanSquaredErrors(await grow(lab, model, combine([WEAK, seeds])), images);
    const shown = Math.min(lab.sizes.shown, images.shape[0]!);
    return {
      numbers: {
        ...{ own, chance, pairs, variance, weak: sampled(fainter, lab.rng) },
        weaker: ratioOfMeans(fainter, meanSquaredErrors(grown, images), lab.rng, true),
      },
      sheets: [
        {
          file: 'fig1',
          caption: 'Test pictures of Fashion-MNIST, and what grows from them used as seeds.',
          title: 'The picture itself as a seed',
          rows: [
            { label: 'picture, as a seed', pictures: unstack(rows(images, 0, shown)) },
            { label: 'what it grows', pictures: unstack(rows(grown, 0, shown)) },
          ],
        },
      ],
    };
  },
  report: numbers => ({ claims: [noSeedClaim(numbers), tooStrongClaim(numbers)] }),
});

interface Itself {
  readonly own: Sampled;
  readonly chance: Sampled;
  readonly pairs: Sampled;
  readonly variance: Sampled;
  /** What the picture made weaker grows, and its error in parts of that of the picture as it is. */
  readonly weak: Sampled;
  readonly weaker: Sampled;
}

function noSeedClaim({ own, chance, pairs, variance }: Itself): Claim {
  const none = above(own, APART * Math.min(chance.mean, pairs.mean));
  const likely = variance.low < 1.2 && variance.high > 0.8;
  return judged({
    number: own,
    against: chance,
    rests: [pairs, variance],
    paper: 'A picture does not belong to its own seeds.',
    ours: `the pictures grown from pictures miss them by ${withInterval(own)}; as seeds they have variance ${withInterval(variance)}`,
    control: `random seeds miss them by ${withInterval(chance)}, another test picture by ${withInterval(pairs)}`,
    asked: `more than ${figure(APART, 1)} of the lesser of these`,
    numbersSay: none,
    because: `What a picture grows is ${figure(own.mean / pairs.mean, 2)} times as far from it as another test picture is${worded(none, { holds: ', so it is no seed of itself', fails: ', so it is a seed of itself, nearly', open: '' })}; its variance as a seed ${likely ? 'is about that of noise' : `is ${figure(variance.mean, 2)} times that of noise`}.`,
    values: { own, chance, pairs, variance },
  });
}

function tooStrongClaim({ own, weak, weaker }: Itself): Claim {
  const stronger = below(weaker, 1);
  return judged({
    number: own,
    against: weak,
    rests: [weaker],
    paper: 'Used as a seed, the signal of a picture is far too strong.',
    ours: `squared error ${withInterval(own)} of what a picture grows`,
    control: `made weaker, ${figure(WEAK, 1)} of it, it grows one with ${withInterval(weak)}: ${withInterval(weaker)} of that`,
    asked: 'less of an error than the picture as it is',
    numbersSay: stronger,
    because: worded(stronger, {
      holds: `${figure(WEAK, 1)} of the picture grows one that is nearer to it, at ${withInterval(weaker, 2)} of the error.`,
      fails: 'Made weaker the picture grows nothing that is nearer to it.',
      open: `Whether ${figure(WEAK, 1)} of the picture grows one that is nearer to it, at ${withInterval(weaker, 2)} of the error, cannot be told.`,
    }),
    values: { weak, weaker },
  });
}

/** Signal rates, as in the paper. */
const RATES = [0.02, 0.04, 0.06, WEAK];
/** Squares over which a picture's coarse form is averaged, in a row. */
const COARSE = 4;

/** What a signal rate comes to. */
interface Weak {
  readonly rate: number;
  readonly grown: Floats;
  readonly error: Sampled;
  /** Correlation of the coarse form with that of the picture, and of the next one, and by how much the first is more. */
  readonly form: Sampled;
  readonly other: Sampled;
  readonly more: Sampled;
  /** Correlation of the mean brightness with that of the pictures, and of the next ones, and by how much the first is more. */
  readonly light: Sampled;
  readonly otherLight: Sampled;
  readonly brighter: Sampled;
}

/** A weak version of the picture as a seed (Asperti et al. 2023, fig. 2). */
export const fig2 = experiment({
  name: 'fig2',
  title: 'a weak version of the picture as a seed',
  needs: ['fashion-mnist', 'data:fashion-mnist'],
  async measure(lab) {
    const model = await lab.denoiser('fashion-mnist');
    const images = await readPictures(await lab.data('fashion-mnist', 'test'), 0, lab.sizes.sample);
    const count = images.shape[0]!;
    const next = takeRows(
      images,
      Array.from({ length: count }, (_, i) => (i + 1) % count),
    );
    const pairs = sampled(meanSquaredErrors(next, images), lab.rng);
    const x = prepare(images, model.info.padding, model.info.range);
    const tried: Weak[] = [];
    for (const rate of RATES) {
      const grown = await grow(lab, model, combine([rate, x]));
      const [form, other] = [likeness(grown, images), likeness(grown, next)];
      tried.push({
        rate,
        grown,
        error: sampled(meanSquaredErrors(grown, images), lab.rng),
        form: sampled(form, lab.rng),
        other: sampled(other, lab.rng),
        more: sampled(
          form.map((value, i) => value - other[i]!),
          lab.rng,
        ),
        ...brightnesses(lab, grown, images, next),
      });
    }
    const shown = Math.min(lab.sizes.shown, count);
    return {
      numbers: { tried: tried.map(({ grown: _, ...numbers }) => numbers), pairs },
      sheets: [
        {
          file: 'fig2',
          caption:
            'Test pictures of Fashion-MNIST, and what grows from them made weaker by the rates at the left.',
          title: 'Weak pictures as seeds',
          rows: [
            { label: 'picture', pictures: unstack(rows(images, 0, shown)) },
            ...tried.map(({ rate, grown }) => ({
              label: `signal rate ${figure(rate, 1)}`,
              pictures: unstack(rows(grown, 0, shown)),
            })),
          ],
        },
      ],
    };
  },
  report: numbers => ({ claims: [aspectsClaim(numbers), lostClaim(numbers)] }),
});

/** More than half of a picture's variance is lost where the error is above this part of the distance of two pictures, which is twice the variance. */
const HALF_LOST = 0.25;

interface Weakened {
  readonly tried: readonly Omit<Weak, 'grown'>[];
  readonly pairs: Sampled;
}

const bestOf = ({ tried }: Weakened) => tried.reduce((a, b) => (b.error.mean < a.error.mean ? b : a));
const eachOf = ({ tried }: Weakened, of: (weak: Omit<Weak, 'grown'>) => Sampled) =>
  tried.map(weak => `${withInterval(of(weak))} at ${figure(weak.rate, 1)}`).join(', ');

function aspectsClaim(found: Weakened): Claim {
  const best = bestOf(found);
  const rates = found.tried.filter(({ more }) => above(more, 0) === 'holds');
  const atBest = together(above(best.more, 0), above(best.brighter, 0));
  const kept = atBest === 'holds' && rates.length < found.tried.length ? 'partly' : atBest;
  return judged({
    number: best.form,
    against: best.other,
    rests: [best.more, best.brighter],
    paper: 'Weak pictures as seeds (signal rate .02 to .08) roughly preserve macroscopic aspects.',
    ours: `coarse form correlates with the picture's by ${eachOf(found, ({ form }) => form)}, by ${eachOf(found, ({ more }) => more)} more than with another's; brightness by ${eachOf(found, ({ light }) => light)}`,
    control: `coarse form correlates with another picture's by ${eachOf(found, ({ other }) => other)}, brightness by ${eachOf(found, ({ otherLight }) => otherLight)}`,
    asked:
      'that both correlate more with the picture than with another at the best rate; in part, not at every rate',
    numbersSay: kept,
    because: `At the best rate (${figure(best.rate, 1)}) brightness ${above(best.brighter, 0) === 'holds' ? 'follows' : 'does not clearly follow'} the picture, and coarse form ${above(best.more, 0) === 'holds' ? 'does' : 'does not clearly'}; form follows it more than chance at ${rates.length} of ${found.tried.length} rates.`,
    values: Object.fromEntries(
      found.tried.flatMap(({ rate, form, other, more, light, otherLight }) => [
        [`form.${rate}`, form],
        [`other.${rate}`, other],
        [`more.${rate}`, more],
        [`light.${rate}`, light],
        [`otherLight.${rate}`, otherLight],
      ]),
    ),
  });
}

function lostClaim(found: Weakened): Claim {
  const { tried, pairs } = found;
  const best = bestOf(found);
  const lost = less(times(pairs, HALF_LOST), best.error);
  return judged({
    number: best.error,
    against: pairs,
    paper: 'Of weak pictures as seeds most of the information is not embedded.',
    ours: `squared error ${eachOf(found, ({ error }) => error)}`,
    control: `another test picture has ${withInterval(pairs)}`,
    asked: `more than ${figure(HALF_LOST)} of the distance of two pictures, which is twice their variance`,
    numbersSay: lost,
    because: `At best (rate ${figure(best.rate, 1)}) the error is ${figure(best.error.mean / pairs.mean, 2)} of that of an unrelated picture${worded(lost, { holds: ': scaling is no embedding', fails: ': scaling embeds half of the picture and more', open: ', about where half of the picture is lost' })}.`,
    values: Object.fromEntries(tried.map(({ rate, error }) => [`error.${rate}`, error])),
  });
}

/** How the mean brightness of pictures correlates with that of their originals, and with that of others. */
function brightnesses(lab: Lab, grown: Floats, images: Floats, next: Floats) {
  const [own, of, others] = [grown, images, next].map(pictures =>
    unstack(pictures).map(({ data }) => average(Array.from(data))),
  );
  const alike = (others: readonly number[], drawn: readonly number[]) =>
    correlation(
      drawn.map(i => own![i]!),
      drawn.map(i => others[i]!),
    );
  const over = (statistic: (drawn: readonly number[]) => number) =>
    resampled([own!.length], ([drawn]) => statistic(drawn!), lab.rng);
  return {
    light: over(drawn => alike(of!, drawn)),
    otherLight: over(drawn => alike(others!, drawn)),
    brighter: over(drawn => alike(of!, drawn) - alike(others!, drawn)),
  };
}

/** Correlations of pictures with others, averaged over coarse squares. */
function likeness(a: Floats, b: Floats): number[] {
  const others = unstack(b);
  return unstack(a).map((picture, i) => correlation(coarse(picture), coarse(others[i]!)));
}

function coarse({ shape, data }: Floats): Float64Array {
  const [channels = 0, height = 0, width = 0] = shape;
  const sums = new Float64Array(channels * COARSE ** 2);
  for (let i = 0; i < data.length; i++) {
    const [c, y, x] = [Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width];
    sums[(c * COARSE + Math.floor((y * COARSE) / height)) * COARSE + Math.floor((x * COARSE) / width)]! +=
      data[i]!;
  }
  return sums;
}
