import type { Denoiser } from '../../diffusion/info.ts';
import { seedPictures } from '../../diffusion/pictures.ts';
import { interpolateSeeds, SEED_PATHS } from '../../latent/interpolation.ts';
import { nearestDistances, nearestRows } from '../../quality/neighbours.ts';
import { pixelFigures } from '../../quality/samples.ts';
import { average, meanSquares } from '../../tensor/statistics.ts';
import { concatRows, type Floats, float32, rows, takeRows, unstack } from '../../tensor/tensor.ts';
import { above, below, type Claim, judged, type SheetPicture, worded } from './claims.ts';
import { experiment, find, grow, type Lab, readPictures } from './lab.ts';
import { figure, ratioOfMeans, type Sampled, sampled, withInterval } from './means.ts';
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
    const pairs = Math.max(SHOWN, Math.round(lab.sizes.sample / 2));
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
    // Beside as much of the real picture that is nearest: ends that are alike explain what lies between them, a superposition or not.
    const superposed = (grown: Floats) => {
      const left = unexplained(images, grown);
      const real = unexplained(images, takeRows(gallery, nearestRows(grown, gallery)));
      return {
        left: sampled(left, lab.rng),
        real: sampled(real, lab.rng),
        ratio: ratioOfMeans(left, real, lab.rng, true),
      };
    };
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
      superposed: superposed(byEmbedder),
      relative: relative(between(byEmbedder)),
      nearer: ratioOfMeans(between(byEmbedder), byPixels!, lab.rng, true),
    };
    return {
      numbers: {
        ...{ embedder, norms, nearer },
        superposed: superposed(middles.slerp),
        superposedLerp: superposed(middles.lerp),
        relativePixels: relative(byPixels!),
        relativeLerp: relative(byLerp!),
        relativeSlerp: relative(bySlerp!),
        count: gallery.shape[0]!,
      },
      sheets: [
        {
          file: 'fig19',
          caption:
            "Between two test pictures: pixels, seeds, and what the seeds grow, along the chord (lerp) and the arc (slerp), and along the chord between the embedder's seeds.",
          title: 'From one picture to another',
          rows: await sheetRows(
            lab,
            model,
            images,
            { latent, embedded: embedded?.latent },
            Math.min(SHOWN, pairs),
          ),
        },
      ],
    };
  },
  report: numbers => ({
    claims: [
      arcClaim(numbers),
      ...(numbers.embedder ? [embedderClaim(numbers.embedder)] : []),
      realisticClaim(numbers),
      ...(numbers.embedder ? [realisticEmbedderClaim(numbers.embedder, numbers)] : []),
    ],
  }),
});

/** What no weighted sum of their ends explains of middles, and of the real pictures nearest to them; the ratio is 0 of superpositions, 1 of pictures of their own. */
interface Superposed {
  readonly left: Sampled;
  readonly real: Sampled;
  readonly ratio: Sampled;
}

