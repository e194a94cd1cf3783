import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { keptPicture } from '../../src/cli/evaluate.ts';
import { journalIn } from '../../src/embedding/journal-files.ts';
import { float32 } from '../../src/tensor/tensor.ts';
import { type Codec, jsonCodec, tensorCodec } from '../../src/work/kept.ts';
import { inPieces, openUnfinished, type Unfinished } from '../../src/work/unfinished.ts';
import { readOrRefused, spoilt, spoiltJson } from '../hostile.ts';

let folder: string;
let unfinished: Unfinished;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'seedbed-unfinished-'));
  unfinished = await openUnfinished({ out: folder }, { command: 'decode' });
});
afterAll(() => rm(folder, { recursive: true }));

const { signal } = new AbortController();
const result = {
  ...{ name: 'a.png', image: 0, start: 0, mse: 0.1, psnr: 10, mseBefore: 0.2 },
  ...{ converged: true, latentVariance: 1, evaluations: 20 },
};

/** Keeps a piece, spoils it in every way, and goes on with it. */
async function spoil<T>(
  name: string,
  codec: Codec<T>,
  sound: T,
  also: fc.Arbitrary<Uint8Array>,
): Promise<void> {
  const at = { ...unfinished, path: (piece: string) => unfinished.path(`${name}-${piece}`) };
  const pieces = { count: 2, piece: 2, signal, codec };
  expect(await inPieces(at, pieces, async () => sound)).toEqual([sound]);
  const path = at.path('piece-0');
  const goOn = () =>
    inPieces(at, pieces, () => {
      throw new Error('it is done again');
    });
  expect(await goOn()).toEqual([sound]);
  const files = fc.oneof(spoilt(await readFile(path)), also);
  await fc.assert(
    fc.asyncProperty(files, async bytes => {
      await writeFile(path, bytes);
      const [back] = (await readOrRefused(path, goOn)) ?? [];
      if (back !== undefined) expect(Object.keys(Object(back))).toEqual(Object.keys(Object(sound)));
    }),
    { numRuns: 300 },
  );
}

test('pieces of an evaluation, spoilt, are read or refused by name', async () => {
  const wrong = spoiltJson([result, result]).map(value => Buffer.from(JSON.stringify(value)));
  await spoil('results', jsonCodec(keptPicture), [result, result], wrong);
});

test('pieces of what was grown, spoilt, are read or refused by name', async () => {
  const codec = tensorCodec([1, 2, 2]);
  const pictures = float32([2, 1, 2, 2], [0, 0.5, 1, 0, 1, 0, 1, 0.25]);
  const wrong = fc.constantFrom<number[]>([1, 1, 2, 2], [2, 4], []).map(shape => {
    const length = shape.reduce((product, dim) => product * dim, 1);
    return codec.write(float32(shape, new Float32Array(length))) as Uint8Array;
  });
  await spoil('pictures', codec, pictures, wrong);
});

test('a perfect picture has infinite PSNR after a pause, too', async () => {
  const path = join(folder, 'perfect');
  const codec = jsonCodec(keptPicture);
  const perfect = [{ ...result, mse: 0, psnr: Number.POSITIVE_INFINITY }];
  await writeFile(path, codec.write(perfect));
  expect(await codec.read(path, 1)).toEqual(perfect);
  await expect(codec.read(path, 2)).rejects.toThrow(
    /perfect is damaged: .*Give --fresh instead of --resume/s,
  );
});

test("a descent's state comes back; spoilt or of other seeds it is refused by name", async () => {
  const journal = journalIn(unfinished);
  const part = (first: number) => float32([2, 1, 1], [first, first + 1]);
  const state = { latent: part(0), m: part(2), v: part(4), losses: [[0.5, 0.25]], converged: [false, true] };
  await journal.write(0, state);
  expect(await journal.read(0, [2, 1, 1])).toEqual(state);
  expect(await journal.read(1, [2, 1, 1])).toBeUndefined();
  await expect(journal.read(0, [3, 1, 1])).rejects.toThrow(
    /descent-0\.safetensors is damaged: 'latent' is not float32 \[3,1,1\]/,
  );
  const path = unfinished.path('descent-0.safetensors');
  const sound = await readFile(path);
  await fc.assert(
    fc.asyncProperty(spoilt(sound), async bytes => {
      await writeFile(path, bytes);
      const back = await readOrRefused(path, () => journal.read(0, [2, 1, 1]));
      expect(back?.latent.data.every(Number.isFinite)).not.toBe(false);
    }),
    { numRuns: 300 },
  );
});
