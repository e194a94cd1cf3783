import { figure, judged, ratioOfMeans, sampled, withInterval } from './claims.ts';
import { experiment } from './lab.ts';
import { bothKinds } from './measure/generated.ts';
import { reconstructionRows } from './measure/reconstruction.ts';
import { sharpness } from './measure/sharpness.ts';

/** Embedding of generated pictures (Asperti et al. 2023, fig. 17): "almost perfect". */
export const fig17 = experiment({
  name: 'fig17',
  title: 'embedding of generated pictures',
  needs: ['fashion-mnist', 'fashion-mnist-embedder', 'data:fashion-mnist'],
  async measure(lab) {
    const model = await lab.denoiser('fashion-mnist');
    const { data, generated } = await bothKinds(lab, lab.sizes.sample);
    const error = sampled(generated.errors, lab.rng);
    const detail = sharpness(generated.pictures, generated.images);
    const usual = sharpness(data.pictures, data.images);
    const ratio = ratioOfMeans(generated.errors, data.errors, lab.rng);
    return {
      numbers: { error, detail, usual, ratio },
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
  report({ error, detail, usual, ratio }) {
    const near = detail > 0.95;
    return {
      claims: [
        judged({
          number: ratio,
          against: 1,
          paper: 'The reconstruction of generated pictures is almost perfect.',
          ours: `squared error ${withInterval(error)}, fine detail ${figure(detail)} of the pictures' own`,
          control: `pictures of the data set: detail ${figure(usual)}, and the error of generated ones over theirs ${withInterval(ratio)}`,
          numbersSay:
            near && ratio.high < 1 ? 'holds' : detail > usual || ratio.high < 1 ? 'partly' : 'fails',
          because: `Generated pictures keep ${figure(100 * detail, 3)} % of their fine detail, those of the data set ${figure(100 * usual, 3)} %.`,
          values: { error, detail, usual, ratio },
        }),
      ],
    };
  },
});
