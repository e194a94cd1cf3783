import { prepare } from '../../diffusion/batches.ts';
import { createEncoder } from '../../embedding/finders.ts';
import { meanSeed } from '../../latent/cloud.ts';
import { groupMeans } from '../../latent/combinations.ts';
import { symmetricEigen } from '../../tensor/eigen.ts';
import { average, correlation } from '../../tensor/statistics.ts';
import { type Floats, float32, rows, unstack } from '../../tensor/tensor.ts';
import { above, type Claim, judged, together, worded } from './claims.ts';
import {
  BATCH,
  experiment,
  type Lab,
  type Named,
  noiseFor,
  perCloud,
  perSubject,
  readPictures,
  type Subject,
} from './lab.ts';
import { figure, withInterval } from './means.ts';
import { commonShare } from './measure/common.ts';

/** Side of the paper's single convolution. */
const KERNEL = 5;
/** Roughly the seed is what explains more than this share of what seeds have in common. */
const HALF = 0.5;
/** Other pictures whose convolutions each mean seed is held against. */
const OTHERS = 4;

/** Whether a seed is its picture rescaled (Asperti et al. 2023, section 5.2: so on MNIST, not on CIFAR-10). */
export const rescaled = experiment({
  name: 'rescaled',
  title: 'is the seed the picture, rescaled?',
  needs: ['fashion-mnist', 'data:fashion-mnist'],
  measure: lab => perSubject(lab, subject => explained(lab, subject), ['mnist', 'fashion-mnist', 'cifar10']),
  report: subjects => ({
    claims: subjects.flatMap(subject => [scaledClaim(subject), convolvedClaim(subject)]),
    notes: [
      'Of the mean of K seeds a part is what is left of their own noise, (1 - rho) / K for seeds that correlate by rho, which no picture explains: shares are judged in parts of the rest.',
    ],
  }),
});

/** How much of the mean of its seeds a picture explains. */
async function explained(lab: Lab, subject: Subject) {
  const { pictures } = lab.sizes.clouds;
  const { model } = await lab.cloud(subject, 0);
  const { padding, range } = model.info;
  const data = await lab.data(subject, 'test');
  const x = prepare(await readPictures(data, 0, Math.min(data.length, pictures + OTHERS)), padding, range);
  const embeddings = subject === 'fashion-mnist' ? await embeddingsOf(lab, x) : undefined;
  const row = (of: Floats, i: number) => rows(of, i, i + 1);
  const fits = await lab.eachPicture(subject, pictures, async index =>
    fitOf(row(x, index), meanSeed((await lab.cloud(subject, index)).latent)),
  );
  const means = await perCloud(lab, subject, async cloud => {
    const own = row(x, cloud.index);
    const count = cloud.latent.shape[0]!;
    const mean = meanSeed(cloud.latent);
    const by = (others: readonly Floats[]) => average(others.map(other => convolutionFit(other, mean)));
    const quarters = unstack(groupMeans(cloud.latent, Math.floor(count / 4)));
    const others = fits.filter((_, i) => i !== cloud.index);
    const convolved = others.length > 0 ? explainedBy(kernelOf(others), fits[cloud.index]!) : Number.NaN;
    const ofItsOwn = by([own]);
    const foreign = by(Array.from({ length: OTHERS }, (_, i) => row(x, cloud.index + 1 + i)));
    const scaled = correlation(own.data, mean.data) ** 2;
    const common = commonShare(cloud.latent);
    return {
      ...{ convolved, ofItsOwn, foreign, lead: convolved - foreign, scaled, common },
      ofCommon: { scaled: scaled / common, convolved: convolved / common },
      quarters: average(quarters.map(part => convolutionFit(own, float32([1, ...part.shape], part.data)))),
      singles: average(unstack(cloud.latent).map(seed => correlation(own.data, seed.data) ** 2)),
      noise: convolutionFit(own, meanSeed(noiseFor(lab, cloud, count, 'rescaled'))),
      embedded: embeddings && convolutionFit(own, row(embeddings, cloud.index)),
    };
  });
  return { numbers: { subject, ...means } };
}

