import { prepare } from '../../../diffusion/batches.ts';
import { type Denoiser, picturesSeen } from '../../../diffusion/info.ts';
import { toPixels } from '../../../diffusion/pictures.ts';
import { SeedbedError } from '../../../errors.ts';
import { compareGrown, type GrownComparison } from '../../../latent/comparison.ts';
import { type PrincipalComponents, principalComponents } from '../../../latent/pca.ts';
import { LEARNED } from '../../../quality/levels.ts';
import { wienerPictures } from '../../../quality/linear.ts';
import { average, percentiles, timesDrawn } from '../../../tensor/statistics.ts';
import type { Floats } from '../../../tensor/tensor.ts';
import { below, less, orInPart, type Verdict } from '../claims.ts';
import { grow, type Lab, randomSeeds, readPictures, type Subject } from '../lab.ts';
import { figure, LEAST, type Sampled } from '../means.ts';

/** Images that the networks of each pair `mnist-small-Na` and `-Nb` learned from, and where the second half begins. */
export const TRAINED_ON = [30, 300, 3000, 27_500];
export const SECOND = 27_500;
/** Fewer are learned by heart, which is the point of those networks, and no gate lets them pass. */
const BY_HEART = 3000;

/** The network that learned the first or second so many images of MNIST; `b-as-a`, the second with the random numbers of the first's. */
export const halfName = (size: number, half: 'a' | 'b' | 'b-as-a') => `mnist-small-${size}${half}`;

/** The first trainings of both halves of a size. */
export const pairOf = (size: number) => [halfName(size, 'a'), halfName(size, 'b')] as const;

/** The networks whose gates a claim rests on that compares halves: those apart that learned theirs by heart. */
export function gatedHalves(halves: readonly { size: number; names: readonly string[] }[]): string[] {
  return halves.filter(({ size }) => size >= BY_HEART).flatMap(({ names }) => names);
}

/** Trainings of one network that are told apart by their names, at most. */
const MOST = 19;
/** Times that trainings are drawn anew for an interval. */
const RESAMPLES = 2000;

/** A denoiser and what it grows from the seeds that all its siblings are given. */
export interface Grown {
  readonly name: string;
  readonly model: Denoiser;
  readonly latent: Floats;
  /** [n, C, H, W] in [0,1]. */
  readonly pictures: Floats;
}

/**
 * The same random seeds grown by each of the models, one after the other.
 * @throws {SeedbedError} Mismatch where they differ in what is none of architecture, data and chance.
 */
export async function growSiblings(lab: Lab, names: readonly string[], count: number): Promise<Grown[]> {
  const grown: Grown[] = [];
  for (const name of names) {
    const model = await lab.denoiser(name);
    if (grown[0]) requireAlike(grown[0], { name, model });
    const latent = randomSeeds(lab, model, count, 'siblings');
    grown.push({ name, model, latent, pictures: await grow(lab, model, latent) });
  }
  return grown;
}

/** What networks have in common whose architecture, data or chance are compared. */
const ALIKE: Readonly<Record<string, (info: Denoiser['info']) => unknown>> = {
  'it predicts': info => info.predicts,
  'its schedule is': info => info.schedule,
  'its sampler is': info => info.sampler,
  'pictures that it has seen:': picturesSeen,
};

/** @throws {SeedbedError} Mismatch where two networks were brought up, or are sampled, in different ways. */
export function requireAlike(one: Pick<Grown, 'name' | 'model'>, other: Pick<Grown, 'name' | 'model'>): void {
  for (const [what, of] of Object.entries(ALIKE)) {
    const [here, there] = [one, other].map(({ model }) => JSON.stringify(of(model.info)));
    if (here !== there)
      throw new SeedbedError(
        'Mismatch',
        `${one.name} and ${other.name} cannot be compared, as they differ in more than one thing: of the first ${what} ${here}, of the second ${there}. Train both alike`,
      );
  }
}

/** The configuration of a training, and its random number seed: `mnist-small-2` is the second training of `mnist-small`. */
export function trainingOf(name: string): { readonly config: string; readonly rng: number } {
  const [, config = name, which = 1] = /^(.+)-([2-9]|1\d)$/.exec(name) ?? [];
  // The second of two halves has other random numbers than the first, too.
  return { config, rng: 2 * (Number(which) - 1) + (/\db$/.test(config) ? 1 : 0) };
}

/** The name of a network's training, from 1: what {@link trainingOf} reads. */
export function trainingName(name: string, which: number): string {
  return which === 1 ? name : `${name}-${which}`;
}

/** What a network of the reproduction is, by its name. */
export function kindOf(name: string): 'embedder' | 'denoiser' {
  return name.includes('embedder') ? 'embedder' : 'denoiser';
}

/** The same by all trainings of one network that are at hand: `name`, and with other random numbers `name-2`, `name-3` and so on. */
export function growTrainings(lab: Lab, name: string, count: number): Promise<Grown[]> {
  const names = Array.from({ length: MOST }, (_, i) => trainingName(name, i + 1));
  const missing = names.findIndex(one => !lab.has(one));
  return growSiblings(lab, missing < 0 ? names : names.slice(0, missing), count);
}

/** How similar pictures are, with the number of independent things behind it. */
type SiblingComparison = GrownComparison & { readonly ratio: Sampled };

/** How similar two siblings' pictures are, see {@link compareGrown}: over many seeds of one pair of trainings. */
export function compareSiblings(a: Pick<Grown, 'pictures'>, b: Pick<Grown, 'pictures'>): SiblingComparison {
  const found = compareGrown(a.pictures, b.pictures);
  return { ...found, ratio: { ...found.ratio, n: 1, points: a.pictures.shape[0]! } };
}

