/** What went wrong, in words for the person. */
export class Trouble extends Error {
  readonly kind: string;
  constructor(kind: string, message: string) {
    super(message);
    this.kind = kind;
  }
}
