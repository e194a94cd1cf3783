import { rows, unstack } from '../../tensor/tensor.ts';
import { figure, judged, type Sampled, withInterval } from './claims.ts';
import type { SheetPicture } from './findings.ts';
import { experiment } from './lab.ts';
import { compareSiblings, growSiblings } from './measure/siblings.ts';

/** Pairs that differ in how they were trained. */
const PAIRS = [
  ['mnist-small', 'mnist-small-retrained', 'other random numbers, the same data'],
  ['mnist-small-27500a', 'mnist-small-27500b', 'other random numbers and the other half of the data'],
] as const;

/** The same network trained again (Asperti et al. 2023, section 3.3): the pictures should be the same. */
export const retrain = experiment({
  name: 'retrain',
  title: 'the same network, trained again',
  needs: ['mnist-small', 'mnist-small-retrained', 'mnist-small-27500a', 'mnist-small-27500b'],
  async measure(lab) {
    const trained: { how: string; same: number; different: number; ratio: Sampled }[] = [];
    const sheet: SheetPicture['rows'][number][] = [];
    for (const [a, b, how] of PAIRS) {
      const [one, other] = await growSiblings(lab, [a, b], lab.sizes.sample);
      const { same, different, ratio } = compareSiblings(lab, one!, other!);
      trained.push({ how, same, different, ratio });
      for (const { name, pictures } of [one!, other!])
        sheet.push({
          label: name,
          pictures: unstack(rows(pictures, 0, Math.min(lab.sizes.shown, pictures.shape[0]!))),
          apart: name === a,
        });
    }
    return {
      numbers: trained,
      sheets: [
        {
          file: 'retrain',
          caption: 'What networks of one shape, trained twice, grow from the same seeds (MNIST).',
          title: 'The same network, trained again',
          rows: sheet,
        },
      ],
    };
  },
  report: trained => ({
    claims: trained.map(({ how, same, different, ratio }) =>
      judged({
        number: ratio,
        against: 1,
        paper: `Different trainings of the same network end up with the same results (${how}).`,
        ours: `squared distance of the same seed's pictures over that of different seeds' ${withInterval(ratio)}`,
        control: `different seeds have 1 (${figure(different)}); the same seed ${figure(same)}`,
        numbersSay: ratio.high < 0.01 ? 'holds' : ratio.high < 0.5 ? 'partly' : 'fails',
        because: `Trained with ${how}, the network grows pictures ${figure(1 / ratio.mean, 2)} times nearer than chance.`,
        values: { ratio, low: ratio.low, high: ratio.high },
      }),
    ),
  }),
});
