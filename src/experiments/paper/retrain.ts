import { rows, unstack } from '../../tensor/tensor.ts';
import type { Experiment } from './lab.ts';
import { compareSiblings, growSiblings } from './measure/siblings.ts';
import type { Claim, Picture } from './report/findings.ts';
import { figure, withInterval } from './report/wording.ts';

/** Pairs that differ in how they were trained. */
const PAIRS = [
  ['mnist-small', 'mnist-small-retrained', 'other random numbers, the same data'],
  ['mnist-small-27500a', 'mnist-small-27500b', 'other random numbers and the other half of the data'],
] as const;

/** The same network trained again (Asperti et al. 2023, section 3.3): the pictures should be the same. */
export const retrain: Experiment = {
  name: 'retrain',
  title: 'the same network, trained again',
  needs: ['mnist-small', 'mnist-small-retrained', 'mnist-small-27500a', 'mnist-small-27500b'],
  async run(lab) {
    const claims: Claim[] = [];
    const sheet: Extract<Picture, { kind: 'sheet' }>['rows'][number][] = [];
    for (const [a, b, how] of PAIRS) {
      const [one, other] = await growSiblings(lab, [a, b], lab.sizes.sample);
      const { same, different, ratio } = compareSiblings(lab, one!, other!);
      claims.push({
        paper: `Different trainings of the same network end up with the same results (${how}).`,
        ours: `squared distance of the same seed's pictures over that of different seeds' ${withInterval(ratio)}`,
        control: `different seeds have 1 (${figure(different)}); the same seed ${figure(same)}`,
        verdict: ratio.high < 0.01 ? 'holds' : ratio.high < 0.5 ? 'partly' : 'fails',
        because: `Trained with ${how}, the network grows pictures ${figure(1 / ratio.mean, 2)} times nearer than chance.`,
        values: { ratio: ratio.mean, low: ratio.low, high: ratio.high },
      });
      for (const { name, pictures } of [one!, other!])
        sheet.push({
          label: name,
          pictures: unstack(rows(pictures, 0, Math.min(lab.sizes.shown, pictures.shape[0]!))),
          apart: name === a,
        });
    }
    return {
      claims,
      pictures: [
        {
          kind: 'sheet',
          file: 'retrain',
          caption: 'What networks of one shape, trained twice, grow from the same seeds (MNIST).',
          title: 'The same network, trained again',
          rows: sheet,
        },
      ],
    };
  },
};
