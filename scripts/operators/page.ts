import { readFileSync } from 'node:fs';
import { RULES } from '../../src/autodiff/rules.ts';
import { isOp } from '../../src/graph/infer.ts';
import { READ_OPSETS } from '../../src/graph/ir.ts';
import { LOWERINGS } from '../../src/graph/lower.ts';
import { REFUSED } from '../../src/graph/refused.ts';

/** ONNX's operators, and since which operator set it has each; recorded by record.py. */
export const SINCE: Readonly<Record<string, number>> = JSON.parse(
  readFileSync(new URL('operators.json', import.meta.url), 'utf8'),
);

/** What becomes of an operator; undefined where no table has it. */
export function fateOf(op: string): string | undefined {
  if (op === 'If') return 'the branch that its condition chooses, where that follows from sizes and weights';
  if (Object.hasOwn(LOWERINGS, op)) return 'lowered';
  const reason = REFUSED.get(op);
  if (reason) return `refused: ${reason}`;
  if (!isOp(op)) return undefined;
  const rule = RULES[op];
  if (typeof rule === 'function') return 'gradient rule';
  return rule.kind === 'flat'
    ? `no gradient: ${rule.because}`
    : `forward alone, its gradient refused: ${rule.because}`;
}

/** The page docs/operators.md. */
export function operatorsPage(): string {
  const rows = Object.entries(SINCE).map(([op, since]) => `| ${op} | ${since} | ${fateOf(op)} |`);
  return `# Operators

What Seedbed makes of each operator of ONNX's operator sets ${READ_OPSETS.from} to ${READ_OPSETS.to}; written by \`npm run docs:operators\` from the tables in the code.

- **gradient rule**: part of the graphs that Seedbed builds, and differentiated by a rule of its own (\`src/autodiff/rules.ts\`).
- **no gradient**: runs, and nothing is passed back through it, for its slope is zero wherever there is one.
- **lowered**: written out as operators of the first kind when a graph is loaded (\`src/graph/lower.ts\`), so that it has a gradient where they have one.
- **refused**: a graph that has it is not taken, and the message says why (\`src/graph/refused.ts\`).

Refused with a message, too, are forms of the others that no denoiser is known to have: dilated pooling; a ConvTranspose whose \`auto_pad\` is SAME with strides longer than its window ([ONNX and the runtime differ](../findings/same-falls-short.sh)); scatters that keep the smallest or the largest, and gradients of those that multiply; a Resize of a region or that keeps proportions; Dropout and BatchNormalization in training; an Attention with a cache. Weights in 4 and 2 bits are read, for DequantizeLinear; float8 and float4 are not.

| operator | since set | in Seedbed |
| --- | --- | --- |
${rows.join('\n')}
`;
}
