import { z } from 'zod';
import { SeedbedError } from '../errors.ts';
import type { Graph, Node } from '../graph/ir.ts';
import { renameValues } from '../graph/nodes.ts';
import { float32, int64, type Tensor } from '../tensor/tensor.ts';
import type { DenoiserInfo } from './info.ts';

/** How a network F stands in its denoiser D(x; sigma) = c_skip x + c_out F(c_in x; c_noise), checked. */
export const preconditioningSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('edm'),
    /** Deviation of a pixel of the data, as the network sees it; .5 of most. */
    sigmaData: z.number().gt(0).lt(1e3),
    /** Its output has the other sign, as that of diffusers' v_prediction; false. */
    negated: z.boolean().optional(),
  }),
  z.strictObject({ kind: z.literal('ve') }),
  z.strictObject({
    kind: z.literal('consistency'),
    /** As of 'edm'. */
    sigmaData: z.number().gt(0).lt(1e3),
    /** The least sigma, at which the denoiser gives back what it is shown; .002 of most. */
    sigmaMin: z.number().gte(0).lt(1e3),
  }),
]);

type Preconditioning = z.infer<typeof preconditioningSchema>;
/** Adds a node to the graph, and gives the name of what it computes. */
type Emit = (op: string, ...operands: (string | number)[]) => string;

/** What stands before and behind the network at a level sigma [N, 1, ...]; c_noise has the shape of the level. */
interface Factors {
  readonly scaled: string;
  readonly noise: string;
  readonly denoised: (network: string) => string;
}

/** What stands around a network F in D(x; sigma) = c_skip x + c_out F(c_in x; c_noise), as a column of Karras et al. 2022, table 1. */
type Preconditioner = (emit: Emit, x: string, sigma: string, level: string) => Factors;

/** d^2 x / total + (away d / root) F, with the other sign where F is negated: what EDM and consistency models make of the network's output F. */
function joined(
  emit: Emit,
  parts: { x: string; network: string; d: number; total: string; away: string; root: string },
  negated = false,
): string {
  const { x, network, d, total, away, root } = parts;
  return emit(
    negated ? 'Sub' : 'Add',
    emit('Div', emit('Mul', x, d ** 2), total),
    emit('Mul', network, emit('Div', emit('Mul', away, d), root)),
  );
}

/**
 * EDM: c_in = 1 / sqrt(sigma^2 + d^2), c_noise = ln(sigma) / 4, c_skip = d^2 / (sigma^2 + d^2),
 * c_out = sigma d / sqrt(sigma^2 + d^2), of a negated network the negative of that.
 * @param d deviation of the data.
 */
const edm =
  (d: number, negated: boolean | undefined): Preconditioner =>
  (emit, x, sigma, level) => {
    const total = emit('Add', emit('Mul', sigma, sigma), d ** 2);
    const root = emit('Sqrt', total);
    return {
      scaled: emit('Div', x, root),
      noise: emit('Mul', emit('Log', level), 0.25),
      denoised: network => joined(emit, { x, network, d, total, away: sigma, root }, negated),
    };
  };

/**
 * Consistency models (Song et al. 2023, appendix C): c_in as EDM's, c_noise = 250 ln(sigma),
 * c_skip = d^2 / ((sigma - m)^2 + d^2), c_out = (sigma - m) d / sqrt(sigma^2 + d^2), so that D(x; m) = x.
 * @param d deviation of the data.
 * @param m the least sigma.
 */
const consistency =
  (d: number, m: number): Preconditioner =>
  (emit, x, sigma, level) => {
    const root = emit('Sqrt', emit('Add', emit('Mul', sigma, sigma), d ** 2));
    const above = emit('Sub', sigma, m);
    const total = emit('Add', emit('Mul', above, above), d ** 2);
    return {
      scaled: emit('Div', x, root),
      noise: emit('Mul', emit('Log', level), 250),
      denoised: network => joined(emit, { x, network, d, total, away: above, root }),
    };
  };

/** VE, of NCSN++ (Song et al. 2021): c_in = 1, c_noise = ln(sigma / 2), c_skip = 1, c_out = sigma. */
const ve: Preconditioner = (emit, x, sigma, level) => ({
  scaled: x,
  noise: emit('Log', emit('Mul', level, 0.5)),
  denoised: network => emit('Add', x, emit('Mul', network, sigma)),
});

function preconditionerOf(given: Preconditioning): Preconditioner {
  switch (given.kind) {
    case 'edm':
      return edm(given.sigmaData, given.negated);
    case 've':
      return ve;
    case 'consistency':
      return consistency(given.sigmaData, given.sigmaMin);
  }
}

/**
 * The denoiser of a network that was exported without its preconditioning: shown x0 + sigma epsilon and told sigma, it gives x0.
 * @throws {SeedbedError} BadFile where the description says otherwise; Unsupported where the network takes whole timesteps only.
 */
export function preconditioned(graph: Graph, info: DenoiserInfo, given: Preconditioning): Graph {
  requireDenoiser(graph, info);
  const { image, level } = info.inputs;
  const { output } = info;
  const shapeOf = (name: string) => graph.inputs.find(input => input.name === name)!.shape;
  const initializers = new Map<string, Tensor>(graph.initializers);
  const nodes: Node[] = [];
  const name = (i: number | string) => `preconditioning/${i}`;
  const constant = (value: Tensor) => {
    initializers.set(name(`constant ${initializers.size}`), value);
    return name(`constant ${initializers.size - 1}`);
  };
  const emit: Emit = (op, ...operands) => {
    const inputs = operands.map(operand =>
      typeof operand === 'number' ? constant(float32([], [operand])) : operand,
    );
    const result = name(nodes.length);
    nodes.push({ op, name: result, inputs, outputs: [result], attributes: {} });
    return result;
  };
  const around = preconditionerOf(given);
  const first = shapeOf(level).length === 0 ? 1 : 0;
  const column = shapeOf(image).map((_, i) => (i === 0 ? first : 1));
  const sigma = emit('Reshape', level, constant(int64(column)));
  const { scaled, noise, denoised } = around(emit, image, sigma, level);
  const inside = `${output}/network`;
  const names = new Map([
    [image, scaled],
    [level, noise],
    [output, inside],
  ]);
  const before = nodes.length;
  const last = denoised(inside);
  const rename = (value: string) => names.get(value) ?? value;
  const behind = nodes
    .slice(before)
    .map(each => renameValues(each, value => (value === last ? output : value)));
  return {
    ...graph,
    initializers,
    nodes: [...nodes.slice(0, before), ...graph.nodes.map(node => renameValues(node, rename)), ...behind],
  };
}

function requireDenoiser(graph: Graph, { predicts, level, sees, schedule, inputs }: DenoiserInfo): void {
  if (predicts !== 'x0' || level !== 'sigma' || sees !== 'exploding' || schedule.kind === 'flow')
    throw new SeedbedError(
      'BadFile',
      `a preconditioned network is described as the denoiser around it: "predicts": "x0", "level": "sigma", "sees": "exploding"; here they are "${predicts}", "${level}", "${sees ?? 'preserving'}"${schedule.kind === 'flow' ? ', on a flow schedule' : ''}`,
    );
  const { dtype } = graph.inputs.find(({ name }) => name === inputs.level)!;
  if (dtype !== 'float32')
    throw new SeedbedError(
      'Unsupported',
      `its input '${inputs.level}' takes whole numbers (${dtype}), but what a preconditioned network is told are fractions. Export it with a level in float32`,
    );
}
