import { pixelFigures } from '../../quality/samples.ts';
import { type Detail, fineDetail, sharpness } from '../../quality/sharpness.ts';
import { rows, type Tensor } from '../../tensor/tensor.ts';
import { above, below, type Claim, judged, less, orInPart, together, worded } from './claims.ts';
import { experiment, find, grow, type Lab, randomSeeds, readPictures } from './lab.ts';
import {
  figure,
  percent,
  percentInterval,
  ratioOfMeans,
  type Sampled,
  sampled,
  withInterval,
} from './means.ts';
import { type Reconstruction, reconstruct, reconstructionRows } from './measure/reconstruction.ts';

/** Pictures of the data and pictures that the model generated, both embedded by the network and grown again. */
export async function bothKinds(
  lab: Lab,
  count: number,
): Promise<Readonly<Record<'data' | 'generated', Reconstruction>>> {
  const model = await lab.denoiser('fashion-mnist');
  const embedder = await lab.embedder('fashion-mnist-embedder');
  const test = await lab.data('fashion-mnist', 'test');
  const data: Tensor<'float32'> = await readPictures(test, 0, Math.min(count, test.length));
  const generated = await grow(lab, model, randomSeeds(lab, model, count, 'generated'));
  return {
    data: await reconstruct(lab, model, embedder, data),
    generated: await reconstruct(lab, model, embedder, generated),
  };
}

/** Slightly blurred is what keeps more than this part of the fine detail. */
const SLIGHT = 0.75;
/** Almost perfect is what keeps more than this part of it. */
const NEARLY = 0.95;

/** More embeddings, and how blurred the reconstructions are (Asperti et al. 2023, fig. 16: "just a slight blurriness"). */
export const fig16 = experiment({
  name: 'fig16',
  title: 'more embeddings by a network: slightly blurred?',
  needs: ['fashion-mnist', 'fashion-mnist-embedder', 'data:fashion-mnist'],
  async measure(lab) {
    const model = await lab.denoiser('fashion-mnist');
    const embedder = await lab.embedder('fashion-mnist-embedder');
    const data = await lab.data('fashion-mnist', 'test');
    const from = Math.min(lab.sizes.sample, Math.floor(data.length / 2));
    const images = await readPictures(data, from, Math.min(data.length, from + lab.sizes.sample));
    const found = await reconstruct(lab, model, embedder, images);
    const mean = (values: readonly number[]) => sampled(values, lab.rng);
    const all = fineDetail(found.pictures, images);
    const detailOf = (details: readonly Detail[]) => ({
      kept: mean(details.map(({ kept }) => kept)),
      strength: mean(details.map(({ strength }) => strength)),
    });
    const some = rows(images, 0, Math.max(2, Math.round(images.shape[0]! / 4)));
    const inverted = fineDetail((await find(lab, model, some)).pictures, some);
    return {
      numbers: {
        ...{
          embedder: detailOf(all),
          same: detailOf(all.slice(0, inverted.length)),
          inverted: detailOf(inverted),
        },
        lead: mean(inverted.map(({ kept }, i) => kept - all[i]!.kept)),
        /** What is lost beyond what blur alone could take, and by how much blur could take more. */
        beyond: mean(all.map(({ strength, kept }) => strength - kept)),
        byBlur: mean(all.map(({ strength, kept }) => 1 - strength - (strength - kept))),
        error: mean(found.errors),
      },
      sheets: [
        {
          file: 'fig16',
          caption: `Test pictures from number ${from} on, their seeds by the embedder, and what they grow.`,
          title: 'More embeddings by a network',
          rows: reconstructionRows(model, found, lab.sizes.shown),
        },
      ],
    };
  },
  report({ embedder: { kept, strength }, same, inverted, lead, beyond, byBlur, error }) {
    const slightly = together(below(strength, 1), above(kept, SLIGHT));
    const just = above(byBlur, 0);
    const blame = worded(above(lead, 0), {
      holds: 'the generator can make the detail, the embedder does not ask for it',
      fails: 'inversion keeps no more',
      open: 'which of the two is to blame cannot be told',
    });
    return {
      claims: [
        judged({
          number: kept,
          against: inverted.kept,
          rests: [strength, byBlur],
          paper: 'The reconstruction is very good, with just a slight blurriness.',
          ours: `of the pictures' fine detail ${withInterval(kept)} is kept, at ${withInterval(strength)} of its strength; squared error ${withInterval(error)}`,
          control: `split inversion of the first of these pictures keeps ${withInterval(inverted.kept)}, at ${withInterval(inverted.strength)} of its strength, the embedder of these ${withInterval(same.kept)}; a flat picture 0; blur alone, which only weakens detail, loses no more than the strength that is missing: ${withInterval(beyond)} is lost beyond that`,
          asked: `a strength below 1, more than ${figure(SLIGHT)} kept, and no more lost beyond blur than to it; in part, the first two`,
          numbersSay: orInPart(together(slightly, just), slightly),
          because: `The embedder's reconstructions ${worded(below(strength, 1), { holds: `are blurred, their detail is ${figure(100 * (1 - strength.mean), 2)} % too weak`, fails: 'are not blurred, their detail is as strong as the pictures’', open: 'may be blurred or not' })}, and keep ${figure(kept.mean, 2)} of it; what is lost is ${worded(just, { holds: 'mostly blur', fails: 'mostly more than blur', open: 'blur, and more' })}. Of those that were inverted as well they keep ${figure(same.kept.mean, 2)}, and inversion ${figure(inverted.kept.mean, 2)}: ${blame}.`,
          values: { kept, same: same.kept, control: inverted.kept, strength, beyond, error },
        }),
      ],
      notes: [
        "Fine detail is the pictures' Laplacian over the inner pixels. What is kept of it is one less the squared difference of both Laplacians in parts of the original's, and so at most 1, whatever is wrong; its strength is the part of the original's that is in the picture's, less than 1 for blur.",
      ],
    };
  },
});

