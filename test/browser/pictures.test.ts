import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { prepare } from '../../src/diffusion/batches.ts';
import * as api from '../../src/index.ts';
import { unstack } from '../../src/tensor/tensor.ts';
import * as made from '../pictures.ts';
import { relativeError } from '../support.ts';
import { CHROMIUM, launch, servePage, TEST_PAGE } from './chromium.ts';
import { FIREFOX, openInFirefox } from './firefox.ts';

declare const seedbed: typeof api;

/** A picture, the shape [C, H, W] that it is read at, and by how many levels of 255 a browser may differ. */
interface Case {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly shape: readonly number[];
  readonly levels: number;
}

const SHIPPED = [1, 28, 28];

/** Colour profiles are followed by three libraries, which round differently: a level, and two beside resized edges. */
async function makeCases(): Promise<Case[]> {
  const [wide, tall] = [await made.largeJpeg(3001, 1999), await made.largeJpeg(1350, 1350)];
  const adobe = made.withProfile(await made.pngOf(3, 90, 60), made.adobeRgb());
  const p3 = await made.p3Jpeg(90, 60);
  const deepAdobe = made.withProfile(await made.deepPng(3, 90, 60), made.adobeRgb());
  const ramp = await made.rampPng();
  const grey = made.withProfile(await made.pngOf(1, 90, 60), made.greyProfile(2.2));
  const darkest = made.withProfile(ramp, made.greyProfile(1));
  const exact: [string, Uint8Array, readonly number[]][] = [
    ['a large JPEG', tall, SHIPPED],
    ['a large JPEG', tall, [3, 150, 150]],
    ['a wide JPEG', wide, SHIPPED],
    ['a wide JPEG', wide, [3, 40, 90]],
    ['a PNG of 16 bits', await made.deepPng(3, 90, 60), [3, 60, 90]],
    ['a grey PNG of 16 bits', await made.deepPng(1, 60, 60), SHIPPED],
    ['a PNG with transparency', await made.pngOf(4, 60, 60), [3, 60, 60]],
    ['a PNG with transparency', await made.pngOf(4, 60, 60), SHIPPED],
    ['a PNG with gAMA', made.withGamma(await made.pngOf(3, 60, 60), 1), SHIPPED],
    ['a JPEG of four inks', await made.cmykJpeg(60, 60), [3, 60, 60]],
    ['a JPEG with the profile of sRGB', await made.taggedJpeg(90, 60), [3, 60, 90]],
    ['a wide PNG', await made.pngOf(3, 90, 40), [3, 16, 24]],
  ];
  const within: [string, Uint8Array, readonly number[], number][] = [
    ['a JPEG that lies on its side', await made.lyingJpeg(90, 60), [3, 90, 60], 1],
    ['a P3 JPEG', p3, [3, 60, 90], 1],
    ['a P3 JPEG', p3, SHIPPED, 1],
    ['an Adobe RGB PNG', adobe, [3, 60, 90], 1],
    ['an Adobe RGB PNG', adobe, SHIPPED, 1],
    ['an Adobe RGB PNG of 16 bits', deepAdobe, [3, 60, 90], 1],
    ['a grey PNG with a profile', grey, [1, 60, 90], 1],
    ['a grey PNG with a profile', grey, SHIPPED, 1],
    ['every grey by a profile of gamma 1', darkest, [1, 1, 256], 10],
  ];
  return [
    ...exact.map(([name, bytes, shape]) => ({ name, bytes, shape, levels: 0 })),
    ...within.map(([name, bytes, shape, levels]) => ({ name, bytes, shape, levels })),
  ];
}

interface Read {
  readonly bytes: number[];
  readonly changes: string[];
}

