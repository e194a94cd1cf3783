import { z } from 'zod';
import { type LevelError, worstLevel } from './levels.ts';
import type { PixelFigures } from './samples.ts';

/**
 * How pictures compare with real ones that the network learned from.
 * @group Quality
 */
export interface PictureFigures extends PixelFigures {
  /**
   * Frechet distance of their features from those of real pictures; 0 for the same mean and covariance, which a linear model
   * also comes near to in features that are linear.
   */
  readonly frechet: number;
  /** Share of them among real pictures, 0 to 1. */
  readonly precision: number;
  /** Share of real pictures among them, 0 to 1. */
  readonly recall: number;
  /** Distance of their features to the nearest picture that was learned from, within which a share of them lie ({@link QualityNumbers.copied}). */
  readonly nearest: number;
}

/**
 * What is known of how well a model has learned.
 * @group Quality
 */
export interface QualityNumbers {
  readonly levels: readonly LevelError[];
  /** The share of pictures that lie within the distance `nearest` of what was learned, a tenth at most. */
  readonly copied: number;
  /** Of pictures that the network grew. */
  readonly grown: PictureFigures;
  /** Of pictures that the best linear denoiser grew from the same seeds. */
  readonly linear: PictureFigures;
  /** Of held-out real pictures. */
  readonly real: PictureFigures;
}

/**
 * One condition that a model meets or not.
 * @group Quality
 */
export interface Condition {
  readonly passed: boolean;
  /** What was asked and what was found, in a sentence. */
  readonly text: string;
}

/** How much more than the best linear denoiser a network may err: at the noise end there is no more to see. */
const LINEAR = 1.01;
/**
 * How far the mean and the variance of grown pixels may be from those of real ones, as a share. A sampler of few steps loses contrast
 * by itself: of the best linear denoiser's pictures as much as of a network's, which therefore stand for what is possible.
 */
const PIXELS = 0.15;
/** How much of grown pictures may be cut off. */
const SATURATED = 0.02;
/** The least share of real pictures' own precision and recall. */
const SHARE = 0.5;
/** The nearest of copies lie nearer to what was learned than this share of real pictures' distance. */
const COPIES = 0.5;

/**
 * The gate: what a model has to show before its seeds can speak for the data. Each condition can fail: a model that draws
 * noise, one that is blank, one that is linear, one that copies what it learned.
 */
export function gate({ levels, copied, grown, linear, real }: QualityNumbers): Condition[] {
  const worst = worstLevel(levels)!;
  const share = (value: number, of: number) => `${figure(value)}, real pictures' ${figure(of)}`;
  return [
    {
      passed: worst.network <= LINEAR * worst.linear,
      text: `sees as much as the best linear denoiser at every level, to 1 %: at worst ${figure(worst.network)} at t = ${worst.time.toFixed(1)}, linear ${figure(worst.linear)}`,
    },
    {
      passed: Math.abs(grown.mean - real.mean) <= PIXELS * real.mean,
      text: `has the brightness of real pictures, to ${100 * PIXELS} %: mean ${share(grown.mean, real.mean)}`,
    },
    {
      passed:
        grown.variance >= (1 - PIXELS) * Math.min(real.variance, linear.variance) &&
        grown.variance <= (1 + PIXELS) * real.variance,
      text: `has their contrast, as far as its sampler lets a linear model have it, to ${100 * PIXELS} %: variance ${share(grown.variance, real.variance)}, linear ${figure(linear.variance)}`,
    },
    {
      passed: grown.saturated <= SATURATED,
      text: `at most ${100 * SATURATED} % of pixels are cut off: ${figure(100 * grown.saturated)} %`,
    },
    {
      passed: grown.precision >= Math.max(SHARE * real.precision, linear.precision),
      text: `draws what could be real, as a linear model does not: precision ${share(grown.precision, real.precision)}, linear ${figure(linear.precision)}`,
    },
    {
      passed: grown.recall >= SHARE * real.recall,
      text: `draws all kinds: recall ${share(grown.recall, real.recall)}`,
    },
    {
      passed: grown.nearest >= COPIES * real.nearest,
      text: `does not copy: ${figure(100 * copied)} % of its pictures lie within a distance of what it learned of ${share(grown.nearest, real.nearest)}`,
    },
  ];
}

const figure = (value: number) => Number(value.toPrecision(3)).toString();

const recorded = z.object({
  quality: z.object({ conditions: z.array(z.object({ passed: z.boolean(), text: z.string() })) }),
});

/** The conditions that stand in a model's training record (`quality --into`); undefined where nobody has measured. */
export function recordedGate(training: unknown): readonly Condition[] | undefined {
  return recorded.safeParse(training).data?.quality.conditions;
}
