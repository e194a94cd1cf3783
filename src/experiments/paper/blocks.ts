import { rows, unstack } from '../../tensor/tensor.ts';
import { figure, judged, withInterval } from './claims.ts';
import { experiment } from './lab.ts';
import { compareSiblings, growSiblings } from './measure/siblings.ts';

/** Networks with one, two and three residual blocks a level. */
const NETWORKS = ['mnist-small-1-block', 'mnist-small', 'mnist-small-3-blocks'] as const;

/** Other numbers of blocks a level (Asperti et al. 2023, section 3.3: "different layers in each block"). */
export const blocks = experiment({
  name: 'blocks',
  title: 'other numbers of blocks a level',
  needs: [NETWORKS[0], NETWORKS[1], 'mnist-small-retrained'],
  async measure(lab) {
    const names = NETWORKS.filter(name => lab.has(name));
    const grown = await growSiblings(lab, names, lab.sizes.sample);
    const [again] = await growSiblings(lab, ['mnist-small-retrained'], lab.sizes.sample);
    const two = grown.find(({ name }) => name === 'mnist-small')!;
    const chance = compareSiblings(lab, two, again!).ratio;
    return {
      numbers: {
        chance,
        others: grown
          .filter(one => one !== two)
          .map(one => ({ name: one.name, ratio: compareSiblings(lab, two, one).ratio })),
      },
      sheets: [
        {
          file: 'blocks',
          caption: 'What networks with different numbers of blocks a level grow from the same seeds (MNIST).',
          title: 'Other numbers of blocks',
          rows: grown.map(({ name, pictures }) => ({
            label: name,
            pictures: unstack(rows(pictures, 0, Math.min(lab.sizes.shown, pictures.shape[0]!))),
          })),
        },
      ],
    };
  },
  report({ chance, others }) {
    return {
      claims: others.map(({ name, ratio }) =>
        judged({
          number: ratio,
          against: chance,
          paper: `Networks with another number of blocks a level grow the same pictures (${name.replace('mnist-small-', '').replace('-', ' ')} against 2).`,
          ours: `squared distance over that of random pairs ${withInterval(ratio)}`,
          control: `random pairs have 1; the network of 2 blocks trained again ${withInterval(chance)}`,
          numbersSay: ratio.high < 0.01 ? 'holds' : ratio.high < 0.5 ? 'partly' : 'fails',
          because: `The pictures are ${figure(1 / ratio.mean, 2)} times nearer than chance, ${ratio.low <= chance.high ? 'as near as' : 'farther than'} a second training of the same network brings them (${figure(1 / chance.mean, 2)}).`,
          values: { ratio, chance },
        }),
      ),
    };
  },
});