/** In the page: reads all pictures; as text, which both drivers carry fast. */
async function readAll(given: readonly { base64: string; shape: readonly number[] }[]): Promise<string> {
  while (!('seedbed' in globalThis)) await new Promise(resolve => setTimeout(resolve, 10));
  const read: Read[] = [];
  for (const { base64, shape } of given) {
    const file = Uint8Array.from(atob(base64), letter => letter.charCodeAt(0));
    const told: string[] = [];
    const model = { info: { shape, padding: 0 } } as api.Denoiser;
    const { data } = await seedbed.readPicture(file, model, { onChanges: changes => told.push(...changes) });
    read.push({ bytes: Array.from(data, value => Math.round(255 * value)), changes: told });
  }
  return JSON.stringify(read);
}

const BROWSERS: [
  string,
  string | undefined,
  (address: string, given: Parameters<typeof readAll>[0]) => Promise<string>,
][] = [
  [
    'Chromium',
    CHROMIUM,
    async (address, given) => {
      const browser = await launch();
      const page = await browser.newPage();
      await page.goto(address);
      return page.evaluate(readAll, given).finally(() => browser.close());
    },
  ],
  [
    'Firefox',
    FIREFOX,
    async (address, given) => {
      const page = await openInFirefox(address);
      return page.evaluate(readAll, given).finally(() => page.close());
    },
  ],
];

describe.skipIf(!CHROMIUM && !FIREFOX)('one picture is one array of pixels', () => {
  let served: Awaited<ReturnType<typeof servePage>>;
  let cases: Case[];
  let own: Read[];

  beforeAll(async () => {
    served = await servePage(TEST_PAGE);
    cases = await makeCases();
    own = [];
    for (const { bytes, shape } of cases) {
      const told: string[] = [];
      const model = { info: { shape, padding: 0 } } as unknown as api.Denoiser;
      const { data } = await api.readPicture(bytes, model, { onChanges: changes => told.push(...changes) });
      own.push({ bytes: Array.from(data, value => Math.round(255 * value)), changes: told });
    }
  });
  afterAll(() => served?.close());

  for (const [name, path, open] of BROWSERS) {
    describe.skipIf(!path)(`in ${name}`, () => {
      let read: Read[];
      beforeAll(async () => {
        const given = cases.map(({ bytes, shape }) => ({
          base64: Buffer.from(bytes).toString('base64'),
          shape,
        }));
        read = JSON.parse(await open(served.address, given));
      }, 120_000);

      test('as on Node, with the same said of it', () => {
        const rows = cases.map(({ name, shape, levels }, i) => {
          const off = own[i]!.bytes.map((value, at) => Math.abs(value - read[i]!.bytes[at]!));
          return { name, shape, changes: read[i]!.changes, within: Math.max(...off) <= levels };
        });
        const wanted = cases.map(({ name, shape }, i) => {
          return { name, shape, changes: own[i]!.changes, within: true };
        });
        expect(rows).toEqual(wanted);
      });

      test('and so one seed', async () => {
        const [ours, theirs] = [await seedsOf(own), await seedsOf(read)];
        const off = ours.map((seed, i) => relativeError(theirs[i]!, seed));
        const shipped = cases.filter(({ shape }) => shape === SHIPPED);
        for (const [i, { name, levels }] of shipped.entries())
          expect(off[i], name).toBeLessThan(levels === 0 ? 1e-6 : 0.1);
      });
    });
  }

  /** The seeds that the shipped embedder gives of the pictures of the shipped model's size. */
  async function seedsOf(read: readonly Read[]): Promise<api.Tensor<'float32'>[]> {
    const pictures = read.filter((_, i) => cases[i]!.shape === SHIPPED).map(({ bytes }) => bytes);
    const images = api.float32(
      [pictures.length, ...SHIPPED],
      pictures.flat().map(value => value / 255),
    );
    const { graph, info } = await api.loadEmbedder(api.SHIPPED_EMBEDDER);
    const runtime = await api.createRuntime();
    const session = await runtime.load(graph);
    const found = await session.run({ [info.inputs.image]: prepare(images, info.padding, info.range) });
    await runtime.dispose();
    return unstack(found[info.output] as api.Tensor<'float32'>);
  }
});
