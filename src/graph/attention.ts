import { SeedbedError } from '../errors.ts';
import { tensor, toNumbers } from '../tensor/tensor.ts';
import type { GraphBuilder, Value } from './builder.ts';
import { type CompositeNode, scaled } from './composite.ts';
import { floatOf, intOf } from './ir.ts';

/** What a score is where a key is not attended to: its exponential is 0. */
const NEVER = -3.4028234e38;
/** The most elements of a mask that is made here, 64 MiB; a damaged file may say anything. */
const MOST_MASK = 2 ** 26;
/** Inputs that only a language model has, by their places. */
const CACHE_INPUTS = [
  [4, 'past_key'],
  [5, 'past_value'],
  [6, 'nonpad_kv_seqlen'],
] as const;

/**
 * softmax(q k^T scale + mask) v (Vaswani et al. 2017), of operator sets 23 to 26: heads apart [N, heads, L, D] or side by
 * side [N, L, heads D], several query heads to one key head (Ainslie et al. 2023), softcap tanh(s / softcap) of scores.
 * @throws {SeedbedError} Unsupported for a cache of keys and values, which a denoiser does not have.
 */
export function attention(n: CompositeNode): Value {
  const { b, inputs, attributes } = n;
  refuseCache(n);
  const isFlat = b.type(inputs[0]!).shape.length === 3;
  const apart = (value: Value, heads: string) =>
    isFlat ? splitHeads(b, value, intOf(attributes, heads, 1)) : value;
  const q = apart(inputs[0]!, 'q_num_heads');
  const [, heads, length, width] = b.shape(q) as [number, number, number, number];
  const [k, v] = [inputs[1]!, inputs[2]!].map(value =>
    repeatHeads(b, apart(value, 'kv_num_heads'), heads),
  ) as [Value, Value];
  const scores = b.matmul(
    scaled(b, q, floatOf(attributes, 'scale', 1 / Math.sqrt(width))),
    b.transpose(k, [0, 1, 3, 2]),
  );
  const softcap = floatOf(attributes, 'softcap', 0);
  const capped = softcap > 0 ? scaled(b, b.op('Tanh', [scaled(b, scores, 1 / softcap)]), softcap) : scores;
  const mixed = b.matmul(probabilities(n, capped, [length, b.shape(k)[2]!]), v);
  return isFlat ? b.reshape(b.transpose(mixed, [0, 2, 1, 3]), [0, length, -1]) : mixed;
}

function refuseCache({ inputs }: CompositeNode): void {
  const named = CACHE_INPUTS.filter(([at]) => inputs[at]).map(([, name]) => `input '${name}'`);
  if (named.length > 0)
    throw new SeedbedError(
      'Unsupported',
      `its ${named.join(' and ')} cannot be used: Seedbed reads Attention without a cache of keys and values, which language models have`,
    );
}

/** [N, L, heads D] to [N, heads, L, D]. */
function splitHeads(b: GraphBuilder, value: Value, heads: number): Value {
  const [count, length, width] = b.shape(value) as [number, number, number];
  return b.transpose(b.reshape(value, [count, length, heads, width / heads]), [0, 2, 1, 3]);
}

/** Every head of keys or values once for each of the query heads that share it. */
function repeatHeads(b: GraphBuilder, value: Value, heads: number): Value {
  const [count, own, length, width] = b.shape(value) as [number, number, number, number];
  if (own === heads) return value;
  const each = b.expand(b.reshape(value, [count, own, 1, length, width]), [
    count,
    own,
    heads / own,
    length,
    width,
  ]);
  return b.reshape(each, [count, heads, length, width]);
}

/** The softmax of scores [N, heads, L, S] under the masks; a query that may attend to no key at all gets zeros. */
function probabilities(n: CompositeNode, scores: Value, size: readonly [number, number]): Value {
  const { b } = n;
  const mask = n.inputs[3] ? paddedTo(b, n.inputs[3], size[1]) : undefined;
  const isTest = mask !== undefined && b.type(mask).dtype === 'bool';
  const biased = mask !== undefined && !isTest ? b.add(scores, mask) : scores;
  const tests = [isTest ? mask : mask && attends(b, mask), placesSeen(n, size)].filter(
    test => test !== undefined,
  );
  if (tests.length === 0) return b.op('Softmax', [biased]);
  const allowed = tests.reduce((both, test) => b.op('And', [both, test]));
  const softmax = b.op('Softmax', [b.op('Where', [allowed, biased, b.scalar(NEVER)])]);
  return b.op('Where', [allowed, softmax, b.scalar(0)]);
}

