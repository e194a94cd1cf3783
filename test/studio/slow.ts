import * as api from '../../src/index.ts';

/** A denoiser of Gaussian data that takes very long for every answer. */
export function slowDenoiser(): api.Denoiser {
  const model = api.gaussianDenoiser(1, [1, 32, 32]);
  const { inputs, output } = model.info;
  const b = new api.GraphBuilder('slow');
  const x = b.input(inputs.image, 'float32', ['N', 1, 32, 32]);
  const level = b.input(inputs.level, 'float32', ['N']);
  const filled = (rows: number, value: number) =>
    b.constant(api.float32([rows, 256], new Float32Array(rows * 256).fill(value)));
  const weights = filled(256, 1 / 256);
  let wide = b.matmul(b.reshape(x, [0, 1024, 1]), filled(1, 1));
  for (let i = 0; i < 1000; i++) wide = b.matmul(wide, weights);
  const column = b.constant(api.float32([256, 1], new Float32Array(256).fill(1e-9)));
  const epsilon = b.mul(x, b.sqrt(b.reshape(level, [0, 1, 1, 1])));
  const slow = b.reshape(b.matmul(wide, column), [0, 1, 32, 32]);
  return { ...model, graph: b.build({ [output]: b.add(epsilon, slow) }) };
}
