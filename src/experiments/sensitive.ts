import { samplerGrid } from '../diffusion/grid.ts';
import type { Denoiser } from '../diffusion/info.ts';
import { affineStep } from '../diffusion/solvers.ts';
import { chainOf, createStepMap } from '../embedding/inversion/maps.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { symmetricEigen } from '../tensor/eigen.ts';
import { innerProducts, transposed } from '../tensor/products.ts';
import { normals } from '../tensor/random.ts';
import { float32, type Tensor, takeRows } from '../tensor/tensor.ts';

type Floats = Tensor<'float32'>;

/**
 * The directions in which a seed moves its picture most: the top right singular vectors of the sampler's Jacobian J at a
 * seed, by subspace iteration on J'J (Golub and Van Loan, "Matrix computations", 8.2.4). They span the data manifold's
 * tangent as the sampler sees it from there.
 * @param seed [1, ...shape]; @param count how many, all iterated as one batch; @param rounds of J'J on each.
 * @returns `directions` [count, ...shape], orthonormal, the strongest first, and the singular values.
 */
export async function sensitiveDirections(
  runtime: Runtime,
  model: Denoiser,
  seed: Floats,
  { count, rounds, rng }: { count: number; rounds: number; rng: number },
): Promise<{ directions: Floats; gains: Float64Array }> {
  const map = createStepMap(runtime, model, count);
  const chain = chainOf(map, samplerGrid(model.info, model.info.sampler).map(affineStep));
  const at = takeRows(seed, new Uint8Array(count));
  let basis = orthonormal(normals({ seed: rng, purpose: 'subspace' }, at.shape)).basis;
  let gains = new Float64Array(count);
  try {
    for (let round = 0; round < rounds; round++) {
      const next = orthonormal(await chain.normal(at, basis));
      basis = next.basis;
      gains = next.lengths.map(Math.sqrt);
    }
  } finally {
    await map.dispose();
  }
  return { directions: basis, gains };
}

/** An orthonormal basis of the rows' span by their Gram matrix, the longest direction first, and the rows' singular values. */
function orthonormal({ shape, data }: Floats): { basis: Floats; lengths: Float64Array } {
  const count = shape[0]!;
  const rows = Float64Array.from(data);
  const { values, vectors } = symmetricEigen(innerProducts(rows, rows, data.length / count), count);
  const weights = vectors.map(
    (weight, i) => weight / Math.sqrt(Math.max(values[Math.floor(i / count)]!, 1e-300)),
  );
  return {
    basis: float32(shape, innerProducts(weights, transposed(rows, count), count)),
    lengths: values.map(value => Math.sqrt(Math.max(0, value))),
  };
}
