import type { Denoiser } from '../../diffusion/info.ts';
import { seedPictures } from '../../diffusion/pictures.ts';
import { interpolateSeeds, SEED_PATHS } from '../../latent/interpolation.ts';
import { nearestDistances } from '../../quality/neighbours.ts';
import { pixelFigures } from '../../quality/samples.ts';
import { average, meanSquares } from '../../tensor/statistics.ts';
import { concatRows, type Floats, float32, rows, unstack } from '../../tensor/tensor.ts';
import { figure, judged, ratioOfMeans, type SheetPicture, sampled, withInterval } from './claims.ts';
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
    const superposedEmbedder = byEmbedder && sampled(superposition(images, byEmbedder), lab.rng);
    const relativeEmbedder = byEmbedder && relative(between(byEmbedder));
    return {
      numbers: {
        ...{ superposed, superposedLerp, superposedEmbedder, relativeEmbedder, chance, norms, pairs, nearer },
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
  report({
    superposed,
    superposedLerp,
    superposedEmbedder,
    relativeEmbedder,
    chance,
    norms,
    relativePixels,
    relativeLerp,
    relativeSlerp,
    nearer,
    pairs,
    count,
  }) {
    // The paper's own seeds are an embedding network's.
    const better = superposed.high < 0.9 && (superposedEmbedder?.high ?? 0) < 0.9;
    const some = superposed.high < 0.9;
    const natural = nearer.high < 1;
    return {
      claims: [
        judged({
          number: superposed,
          against: chance,
          rests: [nearer, ...(superposedEmbedder ? [superposedEmbedder] : [])],
          paper:
            'Interpolation between pixels superposes the pictures; between seeds it gives a smooth transition of realistic ones.',
          ours: `a weighted sum of both ends explains ${withInterval(superposed)} of the middle along the arc, ${withInterval(superposedLerp)} along the chord; squared distance to the nearest of ${count} training images, brought to the contrast of its ends and relative to real pictures: arc ${withInterval(relativeSlerp)}, chord ${withInterval(relativeLerp)}${superposedEmbedder && relativeEmbedder ? `; along the chord of the embedder's seeds ${withInterval(superposedEmbedder)} and ${withInterval(relativeEmbedder)}` : ''}`,
          control: `of the middle between pixels it explains 1 by definition, of another pair's middle ${withInterval(chance)}; the pixels' middle has distance ${withInterval(relativePixels)}, the arc's ${withInterval(nearer)} of it`,
          numbersSay: better && natural ? 'holds' : some ? 'partly' : superposed.low < 0.9 ? 'open' : 'fails',
          because: some
            ? `Midway between seeds grows a picture of its own, of which the two ends explain ${figure(superposed.mean, 2)}, unrelated ones ${figure(chance.mean, 2)}${natural ? '' : ', but no nearer to the training images than the average of the pixels'}${superposedEmbedder && !better ? `; between the embedder's seeds it is a superposition for the most part (${figure(superposedEmbedder.mean, 2)})` : ''}; the chord's middle has a mean square of ${figure(norms[1]!.mean, 2)}, the arc's ${figure(norms[0]!.mean, 2)}.`
            : superposed.low < 0.9
              ? `Both ends explain ${figure(superposed.mean, 2)} of what grows midway, unrelated ones ${figure(chance.mean, 2)}: over ${pairs} pairs it cannot be told whether that is more than a superposition.`
              : 'Midway between seeds grows little else than the superposition of both ends.',
          values: {
            superposed: superposed.mean,
            superposedLerp: superposedLerp.mean,
            chance: chance.mean,
            ...(superposedEmbedder &&
              relativeEmbedder && {
                superposedEmbedder: superposedEmbedder.mean,
                embedder: relativeEmbedder.mean,
              }),
            pixels: relativePixels.mean,
            lerp: relativeLerp.mean,
            slerp: relativeSlerp.mean,
            normLerp: norms[1]!.mean,
            normSlerp: norms[0]!.mean,
          },
        }),
      ],
    };
  },
});

/** The two ends of pair i. */
function ends(all: Floats, i: number): readonly [Floats, Floats] {
  return [rows(all, 2 * i, 2 * i + 1), rows(all, 2 * i + 1, 2 * i + 2)];
}

/** Pictures, one of each pair of ends, each scaled about its mean to the mean variance of its two ends. */
export function withContrast(pictures: Floats, images: Floats): Floats {
  return concatRows(
    Array.from({ length: pictures.shape[0]! }, (_, i) => {
      const picture = rows(pictures, i, i + 1);
      const { mean, variance } = pixelFigures(picture);
      const wanted = average(ends(images, i).map(end => pixelFigures(end).variance));
      const scale = variance > 0 ? Math.sqrt(wanted / variance) : 1;
      return float32(
        picture.shape,
        picture.data.map(value => mean + scale * (value - mean)),
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
