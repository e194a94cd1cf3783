/**
 * What went wrong, as a word a program can branch on.
 *
 * - `BadFile`: a file is damaged, truncated, or not what its name says. Replace or repair the file.
 * - `BadArgument`: an argument, option or configuration is out of range or contradictory. Change the call.
 * - `BadShape`: tensors or images do not have the shape that is needed.
 * - `Unsupported`: a graph uses an operator, attribute or version that Seedbed does not handle.
 * - `Diverged`: a loss or gradient became infinite or not a number. Go back to the last saved state.
 * - `Mismatch`: a file belongs to another model, sampler or run than the one at hand.
 * - `Machine`: the machine lacks a device, a file, space or a network that the work needs.
 * - `Interrupted`: the user asked to stop; the state is saved and can be resumed.
 * @group Tensors and errors
 */
export type ErrorKind =
  | 'BadFile'
  | 'BadArgument'
  | 'BadShape'
  | 'Unsupported'
  | 'Diverged'
  | 'Mismatch'
  | 'Machine'
  | 'Interrupted';

/**
 * The one error class of Seedbed: a kind to branch on and a message written for the person who reads it.
 * @group Tensors and errors
 * @example
 * import { float32, SeedbedError } from 'seedbed';
 * try {
 *   float32([2], [1, 2, 3]);
 * } catch (error) {
 *   if (error instanceof SeedbedError) console.log(error.kind); // prints BadShape
 * }
 */
export class SeedbedError extends Error {
  /** 'SeedbedError'. */
  override readonly name = 'SeedbedError';
  /** What went wrong, to branch on. */
  readonly kind: ErrorKind;
  /** The file, or the part of one, that it is about and by whose name the message begins; undefined where the message begins otherwise. */
  readonly at: string | undefined;

  /** An error of the kind given, of what `options.at` names; `options.cause` is what lies behind it. */
  constructor(kind: ErrorKind, message: string, options: { at?: string; cause?: unknown } = {}) {
    const { at, cause } = options;
    super(printable(at === undefined ? message : `${at}: ${message}`), cause === undefined ? {} : { cause });
    this.kind = kind;
    this.at = at;
  }
}

/** The most letters of a message: what files say of themselves is quoted in some, and may be of any length. */
const MOST_LETTERS = 4000;

/**
 * A message cut to what a person reads, its control characters written out, so that no file can steer a terminal. The
 * middle goes: what went wrong stands at one end, what to do about it at the other.
 */
function printable(message: string): string {
  const half = MOST_LETTERS / 2;
  const short =
    message.length > MOST_LETTERS ? `${message.slice(0, half)} ... ${message.slice(-half)}` : message;
  return short.replace(/(?!\n)\p{Cc}/gu, c => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/**
 * Whether something that was thrown is Seedbed's own, and of the given kind if one is named.
 * @group Tensors and errors
 * @example
 * import { isSeedbedError, loadModel } from 'seedbed';
 * const error = await loadModel('nowhere.onnx').catch(error => error);
 * console.log(isSeedbedError(error), isSeedbedError(error, 'BadFile')); // prints true false
 */
export function isSeedbedError(error: unknown, kind?: ErrorKind): error is SeedbedError {
  return error instanceof SeedbedError && (kind === undefined || error.kind === kind);
}

/** Does work on a file, or a part of a graph, so that what Seedbed says of it begins with its name. */
export function inPlace<T>(at: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw isSeedbedError(error) ? placed(at, error) : error;
  }
}

/** An error whose message begins with the name of what it is about. */
export function placed(at: string, error: SeedbedError): SeedbedError {
  return error.at === at ? error : new SeedbedError(error.kind, error.message, { at, cause: error });
}

/** An error of the same kind and place that says more: what to do, or what became of the work. */
export function saying(error: SeedbedError, more: string): SeedbedError {
  const { kind, at, message } = error;
  const bare = at === undefined ? message : message.slice(at.length + 2);
  return new SeedbedError(kind, `${bare}${more}`, { ...(at !== undefined && { at }), cause: error });
}

/** The message of anything that was thrown, for embedding in another message. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** @throws {SeedbedError} BadArgument unless `value` is a whole number of at least `least`, and at most `most` where that is given. */
export function requireWhole(
  name: string,
  value: number,
  least: number,
  most = Number.MAX_SAFE_INTEGER,
): void {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return;
  const upTo = most < Number.MAX_SAFE_INTEGER ? `, at most ${most}` : '';
  throw new SeedbedError(
    'BadArgument',
    `${name} is a whole number of at least ${least}${upTo}, got ${value}`,
  );
}
