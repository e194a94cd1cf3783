/** An IDX file of unsigned bytes, for tests. */
export function idxOf(shape: readonly number[], values: ArrayLike<number>): Uint8Array {
  const header = new DataView(new ArrayBuffer(4 + 4 * shape.length));
  header.setUint16(2, 0x0800 + shape.length);
  for (const [i, dim] of shape.entries()) header.setUint32(4 + 4 * i, dim);
  return Uint8Array.from([...new Uint8Array(header.buffer), ...Array.from(values)]);
}

/** A CIFAR-10 binary file with these labels, for tests; `pixel(i)` is byte i of each picture. */
export function cifarOf(labels: readonly number[], pixel: (i: number) => number): Uint8Array {
  return Uint8Array.from(
    labels.flatMap(label => [label, ...Array.from({ length: 3072 }, (_, i) => pixel(i))]),
  );
}
