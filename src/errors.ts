/** What went wrong, as a word a program can branch on. */
export type ErrorKind =
  /** A file is damaged, truncated, or not what its name says. Replace or repair the file. */
  | 'BadFile'
  /** An argument, option or configuration is out of range or contradictory. Change the call. */
  | 'BadArgument'
  /** Tensors or images do not have the shape that is needed. */
  | 'BadShape'
  /** A graph uses an operator, attribute or version that Seedbed does not handle. */
  | 'Unsupported'
  /** A loss or gradient became infinite or not a number. Go back to the last saved state. */
  | 'Diverged'
  /** A file belongs to another model, sampler or run than the one at hand. */
  | 'Mismatch'
  /** The machine lacks a device, a file, space or a network that the work needs. */
  | 'Machine'
  /** The user asked to stop; the state is saved and can be resumed. */
  | 'Interrupted';

/** The one error class of Seedbed: a kind to branch on and a message written for the person who reads it. */
export class SeedbedError extends Error {
  override readonly name = 'SeedbedError';
  readonly kind: ErrorKind;

  constructor(kind: ErrorKind, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.kind = kind;
  }
}

/** True when `error` was raised by Seedbed itself, of the given kind if one is named. */
export function isSeedbedError(error: unknown, kind?: ErrorKind): error is SeedbedError {
  return error instanceof SeedbedError && (kind === undefined || error.kind === kind);
}

/** The message of anything that was thrown, for embedding in another message. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
