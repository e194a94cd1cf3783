import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { packCheckpoint, unpackCheckpoint } from '../../src/nn/checkpoint.ts';
import { RECENT, type TrainingState } from '../../src/nn/training-step.ts';
import { readSafetensors, writeSafetensors } from '../../src/tensor/safetensors.ts';
import { float32, type Tensor } from '../../src/tensor/tensor.ts';
import { readOrRefused, spoilt } from '../hostile.ts';

const layout = [
  { name: 'a.weight', shape: [2, 3] },
  { name: 'a.bias', shape: [3] },
];
const statisticsLayout = [{ name: 'n.running_mean', shape: [3] }];
const about = { rng: 0, config: { network: { channels: [2, 3] } } };

const NAME = 'checkpoint.safetensors';

const numbers = (length: number) =>
  fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: length, maxLength: length });
const vector = (length: number) => numbers(length).map(values => float32([length], values));
const stateAt = (step: number): fc.Arbitrary<TrainingState> =>
  fc.record({
    ...{ step: fc.constant(step), losses: numbers(Math.min(step, RECENT)), statistics: vector(3) },
    ...{ parameters: vector(9), m: vector(9), v: vector(9), ema: vector(9) },
  });
const state = fc.constantFrom(0, 7, RECENT, 123_456).chain(stateAt);
const pack = (written: TrainingState) => packCheckpoint(NAME, written, layout, statisticsLayout, about);
const read = (bytes: Uint8Array) => unpackCheckpoint(NAME, bytes, layout, statisticsLayout, about);

test('a state comes back as it was', () => {
  fc.assert(
    fc.property(state, written => {
      expect(read(pack(written))).toEqual(written);
    }),
    { numRuns: 30 },
  );
});

describe('a checkpoint that was spoilt', () => {
  let sound: Uint8Array;
  beforeAll(() => {
    const [any] = fc.sample(stateAt(7), { seed: 1, numRuns: 1 });
    sound = pack(any!);
  });

  test('anywhere is read or refused by name', async () => {
    await fc.assert(
      fc.asyncProperty(spoilt(sound), async bytes => {
        const back = await readOrRefused(NAME, async () => read(bytes));
        expect(back?.parameters.data.every(Number.isFinite)).not.toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  const [long, broken] = [
    float32([1, 9], new Float32Array(9)),
    float32([9], new Float32Array(9).fill(Number.NaN)),
  ];
  test.each<[string, Record<string, Tensor>, Record<string, string>, RegExp]>([
    ['another shape', { m: long }, {}, /'m' is missing, or is not 9 finite numbers/],
    ['what is no number', { ema: broken }, {}, /'ema' is missing, or is not 9 finite numbers/],
    ['no step', {}, { step: '' }, /step is ''/],
    ['a step of its own writing', {}, { step: '0x10' }, /step is '0x10'/],
    ['a negative step', {}, { step: '-1' }, /step is '-1'/],
    ['endless nesting', {}, { about: '['.repeat(1e5) + ']'.repeat(1e5) }, /does not say which run it is of/],
    ['no description', {}, { about: 'null' }, /the run was started with {2}null, and now it is/],
  ])('with %s is refused', (_, tensors, texts, message) => {
    const whole = readSafetensors(sound, 'sound');
    const spoiltFile = writeSafetensors(new Map([...whole.tensors, ...Object.entries(tensors)]), {
      ...whole.metadata,
      ...texts,
    });
    expect(() => read(spoiltFile)).toThrow(message);
    expect(() => read(spoiltFile)).toThrow(NAME);
  });
});
