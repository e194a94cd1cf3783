import { SeedbedError } from '../errors.ts';
import type { GraphBuilder, Value } from '../graph/builder.ts';
import { sizeOf, type Tensor, tensor, toFloat32, zeros } from '../tensor/tensor.ts';

/** Where each named tensor lies in one long vector: training moves all weights as a single tensor. */
export type Layout = readonly { readonly name: string; readonly shape: readonly number[] }[];

export function layoutOf(tensors: ReadonlyMap<string, Tensor>, wanted: (name: string) => boolean): Layout {
  return [...tensors].filter(([name]) => wanted(name)).map(([name, { shape }]) => ({ name, shape }));
}

export function packedLength(layout: Layout): number {
  return layout.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
}

/** The named tensors one after the other. @throws {SeedbedError} Mismatch when one is missing or of another shape. */
export function pack(tensors: ReadonlyMap<string, Tensor>, layout: Layout): Tensor<'float32'> {
  const packed = zeros('float32', [packedLength(layout)]);
  let offset = 0;
  for (const { name, shape } of layout) {
    const part = tensors.get(name);
    if (!part || part.shape.join() !== shape.join()) {
      throw new SeedbedError(
        'Mismatch',
        `weight '${name}' is ${part ? `[${part.shape}]` : 'missing'}; this network needs [${shape}]`,
      );
    }
    packed.data.set(toFloat32(part).data, offset);
    offset += part.data.length;
  }
  return packed;
}

/** Splits a packed vector into named tensors, which are copies. */
export function unpack(packed: Tensor<'float32'>, layout: Layout): Map<string, Tensor<'float32'>> {
  let offset = 0;
  return new Map(
    layout.map(({ name, shape }) => {
      const data = packed.data.slice(offset, offset + sizeOf(shape));
      offset += data.length;
      return [name, tensor('float32', shape, data)];
    }),
  );
}

/** The same inside a graph: views of a packed input, by name. */
export function unpackInGraph(b: GraphBuilder, packed: Value, layout: Layout): Record<string, Value> {
  if (layout.length === 0) return {};
  const parts = b.split(
    packed,
    0,
    layout.map(({ shape }) => sizeOf(shape)),
  );
  return Object.fromEntries(layout.map(({ name, shape }, i) => [name, b.reshape(parts[i]!, shape)]));
}
