import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import * as api from '../../src/index.ts';
import { descriptionOf, guessOf } from '../../studio/src/engine/guess.ts';
import type { GraphCard } from '../../studio/src/engine/own-model.ts';

const MODELS = fileURLToPath(new URL('../../docs/models', import.meta.url));

/** A graph of which only inputs and outputs are known. */
function card(inputs: GraphCard['inputs'], outputs: GraphCard['outputs']): GraphCard {
  return { inputs, outputs, operators: [], weights: 0, opset: 20, described: false, conditions: [] };
}
const float = (name: string, ...shape: (number | string)[]) => ({ name, dtype: 'float32', shape });
const whole = (name: string, ...shape: (number | string)[]) => ({ name, dtype: 'int64', shape });

test.each([
  [
    'tiny-unet.json',
    card([whole('timestep', 'N'), float('sample', 'N', 1, 16, 16)], [float('epsilon', 'N', 1, 16, 16)]),
    {},
  ],
  [
    'heart2d.json',
    card([float('x', 'N', 2), whole('t', 'N')], [float('eps', 'N', 2)]),
    { timesteps: '200', steps: '50' },
  ],
] as const)(
  'of a graph as %s describes it that description is guessed, but for what no graph shows',
  (file, graph, told) => {
    const known = JSON.parse(readFileSync(join(MODELS, file), 'utf8'));
    expect(descriptionOf(known.name, { ...guessOf(graph), ...told }, graph)).toEqual(known);
  },
);

test.each([
  [
    float('x', 'N', 3, 'height', 'width'),
    float('sigma', 'N'),
    float('denoised', 'N', 3, 'h', 'w'),
    { fed: 'sigma', predicts: 'x0', shape: '3, 64, 64', schedule: 'continuousCosine' },
  ],
  [
    float('x', 1, 3, 8, 8),
    float('noise_variance', 1),
    float('v', 1, 3, 8, 8),
    { fed: 'noiseVariance', predicts: 'v', shape: '3, 8, 8' },
  ],
  [
    float('hidden_states', 'N', 4, 8, 8),
    float('timestep', 'N'),
    float('velocity', 'N', 4, 8, 8),
    { fed: 'timestep', predicts: 'flow', schedule: 'flow' },
  ],
])('names tell what a level and an output are: %o', (image, level, output, expected) => {
  expect(guessOf(card([image, level], [output]))).toMatchObject(expected);
});

test('what is neither picture nor level is left open as a condition', () => {
  const graph = card(
    [float('x', 'N', 3, 8, 8), whole('timestep', 'N'), whole('class_labels', 'N')],
    [float('y', 'N', 3, 8, 8)],
  );
  const guessed = guessOf(graph);
  expect(guessed.level).toBe('timestep');
  const { conditions } = api.parseForeignInfo(descriptionOf('mine', guessed, graph), 'mine.json');
  expect(conditions).toEqual(['class_labels']);
});

test('every choice of the form makes a description that Seedbed reads; of learned variances the prediction is kept', () => {
  const graph = card([float('x', 'N', 3, 8, 8), whole('t', 'N')], [float('y', 'N', 6, 8, 8)]);
  for (const schedule of [
    'linearBeta',
    'scaledLinearBeta',
    'cosineBeta',
    'continuousCosine',
    'flow',
  ] as const) {
    const described = descriptionOf('mine', { ...guessOf(graph), schedule }, graph);
    expect(api.parseForeignInfo(described, 'mine.json').outputChannels).toEqual([0, 1, 2]);
  }
});

test('a graph without inputs is described as far as it goes, and refused in words', () => {
  const graph = card([], []);
  const described = descriptionOf('empty', guessOf(graph), graph);
  expect(() => api.parseForeignInfo(described, 'empty.json')).toThrow(/does not describe a denoiser/);
});
