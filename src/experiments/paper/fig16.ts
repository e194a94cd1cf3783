import { rows } from '../../tensor/tensor.ts';
import { figure, judged, sampled, withInterval } from './claims.ts';
import { experiment, find, readPictures } from './lab.ts';
import { reconstruct, reconstructionRows } from './measure/reconstruction.ts';
import { sharpness } from './measure/sharpness.ts';

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
    const each = (pictures: typeof images, originals: typeof images) =>
      sampled(
        Array.from({ length: pictures.shape[0]! }, (_, i) =>
          sharpness(rows(pictures, i, i + 1), rows(originals, i, i + 1)),
        ),
        lab.rng,
      );
    const detail = each(found.pictures, images);
    const some = rows(images, 0, Math.max(2, Math.round(images.shape[0]! / 4)));
    const same = each(rows(found.pictures, 0, some.shape[0]!), some);
    const inverted = await find(lab, model, some);
    const control = each(inverted.pictures, some);
    const error = sampled(found.errors, lab.rng);
    return {
      numbers: { detail, same, control, error },
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
  report({ detail, same, control, error }) {
    const blurred = detail.high < 1;
    const blame =
      control.low > same.high
        ? 'the generator can make the detail, the embedder does not ask for it'
        : control.high < 1
          ? 'inversion misses detail too, so the generator may have a share in it'
          : 'which of the two is to blame cannot be told';
    return {
      claims: [
        judged({
          number: detail,
          against: control,
          rests: [same],
          paper: 'The reconstruction is very good, with just a slight blurriness.',
          ours: `fine detail ${withInterval(detail)} of the pictures' own; squared error ${withInterval(error)}`,
          control: `split inversion of the same pictures keeps ${withInterval(control)}`,
          numbersSay: blurred ? (detail.mean > 0.5 ? 'holds' : 'partly') : 'fails',
          because: blurred
            ? `The embedder's reconstructions lose ${figure(100 * (1 - detail.mean), 2)} % of the fine detail, inversion leaves ${withInterval(control)} of it where the embedder leaves ${withInterval(same)}: ${blame}.`
            : 'The reconstructions have no less fine detail than the pictures.',
          values: { detail, same, control, error },
        }),
      ],
      notes: ['Fine detail is the mean square of the Laplacian over the inner pixels.'],
    };
  },
});
