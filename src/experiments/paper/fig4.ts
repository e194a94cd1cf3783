import type { Denoiser } from '../../diffusion/info.ts';
import { seedPictures } from '../../diffusion/pictures.ts';
import { naturalness } from '../../latent/naturalness.ts';
import { strangeness } from '../../quality/strangeness.ts';
import { average, meanSquaredErrors } from '../../tensor/statistics.ts';
import { concatRows, type Floats, float32, rows, takeRows, unstack } from '../../tensor/tensor.ts';
import { below, type Claim, judged, less, orInPart, type SheetPicture, together, worded } from './claims.ts';
import { experiment, find, grow, type Lab, randomSeeds, readPictures } from './lab.ts';
import { figure, ratioOfMeans, sampled, withInterval } from './means.ts';

/** The dial between faithful (0) and natural (1), see {@link naturalness}. */
const DIAL = 0.7;
/** What comes back is close to the picture where it is nearer than this part of the distance of what random seeds grow. */
const CLOSE = 0.5;
/** And like the data where it is at most so many times as strange. */
const STRANGER = 2;
/** Foreign pictures of each kind that are shown. */
const SHOWN = 3;
/** Paintings and photographs, and how many of them are in work at once: the model of portraits is large. */
const PAINTINGS = 3;
const FACES = 1;
const FEW = 2;

/** Foreign pictures pulled into the data (Asperti et al. 2023, fig. 4: reification of portraits). */
export const fig4 = experiment({
  name: 'fig4',
  title: 'reification: foreign pictures pulled into the data',
  needs: ['fashion-mnist', 'data:fashion-mnist'],
  async measure(lab) {
    const numbers: Pulled[] = [];
    const sheets: SheetPicture[] = [];
    const model = await lab.denoiser('fashion-mnist');
    const each = Math.max(SHOWN, Math.round(lab.sizes.sample / 6));
    const garments = await readPictures(await lab.data('fashion-mnist', 'test'), 0, each);
    const foreign = [
      {
        kind: 'upside down',
        images: changed(garments, (image, i) => image.data[image.data.length - 1 - i]!),
      },
      { kind: 'negative', images: changed(garments, (image, i) => 1 - image.data[i]!) },
      ...(lab.has('data:mnist')
        ? [{ kind: 'digits', images: await readPictures(await lab.data('mnist', 'test'), 0, each) }]
        : []),
    ];
    const pulled = await reify(lab, model, concatRows(foreign.map(({ images }) => images)), 16);
    const known = await reify(lab, model, garments, 16);
    numbers.push(
      numbersOf(lab, model, 'Fashion-MNIST with foreign pictures', perGarment(pulled, each), known),
    );
    const shown = foreign.flatMap((_, k) => Array.from({ length: SHOWN }, (__, i) => k * each + i));
    sheets.push(sheet(model, 'fig4', 'Foreign pictures for a model of garments', pulled, shown));
    if (lab.has('anime64')) {
      const portraits = await lab.denoiser('anime64');
      const shape = portraits.info.shape;
      const [paintings, faces] = [
        await readPictures(await lab.data('paintings', 'test', shape), 0, PAINTINGS),
        await readPictures(await lab.data('faces', 'test', shape), 0, FACES),
      ];
      const embedded = await reify(lab, portraits, concatRows([paintings, faces]), FEW);
      numbers.push(
        numbersOf(
          lab,
          portraits,
          'a model of drawn faces with paintings and a photograph',
          embedded,
          undefined,
        ),
      );
      const all = Array.from({ length: PAINTINGS + FACES }, (_, i) => i);
      sheets.push(sheet(portraits, 'fig4-portraits', 'Portraits for a model of drawn faces', embedded, all));
    }
    return { numbers, sheets };
  },
  report(numbers) {
    return {
      claims: numbers.flatMap(one => [pulledClaim(one), closeClaim(one)]),
      notes: [
        `Pictures are embedded at naturalness ${DIAL} of \`seedbed edit\`: of the sampler's steps those next to the picture are drawn and not fitted, ${numbers.map(({ model, drawn, steps }) => `${drawn} of ${steps} with ${model}`).join(', ')}. Strangeness is the mean squared change that the denoiser makes to a picture noised at a low level.${numbers.length > 1 ? '' : ' The portraits were not tried: no model of them was named (--portraits).'}`,
      ],
    };
  },
});

/** Pictures before and after, their seeds, and how strange the denoiser finds them. */
interface Reified {
  readonly images: Floats;
  readonly latent: Floats;
  readonly grown: Floats;
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly moved: readonly number[];
  /** How far what random seeds grow is from the pictures. */
  readonly unrelated: readonly number[];
}

async function reify(lab: Lab, model: Denoiser, images: Floats, batch: number): Promise<Reified> {
  const { latent, pictures: grown } = await find(lab, model, images, {
    ...naturalness(DIAL, model),
    batch,
  });
  return {
    images,
    latent,
    grown,
    before: await strangeness(model, images, { ...lab, batch }),
    after: await strangeness(model, grown, { ...lab, batch }),
    moved: meanSquaredErrors(grown, images),
    unrelated: meanSquaredErrors(
      await grow(lab, model, randomSeeds(lab, model, images.shape[0]!, 'fig4'), batch),
      images,
    ),
  };
}

