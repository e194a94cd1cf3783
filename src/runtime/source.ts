/**
 * Where a file's bytes come from: a path (Node) or an address (browser), a URL, a file that a person chose, or
 * the bytes themselves.
 * @group Files
 */
export type Source = string | URL | Blob | Uint8Array;

/** What a source held, and the name that messages call it by. */
export interface Named {
  readonly bytes: Uint8Array;
  readonly name: string;
}

/** An ONNX file's bytes, and those of the files beside it in which its weights lie, by the names that it gives them. */
export interface NamedOnnx extends Named {
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** Reads what is in memory already; `undefined` for an address, which each platform reads in its own way. */
export async function readInMemory(source: Source): Promise<Named | undefined> {
  if (source instanceof Uint8Array) return { bytes: source, name: 'the bytes given' };
  if (!(source instanceof Blob)) return undefined;
  const name = 'name' in source ? String(source.name) : 'the picked file';
  return { bytes: new Uint8Array(await source.arrayBuffer()), name };
}
