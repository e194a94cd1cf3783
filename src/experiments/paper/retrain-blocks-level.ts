import { heldOutLoss } from '../../diffusion/train-denoiser.ts';
import { countParameters } from '../../nn/networks.ts';
import { rows, unstack } from '../../tensor/tensor.ts';
import { above, judged, less, type SheetPicture, worded } from './claims.ts';
import { experiment, type Lab, SUBJECTS } from './lab.ts';
import { figure, ofOne, percent, type Sampled, withInterval } from './means.ts';
import {
  besideLinear,
  compareSiblings,
  compareTrainings,
  type Grown,
  growSiblings,
  growTrainings,
  linearSibling,
  SAME_ASKED,
  sameResults,
  shareChance,
} from './measure/siblings.ts';

const SMALL = 'mnist-small';
const AGAIN = `${SMALL}-2`;
/** Networks whose trainings are compared, those of one among each other, or of one with those of the other. */
const TRAINED = [
  { networks: [SMALL], how: 'other random numbers, the same data' },
  {
    networks: [`${SMALL}-27500a`, `${SMALL}-27500b`],
    how: 'other random numbers and the other half of the data',
  },
] as const;

/** The same network trained again (Asperti et al. 2023, section 3.3): the pictures should be the same. */
export const retrain = experiment({
  name: 'retrain',
  title: 'the same network, trained again',
  needs: [SMALL, AGAIN, `${SMALL}-27500a`, `${SMALL}-27500b`, 'data:mnist'],
  async measure(lab) {
    const trained: { how: string; same: number; different: number; linear: Sampled; ratio: Sampled }[] = [];
    const sheet: SheetPicture['rows'][number][] = [];
    for (const { networks, how } of TRAINED) {
      const grown: Grown[][] = [];
      for (const name of networks) grown.push(await growTrainings(lab, name, lab.sizes.sample));
      const { same, different, ratio } = compareTrainings(lab, grown[0]!, grown[1]);
      const linear = besideLinear(grown.flat(), await linearSibling(lab, 'mnist', grown[0]![0]!));
      trained.push({ how, same, different, linear, ratio });
      for (const { name, pictures } of grown.flat())
        sheet.push({
          label: name,
          pictures: unstack(rows(pictures, 0, Math.min(lab.sizes.shown, pictures.shape[0]!))),
          apart: name === networks[0],
        });
    }
    return {
      numbers: trained,
      sheets: [
        {
          file: 'retrain',
          caption: 'What networks of one shape, trained several times, grow from the same seeds (MNIST).',
          title: 'The same network, trained again',
          rows: sheet,
        },
      ],
    };
  },
  report: trained => ({
    claims: trained.map(({ how, same, different, linear, ratio }) =>
      judged({
        number: ratio,
        against: 1,
        paper: `Different trainings of the same network end up with the same results (${how}).`,
        ours: `squared distance of the same seed's pictures over that of different seeds' ${withInterval(ratio)}`,
        control: `different seeds have 1 (they lie ${figure(different)} apart, those of one seed ${figure(same)}, over as many pairs); a linear model that knows the data's mean and covariance alone comes to ${withInterval(linear)} of the networks`,
        asked: SAME_ASKED,
        numbersSay: sameResults(ratio, linear),
        because: `Trained with ${how}, the network grows pictures ${figure(1 / ratio.mean, 2)} times nearer than chance, where a linear model comes ${figure(1 / linear.mean, 2)} times nearer.`,
        values: { linear, ratio, low: ratio.low, high: ratio.high },
      }),
    ),
  }),
});

/** Networks with one, two and three residual blocks a level. */
const NETWORKS = [`${SMALL}-1-block`, SMALL, `${SMALL}-3-blocks`] as const;

/** Other numbers of blocks a level (Asperti et al. 2023, section 3.3: "different layers in each block"). */
export const blocks = experiment({
  name: 'blocks',
  title: 'other numbers of blocks a level',
  needs: [NETWORKS[0], NETWORKS[1], AGAIN, 'data:mnist'],
  async measure(lab) {
    const names = NETWORKS.filter(name => lab.has(name));
    const grown: Grown[][] = [];
    for (const name of names) grown.push(await growTrainings(lab, name, lab.sizes.sample));
    const two = grown[names.indexOf(SMALL)]!;
    return {
      numbers: {
        linear: besideLinear(grown.flat(), await linearSibling(lab, 'mnist', two[0]!)),
        chance: compareTrainings(lab, two).ratio,
        others: grown.flatMap((one, i) =>
          one === two
            ? []
            : // Of the same random numbers they saw their pictures in one order and one noise.
              [
                {
                  name: names[i]!,
                  ratio: compareTrainings(lab, two, one, (a, b) => !shareChance(a, b)).ratio,
                },
              ],
        ),
      },
      sheets: [
        {
          file: 'blocks',
          caption: 'What networks with different numbers of blocks a level grow from the same seeds (MNIST).',
          title: 'Other numbers of blocks',
          rows: grown.flat().map(({ name, pictures }) => ({
            label: name,
            pictures: unstack(rows(pictures, 0, Math.min(lab.sizes.shown, pictures.shape[0]!))),
          })),
        },
      ],
    };
  },
  report({ linear, chance, others }) {
    return {
      claims: others.map(({ name, ratio }) =>
        judged({
          number: ratio,
          against: chance,
          paper: `Networks with another number of blocks a level grow the same pictures (${name.replace('mnist-small-', '').replace('-', ' ')} against 2).`,
          ours: `squared distance over that of random pairs ${withInterval(ratio)}`,
          control: `random pairs have 1; the network of 2 blocks trained again ${withInterval(chance)}; a linear model that knows the data's mean and covariance alone comes to ${withInterval(linear)} of the networks`,
          asked: SAME_ASKED,
          numbersSay: sameResults(ratio, linear),
          because: `The pictures are ${figure(1 / ratio.mean, 2)} times nearer than chance, ${worded(less(chance, ratio), { holds: 'farther than', fails: 'nearer than', open: 'about as near as' })} a second training of the same network brings them (${figure(1 / chance.mean, 2)}).`,
          values: { ratio, chance, linear },
        }),
      ),
      notes: [
        'All that are compared were trained with other random numbers, and so saw their pictures in another order and in other noise.',
      ],
    };
  },
});

