import { expect, test } from 'vitest';
import { openAutoencoder } from '../../src/diffusion/autoencoder.ts';
import { importAutoencoder } from '../../src/diffusion/foreign-autoencoder.ts';
import { gaussianDenoiser } from '../../src/diffusion/oracle.ts';
import { openLatentFitter } from '../../src/embedding/through-decoder.ts';
import { GraphBuilder } from '../../src/graph/builder.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import { normals } from '../../src/tensor/random.ts';
import { float32 } from '../../src/tensor/tensor.ts';
import { relativeError } from '../support.ts';

const runtime = await createRuntime({ threads: 1 });
const SHAPE = [1, 4, 4];

/** x times a factor and more. */
function half(factor: number, more: number, count: number | 'N' = 'N') {
  const b = new GraphBuilder('half');
  const x = b.input('x', 'float32', [count, ...SHAPE]);
  return { graph: b.build({ y: b.add(b.mul(x, b.scalar(factor)), b.scalar(more)) }), file: 'half.onnx' };
}

// Of a linear decoder D z + e the best latents are known: (a D (p - e) + z_E / .09) / (a D^2 + 1 / .09) with a = 1 / .05^2.
test.each(['N', 1] as const)('latents are those of least squares, of a decoder for %s', async count => {
  const [D, e] = [0.5, 0.1];
  const about = {
    range: { from: [-1, 1] as [number, number], mean: [0], std: [1] },
    latents: { mean: [0], std: [1] },
  };
  const halves = { encoder: half(1.7, 0.2), decoder: half(D, e, count) };
  const autoencoder = importAutoencoder(halves, gaussianDenoiser(1, SHAPE), about);
  const pictures = float32(
    [3, ...SHAPE],
    normals({ seed: 2, purpose: 'sample' }, [3, ...SHAPE]).data.map(z => 1 / (1 + Math.exp(-z))),
  );
  const coder = openAutoencoder(runtime, autoencoder, 2);
  const encoded = await coder.encode(pictures);
  const fitter = openLatentFitter(runtime, autoencoder, 2);
  const fitted = await fitter.fit(pictures, encoded);
  await Promise.all([coder.dispose(), fitter.dispose()]);
  const [fit, hold] = [1 / 0.05 ** 2, 1 / 0.3 ** 2];
  const known = encoded.data.map(
    (z, i) => (fit * D * (2 * pictures.data[i]! - 1 - e) + hold * z) / (fit * D ** 2 + hold),
  );
  expect(relativeError(fitted, float32(fitted.shape, known))).toBeLessThan(1e-3);
  expect(relativeError(encoded, fitted)).toBeGreaterThan(0.1);
});
