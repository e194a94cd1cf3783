import type { StepReport } from './inversion/climb.ts';

/**
 * What an inversion measured on its way: nothing that failed is called converged.
 * @group Embedding
 */
export interface Certificate {
  /** Relative residual |g(x) - x| / |x| of each step undone, from the picture to the noise; null where not measured. */
  readonly residuals: readonly (number | null)[];
  /** Factor of the plain fixed-point iteration at each of them: above 1 it would diverge; null where not measured. */
  readonly factors: readonly (number | null)[];
  /** Mean square by which the solved equations miss the picture, standardised: 0 of an exact inverse; where known. */
  readonly miss?: number;
  /** What failed, in words; empty where nothing did. */
  readonly flags: readonly string[];
  /** What is no failure but worth knowing, such as a seed that is no likely noise. */
  readonly notes: readonly string[];
}

/** Limits of what a certificate lets pass. */
export interface Limits {
  /** A step is undone where its relative residual is at most this. */
  readonly tolerance: number;
  /** A picture is met where it is missed by at most this, root mean square, standardised. */
  readonly tau?: number;
}

/** The certificate of each row of a batch. @param misses mean square of what least squares miss in each row. */
export function certify(
  count: number,
  reports: readonly StepReport[],
  misses: ArrayLike<number> | undefined,
  { tolerance, tau }: Limits,
): Certificate[] {
  return Array.from({ length: count }, (_, row) => {
    const residuals = reports.map(report => finiteOrNull(report.residuals[row]!));
    const factors = reports.map(report => finiteOrNull(report.factors[row]!));
    const miss = misses?.[row];
    const flags: string[] = [];
    const worst = reports.reduce<StepReport | undefined>(
      (most, report) => (report.residuals[row]! > (most?.residuals[row] ?? tolerance) ? report : most),
      undefined,
    );
    if (worst) {
      const residual = worst.residuals[row]!;
      const how = Number.isFinite(residual) ? `to a residual of ${residual.toPrecision(2)}` : 'to no number';
      flags.push(`the step to time ${worst.level.time.toFixed(2)} is undone ${how}, not ${tolerance}`);
    }
    if (miss !== undefined && tau !== undefined && !(miss <= tau ** 2))
      flags.push(
        `the last step misses the picture by ${Math.sqrt(miss).toPrecision(2)}, more than tau ${tau}`,
      );
    return { residuals, factors, ...(miss !== undefined && { miss }), flags, notes: [] };
  });
}

function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
