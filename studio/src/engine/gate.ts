/**
 * The gate that a model has passed or not, where its description says so.
 * @module
 */
import * as z from 'zod/mini';

/** A condition of `seedbed quality`. */
export interface Condition {
  readonly passed: boolean;
  readonly text: string;
}

const measured = z.object({
  quality: z.object({ conditions: z.array(z.object({ passed: z.boolean(), text: z.string() })) }),
});

/** The conditions that stand in a model's training record; undefined where nobody has measured. */
export function gateOf(training: unknown): readonly Condition[] | undefined {
  return measured.safeParse(training).data?.quality.conditions;
}