type Explained = Awaited<ReturnType<typeof explained>>['numbers'] & Named;

/** Of CIFAR-10 the paper says the opposite. */
const otherwise = (subject: Subject) => subject === 'cifar10';
const turned = { holds: 'fails', fails: 'holds', partly: 'partly', open: 'open' } as const;

function scaledClaim({ title, model, subject, scaled, singles, common, ofCommon }: Explained): Claim {
  const so = above(ofCommon.scaled, HALF);
  return judged({
    models: [model],
    number: scaled,
    against: common,
    rests: [ofCommon.scaled],
    paper: otherwise(subject)
      ? 'On CIFAR-10 the seed is not the picture times one factor.'
      : `The seed is roughly the picture times one factor (${title}${subject === 'mnist' ? '' : '; the paper says so of MNIST'}).`,
    ours: `share of the mean seed's variance that the picture explains by one factor ${withInterval(scaled)}, of single seeds ${withInterval(singles)}`,
    control: `what the seeds of a picture have in common is ${withInterval(common)} of their mean's variance: one factor explains ${withInterval(ofCommon.scaled)} of that`,
    asked: otherwise(subject)
      ? 'half of what the seeds have in common, or less'
      : 'more than half of what the seeds have in common',
    numbersSay: otherwise(subject) ? turned[so] : so,
    because: `One factor explains ${withInterval(ofCommon.scaled, 2)} of what the seeds have in common, of a single seed ${figure(singles.mean, 2)}.`,
    values: { scaled, single: singles, common },
  });
}

function convolvedClaim({ title, model, subject, embedded, ...shares }: Explained): Claim {
  const { convolved, ofItsOwn, quarters, noise, foreign, lead, ofCommon } = shares;
  const so = together(above(ofCommon.convolved, HALF), above(lead, 0));
  return judged({
    models: [model],
    number: convolved,
    against: foreign,
    rests: [ofCommon.convolved, lead],
    paper: otherwise(subject)
      ? `On CIFAR-10 the seed is not the picture after one ${KERNEL} x ${KERNEL} convolution.`
      : `One ${KERNEL} x ${KERNEL} convolution makes the seed from the picture, roughly (${title}).`,
    ours: `share of the mean seed's variance that the picture explains by a ${KERNEL} x ${KERNEL} convolution that the other pictures have taught ${withInterval(convolved)}, ${withInterval(ofCommon.convolved)} of what the seeds have in common; by one of its own ${withInterval(ofItsOwn)} (of the means of quarters of the cloud ${withInterval(quarters)}${embedded === undefined ? '' : `, of the embedder's seed ${withInterval(embedded)}`})`,
    control: `by the best convolution of another picture ${withInterval(foreign)}; of the mean of as many random seeds by the best of this picture ${withInterval(noise)}`,
    asked: otherwise(subject)
      ? 'half of what the seeds have in common, or less, or no more than another picture explains'
      : 'more than half of what the seeds have in common, and more than another picture explains',
    numbersSay: otherwise(subject) ? turned[so] : so,
    because: `A convolution of the picture explains ${withInterval(ofCommon.convolved, 2)} of what its seeds have in common${worded(so, { holds: '', fails: '', open: ', which cannot be told from half' })}; the best of another picture ${figure(foreign.mean, 2)} of the mean seed's variance, this one ${figure(convolved.mean, 2)}.`,
    values: { convolved, ofItsOwn, noise, foreign },
  });
}

/** The embedder's seeds of pictures, standardised, where there is an embedder. */
async function embeddingsOf(lab: Lab, pictures: Floats): Promise<Floats | undefined> {
  if (!lab.has('fashion-mnist-embedder')) return undefined;
  const encoder = await createEncoder(lab.runtime, await lab.embedder('fashion-mnist-embedder'), BATCH);
  return encoder.run(pictures).finally(() => encoder.dispose());
}

/** The share of z's variance that the best convolution of x with an offset explains, by least squares over all pixels; each channel by all channels. */
export function convolutionFit(x: Floats, z: Floats): number {
  const fit = fitOf(x, z);
  return explainedBy(kernelOf([fit]), fit);
}

