import { describe, expect, test } from 'vitest';
import { differentiate } from '../../src/autodiff/differentiate.ts';
import { SeedbedError } from '../../src/errors.ts';
import { bind } from '../../src/graph/replay.ts';
import { buildNetwork, countParameters, isTrainable, type NetworkConfig } from '../../src/nn/networks.ts';
import { withWeights } from '../../src/nn/training-step.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import { normals } from '../../src/tensor/random.ts';
import { float32, type Tensor } from '../../src/tensor/tensor.ts';

const runtime = await createRuntime({ threads: 1 });
const purpose = { name: 'net', shape: [1, 8, 8], level: 'level', output: 'epsilon' };
const config: NetworkConfig = {
  kind: 'unet',
  channels: [8, 8, 16],
  blocks: 1,
  embedding: 8,
  attention: null,
};

/** The network with all weights drawn at random, so that no branch is silenced by a zero start. */
function lively(network: ReturnType<typeof buildNetwork>) {
  const weights = [...network.initializers]
    .filter(([name]) => isTrainable(name))
    .map(([name, t], i): [string, Tensor] => {
      const noise = normals({ seed: i, purpose: 'weights' }, [1, t.data.length]).data;
      return [
        name,
        float32(
          t.shape,
          noise.map(value => 0.2 * value),
        ),
      ];
    });
  return withWeights(network, [new Map(weights)]);
}

describe('networks', () => {
  test.each([null, 'spatial', 'se', 'naf'] as const)(
    'a U-Net with attention %s: any batch, and its gradient agrees with differences',
    async attention => {
      const network = lively(buildNetwork({ ...config, attention }, purpose, 0));
      const session = await runtime.load(bind(network, { N: 2 }));
      const x = normals({ seed: 0, purpose: 'x' }, [2, 1, 8, 8]);
      const direction = normals({ seed: 0, purpose: 'direction' }, x.shape);
      const level = float32([2], [0.3, 0.8]);
      const along = async (step: number) => {
        const moved = float32(
          x.shape,
          x.data.map((value, i) => value + step * direction.data[i]!),
        );
        return (await session.run({ x: moved, level })).epsilon!.data as Float32Array;
      };
      const [ahead, behind] = [await along(0.01), await along(-0.01)];
      const cotangent = normals({ seed: 0, purpose: 'cotangent' }, x.shape);
      const expected = cotangent.data.reduce((sum, c, i) => sum + (c * (ahead[i]! - behind[i]!)) / 0.02, 0);
      const gradient = await runtime.load(
        differentiate(network, { of: 'epsilon', wrt: ['x'], bind: { N: 2 } }),
      );
      const { 'grad/x': dx } = await gradient.run({ x, level, 'grad/epsilon': cotangent });
      const got = direction.data.reduce((sum, d, i) => sum + d * (dx!.data as Float32Array)[i]!, 0);
      expect(got).toBeCloseTo(expected, 1);
      expect(Math.abs(got - expected)).toBeLessThan(0.01 * Math.abs(expected) + 0.02);
    },
  );

  test('the last layer starts at zero, so the first prediction is nothing', async () => {
    const session = await runtime.load(buildNetwork(config, purpose, 0));
    const { epsilon } = await session.run({
      x: normals({ seed: 0, purpose: 'x' }, [3, 1, 8, 8]),
      level: float32([3], [0, 0.5, 1]),
    });
    expect(epsilon!.shape).toEqual([3, 1, 8, 8]);
    expect(Math.max(...(epsilon!.data as Float32Array).map(Math.abs))).toBe(0);
  });

  test('the same seed gives the same weights, another gives others', () => {
    const weight = (seed: number) => buildNetwork(config, purpose, seed).initializers.get('inp.weight')!.data;
    expect(weight(1)).toEqual(weight(1));
    expect(weight(1)).not.toEqual(weight(2));
  });

  test('any number of levels, channels and blocks', () => {
    const network = buildNetwork({ ...config, channels: [3, 5], blocks: 3 }, purpose, 0);
    expect(countParameters(network).weights).toBeGreaterThan(0);
    expect(
      [...network.initializers.keys()].filter(name => /^(down|mid|up)\.\d+\.conv1\.weight$/.test(name)),
    ).toHaveLength(9);
  });

  test('pictures that cannot be halved are refused with the way out', () => {
    const odd = () =>
      buildNetwork({ ...config, channels: [8, 8, 8, 8] }, { ...purpose, shape: [1, 28, 28] }, 0);
    expect(odd).toThrow(SeedbedError);
    expect(odd).toThrow('28 pixels with padding 2 make 32');
  });

  test('weights of another network are refused by name', () => {
    const trained = buildNetwork(config, purpose, 0).initializers;
    expect(() => buildNetwork({ ...config, channels: [4, 8, 16] }, purpose, 0, trained)).toThrow(
      /'inp.weight' is \[8,1,1,1\]/,
    );
  });

  test('weights that have no place are refused, too, instead of left out', () => {
    const deep = buildNetwork({ ...config, kind: 'mlp', channels: [8, 8, 8] }, { ...purpose, shape: [2] }, 0);
    const shallow = { ...config, kind: 'mlp', channels: [8, 8] } as const;
    const start = () => buildNetwork(shallow, { ...purpose, shape: [2] }, 0, deep.initializers);
    expect(start).toThrow(/of another network than the configuration.*has no weight 'layer\.2\./);
  });
});