/** Embedding of generated pictures (Asperti et al. 2023, fig. 17): "almost perfect". */
export const fig17 = experiment({
  name: 'fig17',
  title: 'embedding of generated pictures',
  needs: ['fashion-mnist', 'fashion-mnist-embedder', 'data:fashion-mnist'],
  async measure(lab) {
    const model = await lab.denoiser('fashion-mnist');
    const { data, generated } = await bothKinds(lab, lab.sizes.sample);
    const error = sampled(generated.errors, lab.rng);
    const [kept, keptOfData] = [generated, data].map(({ pictures, images }) =>
      sampled(
        fineDetail(pictures, images).map(({ kept }) => kept),
        lab.rng,
      ),
    ) as [Sampled, Sampled];
    const ratio = ratioOfMeans(generated.errors, data.errors, lab.rng);
    const relative = relativeErrors(lab, generated, data);
    return {
      numbers: { error, kept, keptOfData, ratio, relative },
      sheets: [
        {
          file: 'fig17',
          caption:
            'Generated pictures, their seeds by the embedder, and what those grow, with the squared error.',
          title: 'Embedding of generated pictures',
          rows: reconstructionRows(model, generated, lab.sizes.shown),
        },
      ],
    };
  },
  report({ error, kept, keptOfData, ratio, relative }) {
    const near = above(kept, NEARLY);
    return {
      claims: [
        judged({
          number: kept,
          against: keptOfData,
          paper: 'The reconstruction of generated pictures is almost perfect.',
          ours: `squared error ${withInterval(error)}; of the pictures' fine detail ${withInterval(kept)} is kept`,
          control: `pictures of the data set keep ${withInterval(keptOfData)}; the error of generated ones over theirs ${withInterval(ratio)}; both errors as parts of the pictures' own variance, ${withInterval(relative)}`,
          asked: `more than ${percent(NEARLY)}`,
          numbersSay: near,
          because: `Generated pictures keep ${percentInterval(kept)} of their fine detail${worded(near, { holds: '', fails: `, not more than ${percent(NEARLY)}`, open: `: whether more than ${percent(NEARLY)} cannot be told` })}; those of the data set ${percentInterval(keptOfData)}. Their error is ${withInterval(relative, 2)} times that of those of the data set, in parts of the pictures' own variance.`,
          values: { error, kept, keptOfData, ratio, relative },
        }),
      ],
    };
  },
});

/** The ratio of errors each of which is a part of the variance of its kind's pixels: what contrast alone does not make. */
function relativeErrors(
  lab: Lab,
  generated: Pick<Reconstruction, 'errors' | 'images'>,
  data: Pick<Reconstruction, 'errors' | 'images'>,
): Sampled {
  const parts = ({ errors, images }: typeof data) => {
    const { variance } = pixelFigures(images);
    return errors.map(error => error / variance);
  };
  return ratioOfMeans(parts(generated), parts(data), lab.rng);
}

/** The paper's errors, of CelebA. */
const PAPER = { data: 0.00147, generated: 0.00074 };