const [INPUT, BLOCKS] = [SMALL, `${SMALL}-level-at-blocks`] as const;
/** Draws of the noise, each with a loss at every level. */
const DRAWS = 4;
/** A gain of this part of the loss is some. */
const SOME = 0.02;

/** Whether feeding the noise level to every block gains anything (Asperti et al. 2023, section 4: it does not seem so). */
export const levelInput = experiment({
  name: 'level-input',
  title: 'the noise level at the input, or at every block',
  needs: [INPUT, BLOCKS, AGAIN, 'data:mnist'],
  async measure(lab) {
    const [input, blocks, again] = await growSiblings(lab, [INPUT, BLOCKS, AGAIN], lab.sizes.sample);
    const losses = await Promise.all([input!, blocks!, again!].map(({ name }) => lossesOf(lab, name)));
    const [atInput, atBlocks, atAgain] = losses.map(values => ofOne(values, lab.rng));
    const less = (other: readonly number[]) =>
      ofOne(
        losses[0]!.map((value, i) => value - other[i]!),
        lab.rng,
      );
    const [gain, chance] = [less(losses[1]!), less(losses[2]!)];
    const { ratio } = compareSiblings(input!, blocks!);
    const weights = (model: typeof input) => countParameters(model!.model.graph).weights.toLocaleString('en');
    return {
      numbers: {
        atInput: atInput!,
        atBlocks: atBlocks!,
        atAgain: atAgain!,
        gain,
        chance,
        ratio,
        inputWeights: weights(input),
        blockWeights: weights(blocks),
      },
    };
  },
  report({ atInput, atBlocks, atAgain, gain, chance, ratio, inputWeights, blockWeights }) {
    const gains = above(gain, Math.abs(chance.mean)) === 'holds';
    return {
      claims: [
        judged({
          number: gain,
          against: chance,
          paper: `Feeding the level to the first layer only "does not seem to entail any loss in performance" (${SUBJECTS.mnist.title}).`,
          ours: `loss on test images ${withInterval(atInput!, 4)} at the input (${inputWeights} weights), ${withInterval(atBlocks!, 4)} at every block (${blockWeights}); the difference ${withInterval(gain)}`,
          control: `a second training of the first ${figure(atAgain!.mean, 4)}, a difference of ${withInterval(chance)} by chance`,
          asked: `no gain beyond that of a second training; in part, one of ${percent(SOME)} of the loss at most`,
          numbersSay: gains ? (gain.mean > SOME * atInput!.mean ? 'fails' : 'partly') : 'holds',
          because: `The level at every block ${gain.mean > 0 ? 'lowers' : 'raises'} the loss by ${figure((100 * Math.abs(gain.mean)) / atInput!.mean, 2)} %, ${gains ? 'a gain beyond what a second training gives' : 'no gain beyond what a second training gives'} (${figure((100 * chance.mean) / atInput!.mean, 2)} %).`,
          values: { input: atInput!, blocks: atBlocks!, gain, chance, ratio },
        }),
      ],
      notes: [
        `Mean absolute error on the noise, of test images at 16 noise levels with ${DRAWS} draws; differences are paired by level and draw. From the same seeds the two grow pictures at ${withInterval(ratio)} of the distance of random pairs.`,
      ],
    };
  },
});

/** The loss at each noise level, of several draws. */
async function lossesOf(lab: Lab, name: string): Promise<number[]> {
  const model = await lab.denoiser(name);
  const test = await lab.data('mnist', 'test');
  const losses: number[] = [];
  for (let draw = 0; draw < DRAWS; draw++) {
    const { details } = await heldOutLoss(lab.runtime, model, test, lab.rng + draw);
    losses.push(...Object.values(details.heldOutByTime));
  }
  return losses;
}
