import type { Claim } from './claims.ts';

/** What a model's gate said when `seedbed quality --into` measured it. */
export interface ModelGate {
  /** Conditions that it meets, of how many. */
  readonly passed: number;
  readonly of: number;
  /** Those that it does not meet, in words. */
  readonly fails: readonly string[];
}

/** The gates of denoisers by name; null for one that nobody has measured. */
export type Gates = Readonly<Record<string, ModelGate | null>>;

/** A claim with what its models' gates say of them, in a few words. */
export type GatedClaim = Claim & { readonly gate: string };

/**
 * Seeds speak for data only where the model has learned them: a claim whose models fail their gate, or have not been
 * measured, stays open, whatever its numbers say.
 */
export function gated(claim: Claim, gates: Gates): GatedClaim {
  const names = (claim.models ?? Object.keys(gates)).filter(name => name in gates);
  const gate = names.map(name => `${name} ${inShort(gates[name]!)}`).join(', ');
  const faults = names.flatMap(name => faultOf(name, gates[name]!) ?? []);
  if (faults.length === 0 || claim.verdict === 'open') return { ...claim, gate };
  return {
    ...claim,
    gate,
    verdict: 'open',
    because: `Open, as ${faults.join(', and ')}. What was seen: ${claim.because}`,
  };
}

const inShort = (gate: ModelGate | null) => (gate ? `${gate.passed} of ${gate.of}` : 'not measured');

function faultOf(name: string, gate: ModelGate | null): string | undefined {
  if (!gate) return `${name} has not been held against its gate`;
  return gate.fails.length > 0 ? `${name} fails its gate (${gate.fails.join('; ')})` : undefined;
}
