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
