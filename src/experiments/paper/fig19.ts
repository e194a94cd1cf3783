import type { Denoiser } from '../../diffusion/info.ts';
import { seedPictures } from '../../diffusion/pictures.ts';
import { interpolateSeeds, SEED_PATHS } from '../../latent/interpolation.ts';
import { nearestDistances } from '../../quality/neighbours.ts';
import { pixelFigures } from '../../quality/samples.ts';
import { average, meanSquares } from '../../tensor/statistics.ts';
import { concatRows, type Floats, float32, rows, unstack } from '../../tensor/tensor.ts';
import {
  below,
  type Claim,
  figure,
  judged,
  ratioOfMeans,
  type Sampled,
  type SheetPicture,
  sampled,
  withInterval,
  worded,
} from './claims.ts';
import { experiment, find, grow, type Lab, readPictures } from './lab.ts';
import { reconstruct } from './measure/reconstruction.ts';

const STEPS = [0, 1 / 6, 1 / 3, 1 / 2, 2 / 3, 5 / 6, 1];
/** Training images among which the nearest to a midpoint is sought. */
const GALLERY = 4000;
/** Pairs shown. */
const SHOWN = 2;

/** From one picture to another: pixels, seeds, grown pictures (Asperti et al. 2023, fig. 19). */
export const fig19 = experiment({
  name: 'fig19',
  title: 'interpolation: pixels, seeds, and what they grow',
  needs: ['fashion-mnist', 'data:fashion-mnist'],
  async measure(lab) {
    const model = await lab.denoiser('fashion-mnist');
    const pairs = Math.max(SHOWN, Math.round(lab.sizes.sample / 4));
    const images = await readPictures(await lab.data('fashion-mnist', 'test'), 0, 2 * pairs);
    const { latent } = await find(lab, model, images);
    const train = await lab.data('fashion-mnist', 'train');
    const gallery = await readPictures(train, 0, Math.min(GALLERY, train.length));
    const each = (of: (i: number) => Floats) => concatRows(Array.from({ length: pairs }, (_, i) => of(i)));
    const middles = {
      pixels: each(i => mix(ends(images, i), 0.5)),
      lerp: await grow(
        lab,
        model,
        each(i => interpolateSeeds(...ends(latent, i), 0.5, 'lerp')),
      ),
      slerp: await grow(
        lab,
        model,
        each(i => interpolateSeeds(...ends(latent, i), 0.5, 'slerp')),
      ),
    };
    const strange = (pictures: Floats) => nearestDistances(pictures, gallery).map(d => d ** 2);
    const own = strange(images);
    // Washed-out pictures lie near to all others: middles are brought to the contrast of their ends.
    const between = (pictures: Floats) => strange(withContrast(pictures, images));
    const [byPixels, byLerp, bySlerp] = [middles.pixels, middles.lerp, middles.slerp].map(between);
    const relative = (values: readonly number[]) => ratioOfMeans(values, own, lab.rng);
    const nearer = ratioOfMeans(bySlerp!, byPixels!, lab.rng, true);
    const norms = SEED_PATHS.map(way =>
      sampled(meanSquares(each(i => interpolateSeeds(...ends(latent, i), 0.5, way))), lab.rng),
    );
    // Superposition: how well a weighted sum of both ends explains the middle.
    const superposed = sampled(superposition(images, middles.slerp), lab.rng);
    const chance = sampled(superposition(images, middles.slerp, 1), lab.rng);
    const superposedLerp = sampled(superposition(images, middles.lerp), lab.rng);
    const embedded = lab.has('fashion-mnist-embedder')
      ? await reconstruct(lab, model, await lab.embedder('fashion-mnist-embedder'), images)
      : undefined;
    const byEmbedder =
      embedded &&
      (await grow(
        lab,
        model,
        each(i => interpolateSeeds(...ends(embedded.latent, i), 0.5, 'lerp')),
      ));
    const embedder = byEmbedder && {
      superposed: sampled(superposition(images, byEmbedder), lab.rng),
      relative: relative(between(byEmbedder)),
    };
    return {
      numbers: {
        ...{ superposed, superposedLerp, embedder, chance, norms, nearer },
        relativePixels: relative(byPixels!),
        relativeLerp: relative(byLerp!),
        relativeSlerp: relative(bySlerp!),
        count: gallery.shape[0]!,
      },
      sheets: [
        {
          file: 'fig19',
          caption:
            'Between two test pictures: pixels, seeds, and what the seeds grow, along the chord (lerp) and the arc (slerp).',
          title: 'From one picture to another',
          rows: await sheetRows(lab, model, images, latent, Math.min(SHOWN, pairs)),
        },
      ],
    };
  },
  report: numbers => ({
    claims: [
      arcClaim(numbers),
      ...(numbers.embedder ? [embedderClaim(numbers.embedder, numbers)] : []),
      realisticClaim(numbers),
    ],
  }),
});

