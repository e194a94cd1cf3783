import { heldOutLoss } from '../../diffusion/train-denoiser.ts';
import { countParameters } from '../../nn/networks.ts';
import { figure, judged, ofOne, withInterval } from './claims.ts';
import { experiment, type Lab, SUBJECTS } from './lab.ts';
import { compareSiblings, growSiblings } from './measure/siblings.ts';

const [INPUT, BLOCKS, AGAIN] = [
  'mnist-small',
  'mnist-small-level-at-blocks',
  'mnist-small-retrained',
] as const;
/** Draws of the noise, each with a loss at every level. */
const DRAWS = 4;

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
    const { ratio } = compareSiblings(lab, input!, blocks!);
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
    const gains = gain.low > Math.max(0, Math.abs(chance.mean));
    return {
      claims: [
        judged({
          number: gain,
          against: chance,
          paper: `Feeding the level to the first layer only "does not seem to entail any loss in performance" (${SUBJECTS.mnist.title}).`,
          ours: `loss on test images ${withInterval(atInput!, 4)} at the input (${inputWeights} weights), ${withInterval(atBlocks!, 4)} at every block (${blockWeights}); the difference ${withInterval(gain)}`,
          control: `a second training of the first ${figure(atAgain!.mean, 4)}, a difference of ${withInterval(chance)} by chance`,
          numbersSay: gains ? (gain.mean > 0.02 * atInput!.mean ? 'fails' : 'partly') : 'holds',
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
