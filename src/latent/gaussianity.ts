import { requireWhole, SeedbedError } from '../errors.ts';
import { fillNormal } from '../tensor/random.ts';
import { requireFinite, rows, sizeOf, type Tensor } from '../tensor/tensor.ts';
import { type Bands, componentBands, deviation, spectrumBands } from './energies.ts';
import {
  kurtosisStatistic,
  marginalStatistic,
  meanStatistic,
  normStatistic,
  type SeedStatistic,
  skewnessStatistic,
} from './marginal.ts';
import { combinedP, NullValues } from './null.ts';
import { autocorrelation, neighbourCorrelation, PATCH, type PictureShape } from './spatial.ts';

/**
 * How {@link createPanel} makes its panel.
 * @group Statistics
 */
export interface PanelOptions {
  /** Random number seed of the null draws, a whole number from 0; 0. */
  readonly rng?: number | undefined;
  /**
   * How many null seeds are drawn, at least 199; 499. p-values are multiples of 1 / (draws + 1), and right over panels: of one
   * panel, the share of Gaussian seeds with p of .01 or less has a standard deviation of .0044, of 9,999 draws .001.
   */
  readonly draws?: number | undefined;
  /** Principal components of the data, [K, ...shape], for the statistic `bands`: see `principalComponents`. */
  readonly components?: Tensor<'float32'> | undefined;
}

/**
 * What one statistic says of a seed.
 * @group Statistics
 */
export interface SeedStatisticResult {
  /** The statistic. */
  readonly value: number;
  /** The chance that Gaussian noise is as far out, to either side. */
  readonly p: number;
  /** Of `spectrum` and `bands`: the energy in each band, 1 on average for Gaussian noise. */
  readonly energies?: readonly number[];
}

/**
 * Whether a seed looks like Gaussian noise.
 * @group Statistics
 */
export interface SeedVerdict {
  /** By the statistic's name. */
  readonly statistics: Readonly<Record<string, SeedStatisticResult>>;
  /** The chance that Gaussian noise is as far out in the statistic in which it is furthest out. */
  readonly p: number;
  /** Whether p is above 0.01; of Gaussian seeds one in a hundred is not, over panels ({@link PanelOptions}). */
  readonly gaussian: boolean;
}

/**
 * Statistics with their values on Gaussian noise of one shape: see {@link createPanel}.
 * @group Statistics
 */
export interface Panel {
  /** The shape of the seeds it judges. */
  readonly shape: readonly number[];
  /** The names of its statistics. */
  readonly statistics: readonly string[];
  /** What Gaussian noise gives: the mean of each statistic and the range that holds 95 % of its draws. */
  readonly expected: Readonly<
    Record<string, { readonly mean: number; readonly low: number; readonly high: number }>
  >;
  /**
   * Judges seeds [N, ...shape], a verdict for each.
   * @throws {SeedbedError} BadShape for seeds of another shape, Diverged where one is not a number.
   */
  judge(latent: Tensor<'float32'>): SeedVerdict[];
}

/** A seed is not Gaussian if its combined p-value is no more than this. */
export const LEVEL = 0.01;
/** Fewer coordinates have moments that say nothing: with two, skewness and kurtosis are constants. */
const FEWEST_FOR_MOMENTS = 8;

interface Measured {
  readonly value: number;
  readonly energies?: readonly number[];
}

/** A statistic, and the score by which it is compared with others. */
interface Measure {
  readonly name: string;
  of(seed: Float32Array): Measured;
  score(value: number): number;
}

/**
 * Draws the seeds of N(0,1) that seeds of a shape are held against, and measures them. The statistics are
 * - `norm`: |z|^2 / d;
 * - `mean`, and from eight coordinates on `skewness` and (excess) `kurtosis` of the coordinates;
 * - `marginal`: Anderson and Darling's distance of the coordinates from N(0,1);
 *
 * for pictures of 8 x 8 pixels or more, since each coordinate may look normal where together they do not,
 * - `neighbours`: the mean correlation of neighbouring pixels within 8 x 8 patches;
 * - `autocorrelation`: that of all neighbours, at scales down to 8 pixels;
 * - `spectrum`: how uneven the power is over octaves of spatial frequency;
 *
 * and with components given
 * - `bands`: how far the energy in octaves of the data's principal components is from 1.
 *
 * A statistic's p-value is two-sided and by rank among the draws, so that at most a share p of Gaussian seeds has one of p
 * or less (Davison and Hinkley 1997, "Bootstrap methods", section 4.2). The combined one, as exact, is of the greatest
 * distance from the mean over all statistics, in standard deviations (Westfall and Young 1993, max T).
 * @param shape [C, H, W] for pictures, [D] for points.
 * @throws {SeedbedError} BadArgument for an option out of range, BadShape for a shape without coordinates or components of
 * another one.
 * @group Statistics
 * @example
 * import { createPanel, float32 } from 'seedbed';
 * const panel = createPanel([2]);
 * const [near, far] = panel.judge(float32([2, 2], [0.5, -1, 5, 5]));
 * console.log(near.gaussian, far.gaussian, far.statistics.norm.p); // prints true false 0.004
 */
