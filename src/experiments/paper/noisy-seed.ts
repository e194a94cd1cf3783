import { prepare } from '../../diffusion/batches.ts';
import { lineFigure } from '../../figures/line.ts';
import { normals } from '../../tensor/random.ts';
import { combine } from '../../tensor/rowwise.ts';
import { average, meanSquaredErrors } from '../../tensor/statistics.ts';
import { type Floats, rows, takeRows, unstack } from '../../tensor/tensor.ts';
import { above, below, judged, together } from './claims.ts';
import { experiment, grow, readPictures } from './lab.ts';
import { curveOf, figure, ratioOfMeans, type Sampled, sampled, withInterval } from './means.ts';

/** The signal rate of the picture in its seed: the least that the network was trained for. */
const RATE = 0.02;
const NOISE = [0.25, 0.5, 0.75, 1];
/** Draws of the noise for each picture. */
const DRAWS = 4;
/** Draws differ that do so by more than this part of what noise alone gives. */
const DIFFERENT = 0.1;

/** Noise added to the picture used as a seed (Asperti et al. 2023, section 1: "merely a less deterministic output"). */
export const noisySeed = experiment({
  name: 'noisy-seed',
  title: 'noise added to the picture used as a seed',
  needs: ['fashion-mnist', 'data:fashion-mnist'],
  async measure(lab) {
    const model = await lab.denoiser('fashion-mnist');
    const count = Math.max(2, Math.round(lab.sizes.sample / DRAWS));
    const images = await readPictures(await lab.data('fashion-mnist', 'test'), 0, count);
    const repeated = takeRows(
      images,
      Array.from({ length: count * DRAWS }, (_, i) => Math.floor(i / DRAWS)),
    );
    const x = prepare(repeated, model.info.padding, model.info.range);
    const noise = normals({ seed: lab.rng, purpose: 'noisy seed' }, x.shape);
    const tried: { level: number; grown: Floats; error: Sampled; spread: Sampled; times: Sampled }[] = [];
    let without: readonly number[] = [];
    for (const level of [0, ...NOISE]) {
      const grown = await grow(lab, model, combine([RATE, x], [level, noise]));
      const missed = errors(grown, repeated);
      if (level === 0) without = missed;
      tried.push({
        ...{ level, grown, error: sampled(missed, lab.rng), spread: sampled(spreads(grown), lab.rng) },
        /** The error in parts of that without noise. */
        times: ratioOfMeans(missed, without, lab.rng, true),
      });
    }
    const alone = await grow(lab, model, noise);
    const [chance, free] = [errors(alone, repeated), spreads(alone)].map(v => sampled(v, lab.rng));
    const shown = Math.min(lab.sizes.shown, count);
    const first = Array.from({ length: shown }, (_, i) => i * DRAWS);
    return {
      numbers: { tried: tried.map(({ grown: _, ...numbers }) => numbers), chance: chance!, free: free! },
      sheets: [
        {
          file: 'noisy-seed-pictures',
          caption: `Pictures, and what grows from ${RATE} of them with more and more noise.`,
          title: 'Noise added to a picture used as a seed',
          rows: [
            { label: 'picture', pictures: unstack(rows(images, 0, shown)) },
            ...tried.map(({ level, grown }) => ({
              label: `noise ${figure(level, 2)}`,
              pictures: unstack(takeRows(grown, first)),
            })),
          ],
        },
      ],
    };
  },
  report({ tried, chance, free }) {
    const [none, full] = [tried[0]!, tried.at(-1)!];
    const noisy = tried.slice(1);
    const helped = noisy.filter(({ times }) => below(times, 1) === 'holds');
    // Without noise all draws are one: what they differ by is held against what noise alone gives.
    const merely = together(
      above(full.spread, DIFFERENT * free.mean),
      ...noisy.map(({ times }) => above(times, 1)),
    );
    const more = tried.every(({ spread }, i) => i === 0 || spread.mean > tried[i - 1]!.spread.mean);
    return {
      plots: [
        {
          file: 'noisy-seed',
          caption:
            'Error of what noisy pictures grow, and how much draws of the noise differ, with 95 % intervals.',
          svg: lineFigure({
            title: 'Noise added to a picture used as a seed',
            x: { label: 'noise added, standard deviation' },
            y: { label: 'mean squared difference of pixels' },
            series: (['error', 'spread'] as const).map(of =>
              curveOf(
                of === 'error' ? 'from the picture' : 'between draws',
                tried.map(({ level }) => level),
                tried.map(one => one[of]),
              ),
            ),
          }),
        },
      ],
      claims: [
        judged({
          number: full.error,
          against: chance,
          rests: [none.error, full.spread, free, ...noisy.map(({ times }) => times)],
          paper:
            'Injecting noise into the picture used as a seed merely results in a less deterministic output.',
          ours: `squared error ${tried.map(({ level, error }) => `${withInterval(error)} with noise ${figure(level, 2)}`).join(', ')}; in parts of that without noise ${noisy.map(({ times }) => withInterval(times)).join(', ')}; draws differ by ${withInterval(full.spread)} at noise 1`,
          control: `noise alone: error ${withInterval(chance!)}, draws differ by ${withInterval(free!)}`,
          asked: `a greater error with every noise than without, and draws that differ by more than ${figure(DIFFERENT, 1)} of what noise alone gives`,
          numbersSay: merely,
          because: `Draws of the noise grow ${more ? 'ever more ' : ''}different pictures (at full noise ${figure(full.spread.mean / free!.mean, 2)} of what noise alone gives), and ${helped.length > 0 ? `noise of ${helped.map(({ level }) => figure(level, 2)).join(', ')} brings them nearer to the picture` : merely === 'holds' ? 'all of it takes them farther from the picture' : 'none clearly brings them nearer to the picture'}.`,
          values: Object.fromEntries([
            ...tried.flatMap(({ level, error, spread }) => [
              [`error.${level}`, error.mean],
              [`spread.${level}`, spread.mean],
            ]),
            ['chance', chance!.mean],
            ['free', free!.mean],
          ]),
        }),
      ],
    };
  },
});

/** Of each picture, the mean over its draws: the draws of one picture do not vary independently. */
function ofEach(values: readonly number[], draws: number): number[] {
  return Array.from({ length: values.length / draws }, (_, i) =>
    average(values.slice(i * draws, (i + 1) * draws)),
  );
}

/** Of each picture, the mean error of its draws. */
function errors(grown: Floats, images: Floats): number[] {
  return ofEach(meanSquaredErrors(grown, images), DRAWS);
}

/** Of each picture, how much its draws' pictures differ, over all pairs of draws. */
function spreads(grown: Floats): number[] {
  const all = Array.from({ length: grown.shape[0]! }, (_, i) => i);
  const shifted = (by: number) => all.map(i => i - (i % DRAWS) + ((i + by) % DRAWS));
  const turns = Array.from({ length: DRAWS - 1 }, (_, k) =>
    ofEach(meanSquaredErrors(grown, takeRows(grown, shifted(k + 1))), DRAWS),
  );
  return turns[0]!.map((_, i) => average(turns.map(turn => turn[i]!)));
}
