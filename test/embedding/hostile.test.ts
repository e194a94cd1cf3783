import fc from 'fast-check';
import { expect, test } from 'vitest';
import { gaussianDenoiser } from '../../src/diffusion/oracle.ts';
import { ddim } from '../../src/diffusion/sampler-info.ts';
import { checkSeeds, type Provenance, readSeeds, writeSeeds } from '../../src/embedding/seeds.ts';
import { writeNpy } from '../../src/tensor/npy.ts';
import { writeSafetensors } from '../../src/tensor/safetensors.ts';
import { float32 } from '../../src/tensor/tensor.ts';
import { readOrRefused, spoilt, spoiltJson } from '../hostile.ts';

const model = gaussianDenoiser(1, [1, 2, 2]);
const latent = fc.integer({ min: 1, max: 4 }).chain(count =>
  fc
    .array(fc.float({ noNaN: true, noDefaultInfinity: true }), {
      minLength: 4 * count,
      maxLength: 4 * count,
    })
    .map(values => float32([count, 1, 2, 2], values)),
);
const provenance: fc.Arbitrary<Provenance> = fc.record({
  model: fc.string(),
  sampler: fc.integer({ min: 1, max: 1000 }).map(ddim),
  method: fc.dictionary(
    fc.string().filter(key => key !== '__proto__'),
    fc.jsonValue({ maxDepth: 3 }),
  ),
  images: fc.array(fc.record({ name: fc.string(), sha256: fc.string() }, { requiredKeys: ['name'] })),
  rng: fc.maxSafeInteger(),
  createdBy: fc.string(),
});

test('seeds of any origin come back as they were', () => {
  fc.assert(
    fc.property(latent, provenance, (seeds, origin) => {
      const back = readSeeds(writeSeeds(seeds, origin), 's.safetensors');
      expect(back.latent).toEqual(seeds);
      expect(back.provenance).toEqual(JSON.parse(JSON.stringify(origin)));
    }),
  );
});

test('spoilt seeds are read or refused by name', async () => {
  const sound = float32([2, 1, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]);
  const method = { name: 'descent', recipe: { iterations: 100 } };
  const origin = {
    method,
    model: model.hash,
    sampler: model.info.sampler,
    images: [{ name: 'a.png' }],
    rng: 7,
    createdBy: '',
  };
  const described = spoiltJson({ sampler: origin.sampler, method, images: origin.images }).map(parts =>
    writeSafetensors(
      { latent: sound },
      {
        model: model.hash,
        ...Object.fromEntries(
          Object.entries(Object(parts)).map(([key, value]) => [key, JSON.stringify(value)]),
        ),
      },
    ),
  );
  const files = fc.oneof(
    fc.tuple(fc.constant('s.safetensors'), fc.oneof(described, spoilt(writeSeeds(sound, origin)))),
    fc.tuple(fc.constant('s.npy'), spoilt(writeNpy(sound))),
  );
  await fc.assert(
    fc.asyncProperty(files, async ([name, bytes]) => {
      const seeds = await readOrRefused(name, () => readSeeds(bytes, name));
      expect(seeds?.latent.data.every(Number.isFinite)).not.toBe(false);
      if (seeds) await readOrRefused(name, () => checkSeeds(seeds, model, model.info.sampler, name));
    }),
    { numRuns: 1000 },
  );
});

test('a description that is nested without end is refused', () => {
  const deep = `{"a":${'['.repeat(1e5)}${']'.repeat(1e5)}}`;
  const bytes = writeSafetensors(
    { latent: float32([1, 4], [1, 2, 3, 4]) },
    { model: model.hash, sampler: JSON.stringify(model.info.sampler), method: deep },
  );
  expect(() => readSeeds(bytes, 's.safetensors')).toThrow(/^s\.safetensors: its description .* at method/s);
});