/** What was measured of the middles between pairs of pictures. */
interface Middles {
  /** How much of a middle along the arc a weighted sum of its ends explains, along the chord, and that of another pair's ends. */
  readonly superposed: Sampled;
  readonly superposedLerp: Sampled;
  readonly chance: Sampled;
  /** The same of the chord between the embedder's seeds, and its distance to training pictures. */
  readonly embedder: { readonly superposed: Sampled; readonly relative: Sampled } | undefined;
  /** Mean squares of middles along {@link SEED_PATHS}. */
  readonly norms: readonly Sampled[];
  /** Squared distances to the nearest training picture, relative to real pictures, and the arc's to that of pixels. */
  readonly relativePixels: Sampled;
  readonly relativeLerp: Sampled;
  readonly relativeSlerp: Sampled;
  readonly nearer: Sampled;
  /** Training pictures among which the nearest is sought. */
  readonly count: number;
}

/** Half way between what unrelated ends explain and a superposition, which is 1. */
const middleOf = ({ chance }: Pick<Middles, 'chance'>) => (1 + chance.mean) / 2;

function arcClaim(found: Middles): Claim {
  const { superposed, superposedLerp, chance, norms } = found;
  const own = below(superposed, middleOf(found));
  return judged({
    number: superposed,
    against: chance,
    paper:
      'What grows midway between two seeds is no superposition of the two pictures (inverted seeds, along the arc).',
    ours: `a weighted sum of both ends explains ${withInterval(superposed)} of the middle along the arc, ${withInterval(superposedLerp)} along the chord`,
    control: `of the middle between pixels it explains 1 by definition, of another pair's middle ${withInterval(chance)}`,
    numbersSay: own,
    because: `The two ends explain ${withInterval(superposed, 2)} of what grows midway, unrelated ones ${figure(chance.mean, 2)}: ${worded(own, { holds: 'it is nearer to a picture of its own', fails: 'it is nearer to a superposition', open: 'which it is nearer to, a picture of its own or a superposition, cannot be told' })}; the chord's middle has a mean square of ${figure(norms[1]!.mean, 2)}, the arc's ${figure(norms[0]!.mean, 2)}.`,
    values: { superposed, superposedLerp, chance, normLerp: norms[1]!, normSlerp: norms[0]! },
  });
}

function embedderClaim({ superposed }: NonNullable<Middles['embedder']>, found: Middles): Claim {
  const own = below(superposed, middleOf(found));
  return judged({
    number: superposed,
    against: found.chance,
    paper:
      "What grows midway between two seeds is no superposition of the two pictures (an embedding network's seeds, along the chord, as in the paper).",
    ours: `a weighted sum of both ends explains ${withInterval(superposed)} of the middle`,
    control: `of another pair's middle, along the arc, ${withInterval(found.chance)}`,
    numbersSay: own,
    because: `The two ends explain ${withInterval(superposed, 2)} of what grows midway: ${worded(own, { holds: 'it is nearer to a picture of its own', fails: 'it is nearer to a superposition', open: 'which it is nearer to, a picture of its own or a superposition, cannot be told' })}.`,
    values: { superposedEmbedder: superposed },
  });
}

