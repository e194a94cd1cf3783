import { pixelFigures } from '../../quality/samples.ts';
import { coherence, sharpness } from '../../quality/sharpness.ts';
import { rows, type Tensor } from '../../tensor/tensor.ts';
import { figure, judged, ratioOfMeans, type Sampled, sampled, withInterval } from './claims.ts';
import { experiment, find, grow, type Lab, randomSeeds, readPictures } from './lab.ts';
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

/** Slightly blurred is what keeps more than this part of the detail. */
const SLIGHT = 0.75;

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
    const all = coherence(found.pictures, images);
    const some = rows(images, 0, Math.max(2, Math.round(images.shape[0]! / 4)));
    const inverted = coherence((await find(lab, model, some)).pictures, some);
    const [same, detail, control] = [mean(all.slice(0, inverted.length)), mean(all), mean(inverted)];
    const lead = mean(inverted.map((value, i) => value - all[i]!));
    const error = mean(found.errors);
    return {
      numbers: { detail, same, control, lead, error },
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
  report({ detail, same, control, lead, error }) {
    const blurred = detail.high < 1;
    const blame =
      lead.low > 0
        ? 'the generator can make the detail, the embedder does not ask for it'
        : control.high < 1
          ? 'inversion misses detail too, so the generator may have a share in it'
          : 'which of the two is to blame cannot be told';
    return {
      claims: [
        judged({
          number: detail,
          against: control,
          rests: [same, lead],
          paper: 'The reconstruction is very good, with just a slight blurriness.',
          ours: `fine detail ${withInterval(detail)} of the pictures' own; squared error ${withInterval(error)}`,
          control: `split inversion of the same pictures keeps ${withInterval(control)}`,
          numbersSay: blurred
            ? detail.low > SLIGHT
              ? 'holds'
              : 'partly'
            : detail.low < 1
              ? 'open'
              : 'fails',
          because: blurred
            ? `The embedder's reconstructions lose ${figure(100 * (1 - detail.mean), 2)} % of the fine detail, inversion leaves ${withInterval(control)} of it where the embedder leaves ${withInterval(same)}: ${blame}.`
            : detail.low < 1
              ? 'Whether the reconstructions have less of the fine detail cannot be told.'
              : 'The reconstructions have no less of the fine detail than the pictures.',
          values: { detail, same, control, error },
        }),
      ],
      notes: [
        "Fine detail is what of the original's Laplacian is in the picture's, over the inner pixels: what is not the original's does not count.",
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
    const detail = sampled(coherence(generated.pictures, generated.images), lab.rng);
    const usual = sampled(coherence(data.pictures, data.images), lab.rng);
    const ratio = ratioOfMeans(generated.errors, data.errors, lab.rng);
    const relative = relativeErrors(lab, generated, data);
    return {
      numbers: { error, detail, usual, ratio, relative },
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
  report({ error, detail, usual, ratio, relative }) {
    const near = detail.low > 0.95;
    return {
      claims: [
        judged({
          number: ratio,
          against: 1,
          paper: 'The reconstruction of generated pictures is almost perfect.',
          ours: `squared error ${withInterval(error)}, fine detail ${withInterval(detail)} of the pictures' own`,
          rests: [detail, relative],
          control: `pictures of the data set: detail ${withInterval(usual)}, and the error of generated ones over theirs ${withInterval(ratio)}; both errors as parts of the pictures' own variance, ${withInterval(relative)}`,
          numbersSay:
            near && relative.high < 1
              ? 'holds'
              : detail.low > usual.high || relative.high < 1
                ? 'partly'
                : 'fails',
          because: `Generated pictures keep ${figure(100 * detail.mean, 3)} % of their fine detail, those of the data set ${figure(100 * usual.mean, 3)} %.`,
          values: { error, detail, usual, ratio, relative },
        }),
      ],
    };
  },
});

/** The ratio of errors each of which is a part of the variance of its kind's pixels: what contrast alone does not make. */
function relativeErrors(lab: Lab, above: Reconstruction, below: Reconstruction): Sampled {
  const parts = ({ errors, images }: Reconstruction) => {
    const { variance } = pixelFigures(images);
    return errors.map(error => error / variance);
  };
  return ratioOfMeans(parts(above), parts(below), lab.rng);
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
    for (const { images } of [data, generated]) {
      const some = rows(images, 0, Math.min(Math.ceil(lab.sizes.sample / 2), images.shape[0]!));
      inverted.push((await find(lab, model, some)).results.map(({ mse }) => mse));
    }
    const byInversion = ratioOfMeans(inverted[1]!, inverted[0]!, lab.rng);
    const detail = sharpness(generated.images, data.images);
    return {
      numbers: {
        ...{ own: own!, made: made!, ratio, byInversion, detail, count: data.errors.length },
        relative: relativeErrors(lab, generated, data),
      },
    };
  },
  report({ own, made, ratio, relative, byInversion, detail, count }) {
    const smaller = ratio.high < 1;
    const blame =
      relative.high >= 1
        ? 'as parts of the pictures’ own variance the errors do not differ, so that it may be their contrast alone'
        : byInversion.high < 1
          ? 'inversion finds them easier too, so the generator has its share in it'
          : byInversion.low > ratio.high
            ? 'inversion does not find them as much easier, so the embedder knows them better'
            : 'inversion leaves open whether the generator or the embedder is the cause';
    return {
      claims: [
        judged({
          number: ratio,
          against: byInversion,
          rests: [relative],
          paper: `Generated pictures are embedded better than those of the data set (.00147 against .00074 on CelebA, a ratio of ${figure(PAPER.generated / PAPER.data, 2)}).`,
          ours: `${withInterval(own!)} against ${withInterval(made!)} on Fashion-MNIST, a ratio of ${withInterval(ratio)}`,
          control: `by split inversion, without an embedder, the ratio is ${withInterval(byInversion)}; of both errors as parts of the pictures' own variance ${withInterval(relative)}; generated pictures have ${figure(detail)} of the fine detail`,
          numbersSay: smaller ? 'holds' : ratio.low < 1 ? 'open' : 'fails',
          because: smaller
            ? `Generated pictures are easier by a factor of ${figure(1 / ratio.mean, 2)}; ${blame}; they have ${figure(detail, 2)} of the fine detail${detail < 0.9 ? ', so that they are simpler too' : ''}.`
            : ratio.low < 1
              ? 'Over these pictures it cannot be told whether generated ones are embedded better.'
              : 'Generated pictures are not embedded better.',
          values: { data: own!, generated: made!, ratio, relative, inversion: byInversion, detail },
        }),
      ],
      tables: [
        {
          title: `Reconstruction error by the embedder, ${count} pictures each`,
          columns: ['source', 'squared error', "the paper's (CelebA)"],
          rows: [
            ['data set', withInterval(own!), figure(PAPER.data)],
            ['generated', withInterval(made!), figure(PAPER.generated)],
            ['ratio', withInterval(ratio), figure(PAPER.generated / PAPER.data, 2)],
          ],
        },
      ],
    };
  },
});
