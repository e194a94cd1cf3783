import type { StepReport } from './inversion/climb.ts';

/**
 * What an inversion measured on its way: nothing that failed is called converged.
 * @group Embedding
 */
export interface Certificate {
  /** Relative residual |g(x) - x| / |x| of each step undone, from the picture to the noise; null where not measured. */
  readonly residuals: readonly (number | null)[];
  /**
   * Largest factor of the plain fixed-point iteration that was seen at each of them: above 1 it would diverge; null where
   * not measured.
   */
  readonly factors: readonly (number | null)[];
  /**
   * How far the seed may be, relative to its length, from the exact seed of the picture or state that the steps were undone
   * from (from one of them, where there are several): twice their residuals, carried to the seed by the inverses that the
   * iterations measured; where all were measured.
   */
  readonly bound?: number;
  /** Mean square by which the solved equations miss the picture, standardised: 0 of an exact inverse; where known. */
  readonly miss?: number;
  /** How far off, root mean square, the picture may be, standardised; of methods that fit a picture. */
  readonly tau?: number;
  /** What failed, in words; empty where nothing did. */
  readonly flags: readonly string[];
  /** What is no failure but worth knowing, such as a seed that is no likely noise. */
  readonly notes: readonly string[];
}

/** How much larger a bound is than what was measured, since iterations do not see every direction. */
const SAFETY = 2;
/** The largest bound of a seed's relative error with which it counts as found. */
const MOST_ERROR = 0.02;

/** The certificate of each row of a batch. @param misses mean square of what least squares miss in each row, at most tau squared. */
export function certify(
  count: number,
  reports: readonly StepReport[],
  misses?: ArrayLike<number>,
  tau?: number,
): Certificate[] {
  return Array.from({ length: count }, (_, row) => {
    const residuals = reports.map(report => finiteOrNull(report.residuals[row]!));
    const factors = reports.map(report => finiteOrNull(report.factors[row]!));
    const miss = misses?.[row];
    const bound = SAFETY * (reports.at(-1)?.bounds[row] ?? Number.NaN);
    const known = Number.isFinite(bound);
    const flags: string[] = [];
    const excess = (report: StepReport) => report.residuals[row]! / report.goals[row]!;
    const worst = reports.reduce<StepReport | undefined>(
      (most, report) => (excess(report) > (most ? excess(most) : 1) ? report : most),
      undefined,
    );
    if (worst) {
      const residual = worst.residuals[row]!;
      const how = Number.isFinite(residual) ? `to a residual of ${residual.toPrecision(2)}` : 'to no number';
      flags.push(
        `the step to time ${worst.level.time.toFixed(2)} is undone ${how}, not ${worst.goals[row]!.toPrecision(1)}`,
      );
    }
    if (known && bound > MOST_ERROR)
      flags.push(
        `steps undone inexactly may have moved the seed by ${bound < 1 ? (100 * bound).toPrecision(2) : (100 * bound).toFixed(0)} % of its length`,
      );
    if (miss !== undefined && tau !== undefined && !(miss <= tau ** 2))
      flags.push(
        `the last step misses the picture by ${Math.sqrt(miss).toPrecision(2)}, more than tau ${tau}`,
      );
    return {
      residuals,
      factors,
      ...(known && { bound }),
      ...(miss !== undefined && { miss }),
      ...(tau !== undefined && { tau }),
      flags,
      notes: [],
    };
  });
}

/** What rounding and steps undone to their tolerances may put between a picture that is grown and the equations, mean square, standardised. */
const SMALLEST_MISS = 1e-3;

/**
 * A certificate with what the sampler's own picture of the seed shows. A method that fits a picture answers for that picture: where
 * the sampler grows it to within tau, and as near as the solved equations promise (to within a factor of two), what its steps
 * left undone is worth knowing, but no failure.
 * @param missed mean square by which the grown picture misses the one wanted, standardised.
 */
export function judge(certificate: Certificate, missed: number): Certificate {
  const { flags, notes, miss, tau } = certificate;
  if (miss === undefined) return certificate;
  const off = (square: number) => Math.sqrt(square).toPrecision(2);
  if (!(missed <= 4 * miss + SMALLEST_MISS)) {
    const told = `the sampler misses the picture by ${off(missed)}, where the solved equations say ${off(miss)}`;
    return { ...certificate, flags: [...flags, told] };
  }
  if (tau === undefined) return certificate;
  if (!(missed <= tau ** 2)) {
    const known = !(miss <= tau ** 2);
    const told = `the sampler misses the picture by ${off(missed)}, more than tau ${tau}`;
    return known ? certificate : { ...certificate, flags: [...flags, told] };
  }
  if (flags.length === 0) return certificate;
  return {
    ...certificate,
    flags: [],
    notes: [...notes, `what grows from it is right, though ${flags.join('; ')}`],
  };
}

function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
