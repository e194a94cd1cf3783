import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import {
  parseClassifierConfig,
  parseDenoiserConfig,
  parseEmbedderConfig,
} from '../../src/diffusion/config.ts';

const CONFIGS = fileURLToPath(new URL('../../configs', import.meta.url));
const names = readdirSync(CONFIGS, { recursive: true, encoding: 'utf8' }).filter(name =>
  name.endsWith('.json'),
);
const parserOf = (name: string) =>
  name.startsWith('classifiers')
    ? parseClassifierConfig
    : name.includes('embedder')
      ? parseEmbedderConfig
      : parseDenoiserConfig;

test.each(names)('configs/%s is what its command takes', name => {
  const given = JSON.parse(readFileSync(join(CONFIGS, name), 'utf8'));
  const { data, network, training } = parserOf(name)(given, name);
  expect({ data, channels: network.channels, steps: training.steps }).toEqual({
    data: given.data,
    channels: given.network.channels,
    steps: given.training.steps,
  });
});

test.each<[string, object, RegExp]>([
  ['fashion-mnist-v.json', { training: { weightDecay: 0.5 } }, /AdamW's: give optimiser 'adamw'/],
  ['fashion-mnist-v.json', { network: { kernels: [3, 3, 3, 3, 3] } }, /of 'conv' alone/],
  ['fashion-mnist-embedder.json', { training: { weightDecay: 0.5 } }, /AdamW's/],
  ['classifiers/mnist.json', { training: { weightDecay: 0.5 } }, /AdamW's/],
])('configs/%s with %j, which would have no effect, is refused', (name, changes, message) => {
  const given = JSON.parse(readFileSync(join(CONFIGS, name), 'utf8'));
  const changed = Object.fromEntries(
    Object.entries(given).map(([key, value]) => {
      const change = (changes as Record<string, object>)[key];
      return [key, change ? { ...(value as object), ...change } : value];
    }),
  );
  expect(() => parserOf(name)(changed, name)).toThrow(message);
  const decayed = { ...given, training: { ...given.training, weightDecay: 0.5, optimiser: 'adamw' } };
  expect(parserOf(name)(decayed, name).training.weightDecay).toBe(0.5);
});