/** What was measured of the middles between pairs of pictures. */
interface Middles {
  /** Of middles along the arc, and along the chord. */
  readonly superposed: Superposed;
  readonly superposedLerp: Superposed;
  /** The same of the chord between the embedder's seeds, and its distance to training pictures. */
  readonly embedder:
    | { readonly superposed: Superposed; readonly relative: Sampled; readonly nearer: Sampled }
    | undefined;
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

/** Half way between a superposition and a picture of its own. */
const HALF = 0.5;

function arcClaim({ superposed, superposedLerp, norms }: Middles): Claim {
  return superpositionClaim(superposed, {
    where: 'inverted seeds, along the arc',
    beside: `; along the chord ${withInterval(superposedLerp.left)} and ${withInterval(superposedLerp.real)}`,
    because: `; the chord's middle has a mean square of ${figure(norms[1]!.mean, 2)}, the arc's ${figure(norms[0]!.mean, 2)}`,
    values: {
      ...named('', superposed),
      ...named('Lerp', superposedLerp),
      normLerp: norms[1]!,
      normSlerp: norms[0]!,
    },
  });
}

function embedderClaim({ superposed }: NonNullable<Middles['embedder']>): Claim {
  return superpositionClaim(superposed, {
    where: "an embedding network's seeds, along the chord, as in the paper",
    beside: '',
    because: '',
    values: named('Embedder', superposed),
  });
}

function superpositionClaim(
  { left, real, ratio }: Superposed,
  more: {
    readonly where: string;
    readonly beside: string;
    readonly because: string;
    readonly values: Readonly<Record<string, Sampled>>;
  },
): Claim {
  const own = above(ratio, HALF);
  return judged({
    number: left,
    against: real,
    rests: [ratio],
    paper: `What grows midway between two seeds is no superposition of the two pictures (${more.where}).`,
    ours: `no weighted sum of both ends explains ${withInterval(left)} of the middle${more.beside}`,
    control: `of the middle between pixels it explains all; of the training images nearest to the middles it leaves ${withInterval(real)}`,
    asked: `more than ${figure(HALF, 1)} times as much as of real pictures`,
    numbersSay: own,
    because: `The two ends leave ${withInterval(ratio, 2)} times as much of what grows midway as they leave of real pictures like it: ${worded(own, { holds: 'it is a picture of its own, more than a superposition', fails: 'it is nearer to a superposition', open: 'which it is nearer to, a picture of its own or a superposition, cannot be told' })}${more.because}.`,
    values: more.values,
  });
}

function named(name: string, { left, real, ratio }: Superposed): Readonly<Record<string, Sampled>> {
  return { [`left${name}`]: left, [`real${name}`]: real, [`ratio${name}`]: ratio };
}

function realisticClaim(found: Middles): Claim {
  const { nearer, relativePixels, relativeLerp, relativeSlerp } = found;
  return nearerClaim(found, {
    where: 'inverted seeds, along the arc',
    relative: relativeSlerp,
    nearer,
    beside: `; along the chord ${withInterval(relativeLerp)}`,
    values: { pixels: relativePixels, lerp: relativeLerp, slerp: relativeSlerp },
  });
}

function realisticEmbedderClaim(
  { relative, nearer }: NonNullable<Middles['embedder']>,
  found: Middles,
): Claim {
  return nearerClaim(found, {
    where: "an embedding network's seeds, along the chord, as in the paper",
    ...{ relative, nearer, beside: '', values: { embedder: relative } },
  });
}

function nearerClaim(
  { relativePixels, relativeLerp, count }: Middles,
  more: {
    readonly where: string;
    readonly relative: Sampled;
    readonly nearer: Sampled;
    readonly beside: string;
    readonly values: Readonly<Record<string, Sampled>>;
  },
): Claim {
  const { relative, nearer } = more;
  const natural = below(nearer, 1);
  const smooth = below(relativeLerp, 1) === 'holds';
  return judged({
    number: relative,
    against: relativePixels,
    rests: [nearer],
    paper: `Midway between seeds lie pictures that are more realistic than midway between pixels (${more.where}).`,
    ours: `squared distance to the nearest of ${count} training images, brought to the contrast of its ends and relative to real pictures: ${withInterval(relative)}${more.beside}`,
    control: `the pixels' middle ${withInterval(relativePixels)}; the middle that grows is at ${withInterval(nearer)} of it`,
    asked:
      'a lesser distance than that of the middle between pixels; in part only, where the measure favours what is smooth',
    numbersSay: natural === 'holds' && smooth ? 'partly' : natural,
    because: `${worded(natural, {
      holds: `What grows midway lies at ${withInterval(nearer, 2)} of the squared distance of averages of pixels to training images.`,
      fails: 'What grows midway lies no nearer to training images than averages of pixels.',
      open: `Whether what grows midway lies nearer to training images than averages of pixels, at ${withInterval(nearer, 2)} of their squared distance, cannot be told.`,
    })}${smooth ? ' The measure favours what is smooth: middles along the chord lie nearer to training images than real pictures do.' : ''}`,
    values: more.values,
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
  seeds: { readonly latent: Floats; readonly embedded: Floats | undefined },
  pairs: number,
): Promise<SheetPicture['rows']> {
  const sheet: SheetPicture['rows'][number][] = [];
  for (let i = 0; i < pairs; i++) {
    const between = (latent: Floats, way: 'lerp' | 'slerp') =>
      concatRows(STEPS.map(t => interpolateSeeds(...ends(latent, i), t, way)));
    sheet.push({
      label: 'pixels',
      pictures: STEPS.map(t => unstack(mix(ends(images, i), t))[0]),
      apart: i > 0,
    });
    for (const way of ['lerp', 'slerp'] as const)
      sheet.push(
        { label: `seeds, ${way}`, pictures: seedPictures(model, between(seeds.latent, way)) },
        { label: `grown, ${way}`, pictures: unstack(await grow(lab, model, between(seeds.latent, way))) },
      );
    if (seeds.embedded)
      sheet.push({
        label: 'embedder, lerp',
        pictures: unstack(await grow(lab, model, between(seeds.embedded, 'lerp'))),
      });
  }
  return sheet;
}

/** Of each picture between two ends, the share of its mean square that the best a x + b y of the ends leaves. */
export function unexplained(images: Floats, between: Floats): number[] {
  return unstack(between).map((middle, i) => {
    const [x, y] = ends(images, i);
    const dot = (a: Floats, b: Floats) => a.data.reduce((sum, value, at) => sum + value * b.data[at]!, 0);
    const [xx, yy, xy] = [dot(x, x), dot(y, y), dot(x, y)];
    const [xm, ym, mm] = [dot(x, middle), dot(y, middle), dot(middle, middle)];
    const det = xx * yy - xy * xy;
    if (!(det > 0 && mm > 0)) return 0;
    const [a, b] = [(yy * xm - xy * ym) / det, (xx * ym - xy * xm) / det];
    return 1 - (a * xm + b * ym) / mm;
  });
}