/** What least squares asks of a picture x and a seed z: z is to be a convolution of x, each channel by all channels, and an offset. */
interface Fit {
  /** Weights of the kernel for one channel, its offset among them. */
  readonly taps: number;
  /** Products of what the kernel sees, [taps, taps]. */
  readonly gram: Float64Array;
  /** Of each channel of z: its products with what the kernel sees [taps], the sum of its squares, and that about its mean. */
  readonly channels: readonly {
    readonly products: Float64Array;
    readonly squares: number;
    readonly variance: number;
  }[];
}

function fitOf(x: Floats, z: Floats): Fit {
  const [, channels = 0, height = 0, width = 0] = x.shape;
  const reach = (KERNEL - 1) / 2;
  const taps = channels * KERNEL ** 2 + 1;
  const plane = height * width;
  const design = new Float64Array(plane * taps);
  for (let y = 0; y < height; y++)
    for (let at = 0; at < width; at++) {
      const row = (y * width + at) * taps;
      let tap = 0;
      for (let c = 0; c < channels; c++)
        for (let dy = -reach; dy <= reach; dy++)
          for (let dx = -reach; dx <= reach; dx++, tap++) {
            const [v, u] = [y + dy, at + dx];
            const inside = v >= 0 && v < height && u >= 0 && u < width;
            if (inside) design[row + tap] = x.data[(c * height + v) * width + u]!;
          }
      design[row + tap] = 1;
    }
  const gram = new Float64Array(taps * taps);
  for (let p = 0; p < plane; p++)
    for (let i = 0; i < taps; i++) {
      const value = design[p * taps + i]!;
      if (value !== 0) for (let j = 0; j < taps; j++) gram[i * taps + j]! += value * design[p * taps + j]!;
    }
  const of = Array.from({ length: channels }, (_, c) => {
    const target = z.data.subarray(c * plane, (c + 1) * plane);
    const mean = target.reduce((sum, value) => sum + value, 0) / plane;
    const products = new Float64Array(taps);
    let [squares, variance] = [0, 0];
    target.forEach((value, p) => {
      squares += value ** 2;
      variance += (value - mean) ** 2;
      for (let i = 0; i < taps; i++) products[i]! += design[p * taps + i]! * value;
    });
    return { products, squares, variance };
  });
  return { taps, gram, channels: of };
}

/** The kernel that is best for all of several pictures, [channels][taps]; what they do not tell of it is 0. */
function kernelOf(fits: readonly Fit[]): Float64Array[] {
  const { taps, channels } = fits[0]!;
  const sum = (of: (fit: Fit) => Float64Array) =>
    of(fits[0]!).map((_, i) => fits.reduce((total, fit) => total + of(fit)[i]!, 0));
  const { values, vectors } = symmetricEigen(
    sum(({ gram }) => gram),
    taps,
  );
  return channels.map((_, c) => {
    const products = sum(fit => fit.channels[c]!.products);
    const kernel = new Float64Array(taps);
    values.forEach((value, k) => {
      if (value <= 1e-9 * values[0]!) return;
      let along = 0;
      for (let i = 0; i < taps; i++) along += vectors[k * taps + i]! * products[i]!;
      for (let i = 0; i < taps; i++) kernel[i]! += (along / value) * vectors[k * taps + i]!;
    });
    return kernel;
  });
}

/** The share of a seed's variance that a kernel explains; below 0 where its mean explains more. */
function explainedBy(kernel: readonly Float64Array[], { taps, gram, channels }: Fit): number {
  let [left, total] = [0, 0];
  channels.forEach(({ products, squares, variance }, c) => {
    const weights = kernel[c]!;
    left += squares;
    total += variance;
    for (let i = 0; i < taps; i++) {
      let seen = 0;
      for (let j = 0; j < taps; j++) seen += gram[i * taps + j]! * weights[j]!;
      left += weights[i]! * (seen - 2 * products[i]!);
    }
  });
  return total > 0 ? 1 - left / total : 0;
}