function realisticClaim(found: Middles): Claim {
  const { nearer, relativePixels, relativeLerp, relativeSlerp, embedder, count } = found;
  const natural = below(nearer, 1);
  return judged({
    number: relativeSlerp,
    against: relativePixels,
    rests: [nearer],
    paper: 'Midway between seeds lie pictures that are more realistic than midway between pixels.',
    ours: `squared distance to the nearest of ${count} training images, brought to the contrast of its ends and relative to real pictures: arc ${withInterval(relativeSlerp)}, chord ${withInterval(relativeLerp)}${embedder ? `, chord of the embedder's seeds ${withInterval(embedder.relative)}` : ''}`,
    control: `the pixels' middle ${withInterval(relativePixels)}; the arc's is ${withInterval(nearer)} of it`,
    numbersSay: natural,
    because: worded(natural, {
      holds: `Midway along the arc grow pictures that are nearer to training images than averages of pixels, by ${withInterval(nearer, 2)} of their distance.`,
      fails:
        'Midway along the arc grow pictures that are no nearer to training images than averages of pixels.',
      open: 'Whether pictures midway along the arc are nearer to training images than averages of pixels cannot be told.',
    }),
    values: {
      ...{ pixels: relativePixels, lerp: relativeLerp, slerp: relativeSlerp },
      ...(embedder && { embedder: embedder.relative }),
    },
  });
}

/** The two ends of pair i. */
function ends(all: Floats, i: number): readonly [Floats, Floats] {
  return [rows(all, 2 * i, 2 * i + 1), rows(all, 2 * i + 1, 2 * i + 2)];
}

/** Pictures, one of each pair of ends, each scaled to the mean variance of its two ends; black stays black. */
export function withContrast(pictures: Floats, images: Floats): Floats {
  return concatRows(
    Array.from({ length: pictures.shape[0]! }, (_, i) => {
      const picture = rows(pictures, i, i + 1);
      const { variance } = pixelFigures(picture);
      const wanted = average(ends(images, i).map(end => pixelFigures(end).variance));
      const scale = variance > 0 ? Math.sqrt(wanted / variance) : 1;
      return float32(
        picture.shape,
        picture.data.map(value => scale * value),
      );
    }),
  );
}

function mix([a, b]: readonly [Floats, Floats], t: number): Floats {
  return float32(
    a.shape,
    a.data.map((value, i) => (1 - t) * value + t * b.data[i]!),
  );
}

/** Of each pair, the pixels between, and the seeds between with what they grow. */
async function sheetRows(
  lab: Lab,
  model: Denoiser,
  images: Floats,
  latent: Floats,
  pairs: number,
): Promise<SheetPicture['rows']> {
  const sheet: SheetPicture['rows'][number][] = [];
  for (let i = 0; i < pairs; i++) {
    const along = (way: 'lerp' | 'slerp') =>
      concatRows(STEPS.map(t => interpolateSeeds(...ends(latent, i), t, way)));
    sheet.push({
      label: 'pixels',
      pictures: STEPS.map(t => unstack(mix(ends(images, i), t))[0]),
      apart: i > 0,
    });
    for (const way of ['lerp', 'slerp'] as const)
      sheet.push(
        { label: `seeds, ${way}`, pictures: seedPictures(model, along(way)) },
        { label: `grown, ${way}`, pictures: unstack(await grow(lab, model, along(way))) },
      );
  }
  return sheet;
}

/** Of each middle, the share of its mean square that the best a x + b y of its ends explains, or of those so many pairs on. */
function superposition(images: Floats, grown: Floats, on = 0): number[] {
  return unstack(grown).map((middle, i) => {
    const [x, y] = ends(images, (i + on) % grown.shape[0]!);
    const dot = (a: Floats, b: Floats) => a.data.reduce((sum, value, at) => sum + value * b.data[at]!, 0);
    const [xx, yy, xy] = [dot(x, x), dot(y, y), dot(x, y)];
    const [xm, ym, mm] = [dot(x, middle), dot(y, middle), dot(middle, middle)];
    const det = xx * yy - xy * xy;
    if (!(det > 0 && mm > 0)) return 1;
    const [a, b] = [(yy * xm - xy * ym) / det, (xx * ym - xy * xm) / det];
    return (a * xm + b * ym) / mm;
  });
}