/** Where a mask of numbers is not -infinity, which forbids; undefined for one that is known to forbid nothing. */
function attends(b: GraphBuilder, mask: Value): Value | undefined {
  const known = b.known(mask);
  if (known && toNumbers(known).every(value => value !== Number.NEGATIVE_INFINITY)) return undefined;
  return b.op('Greater', [mask, b.scalar(Number.NEGATIVE_INFINITY)]);
}

/** A mask of fewer columns than there are keys forbids the rest. */
function paddedTo(b: GraphBuilder, mask: Value, keys: number): Value {
  const shape = b.shape(mask);
  const missing = keys - shape.at(-1)!;
  if (missing <= 0 || shape.at(-1) === 1) return mask;
  const rest = [...shape.slice(0, -1), missing];
  const isTest = b.type(mask).dtype === 'bool';
  const filler = isTest ? b.cast(b.full(rest, 0), 'bool') : b.full(rest, Number.NEGATIVE_INFINITY);
  return b.concat([mask, filler], shape.length - 1);
}

/** Which keys [L, S] a query sees by its place: none behind it if causal, none outside its window; undefined if all. */
function placesSeen(
  { b, attributes }: CompositeNode,
  [length, keys]: readonly [number, number],
): Value | undefined {
  const ahead = intOf(attributes, 'is_causal', 0) === 1 ? 0 : -1;
  const bounds = [ahead, intOf(attributes, 'right_window_size', -1)].filter(bound => bound >= 0);
  const right = bounds.length > 0 ? Math.min(...bounds) : Number.POSITIVE_INFINITY;
  const window = intOf(attributes, 'left_window_size', -1);
  const left = window >= 0 ? window : Number.POSITIVE_INFINITY;
  if (right >= keys && left >= length) return undefined;
  if (length * keys > MOST_MASK)
    throw new SeedbedError('Unsupported', `a mask of ${length} by ${keys} is too large`);
  const seen = (place: number) => {
    const ahead = (place % keys) - Math.floor(place / keys);
    return Number(ahead <= right && -ahead <= left);
  };
  return b.constant(
    tensor(
      'bool',
      [length, keys],
      Uint8Array.from({ length: length * keys }, (_, i) => seen(i)),
    ),
  );
}

/**
 * Pairs of features turned by angles whose cosines and sines are given (Su et al. 2021), of [N, heads, L, D] or
 * [N, L, heads D]; features beyond `rotary_embedding_dim` stay.
 */
export function rotaryEmbedding({ b, inputs, attributes }: CompositeNode): Value {
  const [x, cosines, sines, places] = inputs as [Value, Value, Value, Value?];
  const shape = b.shape(x);
  const heads = intOf(attributes, 'num_heads', 0);
  const isFlat = shape.length === 3;
  const apart = isFlat ? b.reshape(x, [shape[0]!, shape[1]!, heads, shape[2]! / heads]) : x;
  const width = b.shape(apart)[3]!;
  const turned = intOf(attributes, 'rotary_embedding_dim', 0) || width;
  const [cos, sin] = [cosines, sines].map(angles => {
    const each = places ? b.op('Gather', [angles, places], { axis: 0 }) : angles;
    return b.op('Unsqueeze', [each, b.ints([isFlat ? 2 : 1])]);
  }) as [Value, Value];

  const isInterleaved = intOf(attributes, 'interleaved', 0) === 1;
  const whole = b.shape(apart).slice(0, 3);
  const pairs = isInterleaved ? [turned / 2, 2] : [2, turned / 2];
  const axis = isInterleaved ? 4 : 3;
  const paired = b.reshape(b.slice(apart, 3, 0, turned), [...whole, ...pairs]);
  const [first, second] = b
    .split(paired, axis, [1, 1])
    .map(part => b.reshape(part, [...whole, turned / 2])) as [Value, Value];
  const parts = [
    b.sub(b.mul(cos, first), b.mul(sin, second)),
    b.add(b.mul(sin, first), b.mul(cos, second)),
  ].map(part => b.op('Unsqueeze', [part, b.ints([axis])]));
  const rotated = b.reshape(b.concat(parts, axis), [...whole, turned]);
  const rest = turned < width ? [b.slice(apart, 3, turned, width)] : [];
  return b.reshape(b.concat([rotated, ...rest], 3), shape);
}
