import { GraphBuilder } from '../graph/builder.ts';
import { serializeModel } from '../graph/protobuf.ts';
import { normals } from '../tensor/random.ts';
import type { Floats } from '../tensor/tensor.ts';
import { withFastConvolutions } from './convolutions.ts';
import type { Engine } from './runtime.ts';

/** Channels of a block: with AVX-512, and with AVX2. */
const SIZES = [16, 8];
/** Rounding of sums of 144 products, and far less than what a block of another size gives. */
const ROUNDING = 1e-4;

/**
 * The channels of a block of an engine's blocked kernels, found by trying each size on a small convolution; undefined where it has
 * no such kernels. A wrong size gives wrong numbers without an error, so that results are compared.
 */
export async function blockSizeOf(engine: Engine): Promise<number | undefined> {
  const plain = await convolve(engine, undefined);
  for (const size of SIZES) {
    const blocked = await convolve(engine, size).catch(() => undefined);
    if (blocked?.data.every((value, i) => Math.abs(value - plain!.data[i]!) < ROUNDING)) return size;
  }
  return undefined;
}

/** A convolution with weights that are computed, on blocks of a size. */
async function convolve(engine: Engine, size: number | undefined): Promise<Floats | undefined> {
  const b = new GraphBuilder('probe');
  const x = normals({ seed: 0, purpose: 'probe' }, [1, 16, 8, 8]);
  const weight = normals({ seed: 0, purpose: 'probe weights' }, [16, 16, 3, 3]);
  const inputs = [b.input('x', 'float32', x.shape), b.input('weight', 'float32', weight.shape)];
  const y = b.op('Conv', inputs, { kernel_shape: [3, 3], pads: [1, 1, 1, 1] });
  const session = await engine.load(serializeModel(withFastConvolutions(b.build({ y }), size)));
  try {
    return (await engine.run(session, { x, weight })).y as Floats;
  } finally {
    await engine.release(session);
  }
}