/** What is measured of the foreign pictures that stand for one garment, which are not independent: means over the kinds. */
function perGarment(pulled: Reified, each: number): Measured {
  const kinds = pulled.before.length / each;
  const means = (values: readonly number[]) =>
    Array.from({ length: each }, (_, i) =>
      average(Array.from({ length: kinds }, (__, k) => values[k * each + i]!)),
    );
  const { before, after, moved, unrelated } = pulled;
  return {
    before: means(before),
    after: means(after),
    moved: means(moved),
    unrelated: means(unrelated),
  };
}

type Measured = Pick<Reified, 'before' | 'after' | 'moved' | 'unrelated'>;
type Pulled = ReturnType<typeof numbersOf>;

function numbersOf(lab: Lab, model: Denoiser, what: string, pulled: Measured, known: Measured | undefined) {
  const mean = (values: readonly number[]) => sampled(values, lab.rng);
  const left = ({ after, before }: Measured) => ratioOfMeans(after, before, lab.rng, true);
  return {
    what,
    model: known ? 'fashion-mnist' : 'anime64',
    ...{
      before: mean(pulled.before),
      after: mean(pulled.after),
      moved: mean(pulled.moved),
      unrelated: mean(pulled.unrelated),
      ratio: left(pulled),
      away: ratioOfMeans(pulled.moved, pulled.unrelated, lab.rng, true),
    },
    drawn: naturalness(DIAL, model).inversion.diffused ?? 0,
    steps: model.info.sampler.steps,
    ...(known && {
      known: {
        before: mean(known.before),
        ratio: left(known),
        moved: mean(known.moved),
        times: ratioOfMeans(pulled.after, known.before, lab.rng, true),
      },
    }),
  };
}

function pulledClaim({ what, model, before, after, ratio, known }: Pulled): Claim {
  const [own, ownRatio] = [known?.before, known?.ratio];
  const calmer = below(ratio, 1);
  const more = ownRatio ? less(ratio, ownRatio) : calmer;
  const inside = known ? below(known.times, STRANGER) : calmer;
  const pulled = together(calmer, more, inside);
  const calmerWords = worded(calmer, {
    holds: `What comes back is ${figure(1 / ratio.mean, 2)} times less strange to the model`,
    fails: 'What comes back is no less strange to the model',
    open: `Of ${before.n} pictures it cannot be told whether what comes back is less strange to the model`,
  });
  const ownWords = known
    ? `, ${withInterval(known.times, 2)} times what its own data are${worded(more, { holds: '', fails: '; but it loses no more than its own data do, which growing again smooths too', open: '; but that it loses more than its own data do, which growing again smooths too, cannot be told' })}`
    : '';
  return judged({
    models: [model],
    number: ratio,
    against: ownRatio ?? 1,
    rests: known ? [known.times] : [],
    paper: `A foreign portrait is embedded and pulled back to the data manifold (${what}).`,
    ours: `strangeness goes from ${withInterval(before)} to ${withInterval(after)}`,
    control: own
      ? `the data's own test pictures have strangeness ${withInterval(own)}, keep ${withInterval(ownRatio!)} of it; the foreign ones keep ${withInterval(ratio)}`
      : `unchanged pictures would keep their strangeness: a ratio of 1, here ${withInterval(ratio)}`,
    asked: known
      ? `less strange than before, by more than growing again takes from the data's own pictures, and less than ${STRANGER} times as strange as these; in part, the first two`
      : 'less strange than before',
    numbersSay: orInPart(pulled, together(calmer, more)),
    because: `${calmerWords}${ownWords}.`,
    values: {
      before: before.mean,
      after: after.mean,
      ratio: ratio.mean,
      ...(own && ownRatio && { own: own.mean, ownRatio: ownRatio.mean }),
    },
  });
}

function closeClaim({ what, model, moved, unrelated, away, known }: Pulled): Claim {
  const close = below(away, CLOSE);
  return judged({
    models: [model],
    number: moved,
    against: unrelated,
    rests: [away],
    paper: `What a foreign portrait comes back as is close to it (${what}).`,
    ours: `the picture moves by ${withInterval(moved)}, ${withInterval(away)} of the way to unrelated ones`,
    control: `what random seeds grow is ${withInterval(unrelated)} away${known ? `; the data's own test pictures move by ${withInterval(known.moved)}` : ''}`,
    asked: `less than ${figure(CLOSE, 1)} of the way to unrelated pictures`,
    numbersSay: close,
    because: `What comes back is ${worded(close, { holds: 'close to', fails: 'not close to', open: 'neither clearly close to nor clearly far from' })} the picture that it came from, at ${withInterval(away, 2)} of the way to unrelated ones.`,
    values: { moved, unrelated, away },
  });
}

function sheet(
  model: Denoiser,
  file: string,
  title: string,
  reified: Reified,
  shown: readonly number[],
): SheetPicture {
  const { images, latent, grown } = reified;
  return {
    file,
    caption: `${title}: the picture, its seed, and what it comes back as.`,
    title,
    rows: [
      { label: 'foreign picture', pictures: unstack(takeRows(images, shown)) },
      { label: 'seed', pictures: seedPictures(model, takeRows(latent, shown)) },
      { label: 'pulled into the data', pictures: unstack(takeRows(grown, shown)) },
    ],
  };
}

/** Pictures, each pixel by a rule. */
function changed(images: Floats, rule: (image: Floats, pixel: number) => number): Floats {
  return concatRows(
    Array.from({ length: images.shape[0]! }, (_, n) => {
      const image = rows(images, n, n + 1);
      return float32(
        image.shape,
        image.data.map((_value, i) => rule(image, i)),
      );
    }),
  );
}