/** Pictures of the data against generated ones (Asperti et al. 2023, table 2). */
export const table2 = experiment({
  name: 'table2',
  title: 'pictures of the data set against generated ones',
  needs: ['fashion-mnist', 'fashion-mnist-embedder', 'data:fashion-mnist'],
  async measure(lab) {
    const model = await lab.denoiser('fashion-mnist');
    const { data, generated } = await bothKinds(lab, lab.sizes.table);
    const [own, made] = [data, generated].map(({ errors }) => sampled(errors, lab.rng));
    const ratio = ratioOfMeans(generated.errors, data.errors, lab.rng);
    const inverted = [];
    for (const { images: all } of [data, generated]) {
      const images = rows(all, 0, Math.min(Math.ceil(lab.sizes.sample / 2), all.shape[0]!));
      inverted.push({ images, errors: (await find(lab, model, images)).results.map(({ mse }) => mse) });
    }
    const byInversion = relativeErrors(lab, inverted[1]!, inverted[0]!);
    const detail = sharpness(generated.images, data.images);
    return {
      numbers: {
        ...{ own: own!, made: made!, ratio, byInversion, detail, count: data.errors.length },
        relative: relativeErrors(lab, generated, data),
      },
    };
  },
  report: numbers => ({
    claims: [easierClaim(numbers), knownClaim(numbers)],
    tables: [
      {
        title: `Reconstruction error by the embedder, ${numbers.count} pictures each`,
        columns: ['source', 'squared error', "the paper's (CelebA)"],
        rows: [
          ['data set', withInterval(numbers.own), figure(PAPER.data)],
          ['generated', withInterval(numbers.made), figure(PAPER.generated)],
          ['ratio', withInterval(numbers.ratio), figure(PAPER.generated / PAPER.data, 2)],
        ],
      },
    ],
  }),
});

/** Errors of both kinds and their ratio, as they are and as parts of the pictures' own variance, by the embedder and by inversion. */
interface Kinds {
  readonly own: Sampled;
  readonly made: Sampled;
  readonly ratio: Sampled;
  readonly relative: Sampled;
  readonly byInversion: Sampled;
  /** Of the fine detail of the data's pictures generated ones have so much. */
  readonly detail: number;
  readonly count: number;
}

function easierClaim({ own, made, ratio, detail, count }: Kinds): Claim {
  return judged({
    number: made,
    against: own,
    rests: [ratio],
    paper: `Generated pictures are embedded better than those of the data set (.00147 against .00074 on CelebA, a ratio of ${figure(PAPER.generated / PAPER.data, 2)}).`,
    ours: `${withInterval(made)} on Fashion-MNIST, a ratio of ${withInterval(ratio)}`,
    control: `pictures of the data set ${withInterval(own)}; generated ones have ${figure(detail)} of their fine detail (${count} of each)`,
    asked: 'a ratio below 1',
    numbersSay: below(ratio, 1),
    because: `${worded(below(ratio, 1), {
      holds: `Generated pictures are embedded with ${withInterval(ratio, 2)} of the error`,
      fails: 'Generated pictures are not embedded better',
      open: 'Over these pictures it cannot be told whether generated ones are embedded better',
    })}${above(ratio, PAPER.generated / PAPER.data) === 'holds' ? `: ${withInterval(ratio, 2)} times the error, not the paper's ${figure(PAPER.generated / PAPER.data, 2)}` : ''}.`,
    values: { data: own, generated: made, ratio, detail },
  });
}

function knownClaim({ relative, byInversion }: Kinds): Claim {
  const better = below(relative, 1);
  const cause =
    below(byInversion, 1) === 'holds'
      ? 'inversion finds them easier too, so the generator has its share in it'
      : less(relative, byInversion) === 'holds'
        ? 'inversion does not find them as much easier, so the embedder knows them better'
        : 'inversion leaves open whether the generator or the embedder is the cause';
  return judged({
    number: relative,
    against: byInversion,
    paper:
      'Beyond the paper: generated pictures are embedded better than those of the data set at equal contrast, too.',
    ours: `both errors as parts of the variance of the pictures' own pixels: a ratio of ${withInterval(relative)}`,
    control: `by split inversion, without an embedder, that ratio is ${withInterval(byInversion)}; of equal kinds it is 1`,
    asked: 'a ratio below 1',
    numbersSay: better,
    because: worded(better, {
      holds: `As parts of the pictures' own variance generated ones leave ${withInterval(relative, 2)} of the error; ${cause}.`,
      fails: `As parts of the pictures' own variance generated ones leave ${withInterval(relative, 2)} times the error: they are embedded worse.`,
      open: "As parts of the pictures' own variance the errors cannot be told apart: it may be their contrast alone.",
    }),
    values: { relative, inversion: byInversion },
  });
}
