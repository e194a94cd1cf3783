import { samplerGrid } from '../diffusion/grid.ts';
import type { Denoiser } from '../diffusion/info.ts';
import { affineStep } from '../diffusion/solvers.ts';
import { chainOf, createStepMap } from '../embedding/inversion/maps.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { symmetricEigen } from '../tensor/eigen.ts';
import { innerProducts, transposed } from '../tensor/products.ts';
import { normals } from '../tensor/random.ts';
import { type Floats, float32, takeRows } from '../tensor/tensor.ts';

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
  let basis = orthonormal(normals({ seed: rng, purpose: 'subspace' }, at.shape));
  let found = ritz(basis, basis);
  try {
    for (let round = 0; round < rounds; round++) {
      const image = await chain.normal(at, basis);
      found = ritz(basis, image);
      basis = orthonormal(mixed(found.rotation, image));
    }
  } finally {
    await map.dispose();
  }
  return found;
}

/** The best directions within a subspace, by the eigenvectors of Q J'J Q' (Rayleigh and Ritz), and their singular values. */
function ritz(basis: Floats, image: Floats) {
  const count = basis.shape[0]!;
  const width = basis.data.length / count;
  const products = innerProducts(Float64Array.from(basis.data), Float64Array.from(image.data), width);
  const symmetric = products.map((value, i) => {
    return (value + products[(i % count) * count + Math.floor(i / count)]!) / 2;
  });
  const { values, vectors } = symmetricEigen(symmetric, count);
  return {
    directions: mixed(vectors, basis),
    gains: values.map(value => Math.sqrt(Math.max(0, value))),
    rotation: vectors,
  };
}

/** Combinations of rows, by a square matrix of weights. */
function mixed(weights: Float64Array, { shape, data }: Floats): Floats {
  const count = shape[0]!;
  return float32(shape, innerProducts(weights, transposed(Float64Array.from(data), count), count));
}

/** Gram and Schmidt's orthonormal basis of the rows, each made orthogonal twice, against rounding. */
export function orthonormal({ shape, data }: Floats): Floats {
  const count = shape[0]!;
  const width = data.length / count;
  const basis = Float64Array.from(data);
  const row = (k: number) => basis.subarray(k * width, (k + 1) * width);
  const scale = (v: Float64Array, factor: number) => {
    for (let i = 0; i < width; i++) v[i]! *= factor;
  };
  const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  for (let k = 0; k < count; k++) {
    const own = row(k);
    for (let again = 0; again < 2; again++) {
      scale(own, 1 / Math.sqrt(dot(own, own)));
      for (let j = 0; j < k; j++) {
        const other = row(j);
        const product = dot(own, other);
        for (let i = 0; i < width; i++) own[i]! -= product * other[i]!;
      }
    }
    scale(own, 1 / Math.sqrt(dot(own, own)));
  }
  return float32(shape, basis);
}