/** Whether two trainings had the same random numbers, by their names: start, order of the pictures and noise. */
export function shareChance(a: string, b: string): boolean {
  return trainingOf(a).rng === trainingOf(b).rng;
}

/** A pair of trainings, and of which drawn things each is one. */
interface Pair {
  readonly i: number;
  readonly j: number;
  readonly pair: SiblingComparison & { readonly a: string; readonly b: string };
}

const pairOfTrainings = (a: Grown, b: Grown): Pair['pair'] => ({
  ...{ a: a.name, b: b.name },
  ...compareSiblings(a, b),
});

/**
 * The same over all pairs of trainings, one of each of two networks or two of one.
 * @param counts which pairs count, by the names of the two; all unless given.
 */
export function compareTrainings(
  lab: Lab,
  some: readonly Grown[],
  others: readonly Grown[] = some,
  counts: (a: string, b: string) => boolean = () => true,
) {
  if (some[0] && others[0]) requireAlike(some[0], others[0]);
  const pairs = some.flatMap((a, i) =>
    others.flatMap((b, j) =>
      (some !== others || i < j) && counts(a.name, b.name) ? [{ i, j, pair: pairOfTrainings(a, b) }] : [],
    ),
  );
  return some === others
    ? overPairs(lab, pairs, some.length - 1, some.length)
    : overPairs(lab, pairs, Math.min(some.length, others.length), some.length, others.length);
}

/** The same over all pairs of trainings of different networks. Networks are what is independent, however often each was trained. */
export function compareNetworks(lab: Lab, networks: readonly (readonly Grown[])[]) {
  for (const [one] of networks) requireAlike(networks[0]![0]!, one!);
  const pairs = networks.flatMap((some, i) =>
    networks.flatMap((others, j) =>
      i < j ? some.flatMap(a => others.map(b => ({ i, j, pair: pairOfTrainings(a, b) }))) : [],
    ),
  );
  return overPairs(lab, pairs, networks.length - 1, networks.length);
}

/**
 * Means over pairs of `left` things, or of one of `left` and one of `right` things, which are what is independent: the interval is
 * from drawing these anew where `n` are enough, and otherwise the range of the pairs' own.
 */
function overPairs(lab: Lab, compared: readonly Pair[], n: number, left: number, right?: number) {
  const pairs = compared.map(({ pair }) => pair);
  const stream = { seed: lab.rng, purpose: 'trainings' };
  const meanOf = (round: number): number => {
    const drawn = timesDrawn(stream, left, round);
    const others = right === undefined ? drawn : timesDrawn(stream, right, round, 1);
    const weights = compared.map(({ i, j }) => drawn[i]! * others[j]!);
    const sum = pairs.reduce((total, { ratio }, k) => total + weights[k]! * ratio.mean, 0);
    return sum / weights.reduce((a, b) => a + b);
  };
  const range = () =>
    n < LEAST
      ? {
          low: Math.min(...pairs.map(({ ratio }) => ratio.low)),
          high: Math.max(...pairs.map(({ ratio }) => ratio.high)),
        }
      : percentiles(
          Array.from({ length: RESAMPLES }, (_, round) => meanOf(round))
            .filter(mean => !Number.isNaN(mean))
            .sort((a, b) => a - b),
          n,
        );
  const points = pairs.reduce((sum, { ratio }) => sum + ratio.points!, 0);
  const over = (value: (pair: Pair['pair']) => number) => average(pairs.map(value));
  const ratio: Sampled = { mean: over(({ ratio: own }) => own.mean), ...range(), n, points };
  return { same: over(({ same }) => same), different: over(({ different }) => different), ratio, pairs };
}

/** "Two to three orders of magnitude smaller." */
const SAME = 0.01;
export const SAME_ASKED = `a ratio below ${figure(SAME, 1)}; in part, below the linear model's`;

/** Results are the same where the same seed's pictures are two orders nearer than different ones, in part where nearer than a linear model's. */
export function sameResults(ratio: Sampled, linear: Sampled): Verdict {
  return orInPart(below(ratio, SAME), less(ratio, linear));
}

/** What the linear model of a subject grows from a network's seeds: it knows mean and covariance of training images, and no more. */
export interface LinearSibling extends Pick<Grown, 'pictures'> {
  readonly moments: PrincipalComponents;
}

/** The linear model, of pictures as a network is shown them. */
export async function linearSibling(
  lab: Lab,
  subject: Subject,
  { model, latent }: Grown,
): Promise<LinearSibling> {
  const data = await lab.data(subject, 'train');
  const images = await readPictures(data, 0, Math.min(LEARNED, data.length));
  const moments = principalComponents(prepare(images, model.info.padding, model.info.range));
  return { moments, ...pixelsOf(model, wienerPictures(model, moments, latent)) };
}

/** The ratio of networks to the linear model, for the same seeds: their mean, and range. */
export function besideLinear(grown: readonly Grown[], linear: LinearSibling): Sampled {
  const ratios = grown.map(one => compareSiblings(one, linear).ratio.mean);
  return { mean: average(ratios), low: Math.min(...ratios), high: Math.max(...ratios), n: grown.length };
}

/** Pictures of standardised rows, as those of a sibling. */
export function pixelsOf({ info }: Denoiser, x0: Floats): Pick<Grown, 'pictures'> {
  return { pictures: toPixels(x0, info) };
}
