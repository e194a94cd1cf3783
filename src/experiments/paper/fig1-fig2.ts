import { prepare } from '../../diffusion/batches.ts';
import { average, correlation, meanSquaredErrors, meanSquares } from '../../tensor/statistics.ts';
import { type Floats, float32, rows, takeRows, unstack } from '../../tensor/tensor.ts';
import { figure, judged, type Sampled, sampled, withInterval } from './claims.ts';
import { experiment, grow, randomSeeds, readPictures } from './lab.ts';

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
    const shown = Math.min(lab.sizes.shown, images.shape[0]!);
    return {
      numbers: { own, chance, pairs, variance },
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
  report({ own, chance, pairs, variance }) {
    const fails = own.low > 0.5 * Math.min(chance.mean, pairs.mean);
    const likely = variance.low < 1.2 && variance.high > 0.8;
    return {
      claims: [
        judged({
          number: own,
          against: chance,
          rests: [pairs, variance],
          paper: 'A picture does not belong to its own seeds: used as one, its signal is far too strong.',
          ours: `the pictures grown from pictures miss them by ${withInterval(own)}; as seeds they have variance ${withInterval(variance)}`,
          control: `random seeds miss them by ${withInterval(chance)}, another test picture by ${withInterval(pairs)}`,
          numbersSay: fails ? 'holds' : own.low > 0.1 * chance.mean ? 'partly' : 'fails',
          because: `What a picture grows is ${figure(own.mean / pairs.mean, 2)} times as far from it as another test picture is${fails ? ', so it is no seed of itself' : ', nearer than by chance'}; its variance as a seed ${likely ? 'is about that of noise, so not its size sets it apart from a seed' : `is ${figure(variance.mean, 2)} times that of noise`}.`,
          values: { own, chance, pairs, variance },
        }),
      ],
    };
  },
});

/** Signal rates, as in the paper. */
const RATES = [0.02, 0.04, 0.06, 0.08];
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
      const grown = await grow(
        lab,
        model,
        float32(
          x.shape,
          x.data.map(value => rate * value),
        ),
      );
      const [form, other] = [likeness(grown, images), likeness(grown, next)];
      const [light, otherLight] = [images, next].map(of => covarying(brightness(grown), brightness(of)));
      const less = (a: readonly number[], b: readonly number[]) =>
        sampled(
          a.map((value, i) => value - b[i]!),
          lab.rng,
        );
      tried.push({
        rate,
        grown,
        error: sampled(meanSquaredErrors(grown, images), lab.rng),
        form: sampled(form, lab.rng),
        other: sampled(other, lab.rng),
        more: less(form, other),
        light: sampled(light!, lab.rng),
        otherLight: sampled(otherLight!, lab.rng),
        brighter: less(light!, otherLight!),
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
  report({ tried, pairs }) {
    const best = tried.reduce((a, b) => (b.error.mean < a.error.mean ? b : a));
    const kept = tried.every(({ more }) => more.low > 0);
    const some = tried.some(({ more }) => more.low > 0);
    const lit = tried.every(({ brighter }) => brighter.low > 0);
    const lost = best.error.low > 0.1 * pairs.mean;
    const each = (of: (weak: (typeof tried)[number]) => Sampled) =>
      tried.map(weak => `${withInterval(of(weak))} at ${figure(weak.rate, 1)}`).join(', ');
    return {
      claims: [
        judged({
          number: best.error,
          against: pairs,
          rests: [best.more, best.brighter],
          paper:
            'Weak pictures as seeds (signal rate .02 to .08) roughly preserve macroscopic aspects, but most of the information is not embedded.',
          ours: `squared error ${each(({ error }) => error)}; coarse form correlates with the picture's by ${each(({ form }) => form)}, and by ${each(({ more }) => more)} more than with another's; brightness by ${each(({ light }) => light)}`,
          control: `another test picture has error ${withInterval(pairs)}; coarse form correlates with another picture's by ${each(({ other }) => other)}, brightness by ${each(({ otherLight }) => otherLight)}`,
          numbersSay: kept && lit && lost ? 'holds' : some || lit ? 'partly' : 'fails',
          because: `Brightness ${lit ? 'follows' : 'does not follow'} the picture; ${kept ? 'at every rate the coarse form follows the picture more than chance' : some ? 'at some rates the coarse form follows the picture more than chance' : 'not even the coarse form follows the picture'}, and at best (rate ${figure(best.rate, 1)}) the error is ${figure(best.error.mean / pairs.mean, 2)} of that of an unrelated picture: ${lost ? 'scaling is no embedding' : 'scaling embeds most of the picture'}.`,
          values: Object.fromEntries(
            tried.flatMap(({ rate, error, form, other, more, light, otherLight }) => [
              [`error.${rate}`, error.mean],
              [`form.${rate}`, form.mean],
              [`other.${rate}`, other.mean],
              [`more.${rate}`, more.mean],
              [`light.${rate}`, light.mean],
              [`otherLight.${rate}`, otherLight.mean],
            ]),
          ),
        }),
      ],
    };
  },
});

/** The mean of each picture. */
function brightness(images: Floats): number[] {
  return unstack(images).map(({ data }) => average(Array.from(data)));
}

/** Of each pair of values what it lends to their correlation, which is the mean of these. */
function covarying(a: readonly number[], b: readonly number[]): number[] {
  const standard = (values: readonly number[]) => {
    const middle = average(values);
    const deviation = Math.sqrt(average(values.map(value => (value - middle) ** 2)));
    return values.map(value => (deviation > 0 ? (value - middle) / deviation : 0));
  };
  const [u, v] = [standard(a), standard(b)];
  return u!.map((value, i) => value * v![i]!);
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