export function createPanel(shape: readonly number[], options: PanelOptions = {}): Panel {
  const { rng = 0, draws = 499, components } = options;
  requireWhole('rng', rng, 0);
  requireWhole('draws', draws, 199);
  if (shape.length === 0 || sizeOf(shape) < 1)
    throw new SeedbedError('BadShape', `createPanel: [${shape}] is not the shape of a seed`);
  const measures = measuresOf(shape, components);
  const nulls = drawNulls(measures, sizeOf(shape), rng, draws);
  return {
    shape,
    statistics: measures.map(({ name }) => name),
    expected: Object.fromEntries(
      measures.map(({ name }, i) => {
        const drawn = nulls[i]!;
        return [name, { mean: drawn.mean, low: drawn.quantile(0.025), high: drawn.quantile(0.975) }];
      }),
    ),
    judge(latent) {
      const [count = 0, ...of] = latent.shape;
      if (of.join() !== shape.join()) {
        throw new SeedbedError('BadShape', `the panel judges seeds [N, ${shape}], got [${latent.shape}]`);
      }
      requireFinite(latent, 'a seed holds what is not a finite number, and cannot be judged');
      return Array.from({ length: count }, (_, i) => {
        return verdictOf(rows(latent, i, i + 1).data, measures, nulls, draws);
      });
    },
  };
}

function measuresOf(shape: readonly number[], components: Tensor<'float32'> | undefined): Measure[] {
  const [, height = 0, width = 0] = shape;
  const measures = [
    positive('norm', normStatistic),
    signed('mean', meanStatistic),
    positive('marginal', marginalStatistic),
  ];
  if (sizeOf(shape) >= FEWEST_FOR_MOMENTS)
    measures.push(signed('skewness', skewnessStatistic), signed('kurtosis', kurtosisStatistic));
  if (shape.length === 3 && Math.min(height, width) >= PATCH) {
    const picture = shape as PictureShape;
    measures.push(
      signed('neighbours', neighbourCorrelation(picture)),
      positive('autocorrelation', autocorrelation(picture)),
      banded('spectrum', spectrumBands(picture)),
    );
  }
  if (components) measures.push(banded('bands', componentBands(components, shape)));
  return measures;
}

const signed = (name: string, of: SeedStatistic): Measure => ({
  name,
  of: seed => ({ value: of(seed) }),
  score: value => value,
});

/** What is about chi-square is about normal after a cube root (Wilson and Hilferty 1931). */
const positive = (name: string, of: SeedStatistic): Measure => ({ ...signed(name, of), score: Math.cbrt });

const banded = (name: string, bands: Bands): Measure => ({
  name,
  of(seed) {
    const energies = bands.energies(seed);
    return { value: deviation(energies, bands.sizes), energies };
  },
  score: Math.cbrt,
});

/** The values of each statistic on the null's draws. */
function drawNulls(measures: readonly Measure[], dims: number, rng: number, draws: number): NullValues[] {
  const values = measures.map(() => new Float64Array(draws));
  const seed = new Float32Array(dims);
  for (let r = 0; r < draws; r++) {
    fillNormal({ seed: rng, purpose: 'null' }, r, 0, seed);
    measures.forEach((measure, i) => {
      values[i]![r] = measure.of(seed).value;
    });
  }
  return measures.map(({ score }, i) => new NullValues(values[i]!, score));
}

function verdictOf(
  seed: Float32Array,
  measures: readonly Measure[],
  nulls: readonly NullValues[],
  draws: number,
): SeedVerdict {
  const measured = measures.map(measure => measure.of(seed));
  const statistics = Object.fromEntries(
    measures.map(({ name }, i) => [name, { ...measured[i]!, p: nulls[i]!.p(measured[i]!.value) }]),
  );
  const values = measured.map(({ value }) => value);
  const p = combinedP(nulls, values, draws);
  return { statistics, p, gaussian: p > LEVEL };
}
