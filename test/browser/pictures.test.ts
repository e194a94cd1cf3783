import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { prepare } from '../../src/diffusion/batches.ts';
import * as api from '../../src/index.ts';
import { unstack } from '../../src/tensor/tensor.ts';
import * as made from '../pictures.ts';
import { relativeError } from '../support.ts';
import { CHROMIUM, launch, servePage, TEST_PAGE } from './chromium.ts';
import { FIREFOX, openInFirefox } from './firefox.ts';

declare const seedbed: typeof api;

/** A picture, the shape [C, H, W] that it is read at, and by how many levels of 255 a browser may differ: mostly none. */
interface Case {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly shape: readonly number[];
  readonly levels: number;
}

const SHIPPED = [1, 28, 28];

async function makeCases(): Promise<Case[]> {
  const [wide, tall] = [await made.largeJpeg(3001, 1999), await made.largeJpeg(1350, 1350)];
  const exact: [string, Uint8Array, readonly number[]][] = [
    ['a large JPEG', tall, SHIPPED],
    ['a large JPEG', tall, [3, 150, 150]],
    ['a wide JPEG', wide, SHIPPED],
    ['a wide JPEG', wide, [3, 40, 90]],
    ['a PNG of 16 bits', await made.deepPng(3, 90, 60), [3, 60, 90]],
    ['a grey PNG of 16 bits', await made.deepPng(1, 60, 60), SHIPPED],
    ['a PNG with transparency', await made.pngOf(4, 60, 60), [3, 60, 60]],
    ['a PNG with transparency', await made.pngOf(4, 60, 60), SHIPPED],
    ['a PNG of a palette with transparency', await made.palettePng(4, 60, 60), [3, 60, 60]],
    ['a PNG with gAMA', made.withGamma(await made.pngOf(3, 60, 60), 1), SHIPPED],
    ['a JPEG of four inks', await made.cmykJpeg(60, 60), [3, 60, 60]],
    ['a wide PNG', await made.pngOf(3, 90, 40), [3, 16, 24]],
    ...(await withProfiles()),
  ];
  const lying = await made.lyingJpeg(90, 60);
  return [
    ...exact.map(([name, bytes, shape]) => ({ name, bytes, shape, levels: 0 })),
    { name: 'a JPEG that lies on its side', bytes: lying, shape: [3, 90, 60], levels: 1 },
  ];
}

/** Pictures with colour profiles. */
async function withProfiles(): Promise<[string, Uint8Array, readonly number[]][]> {
  const [adobe, linear] = [made.adobeRgb(), made.greyProfile(made.power(1))];
  const grey = made.withProfile(await made.pngOf(1, 90, 60), made.greyProfile(made.power(2.2)));
  const p3 = await made.p3Jpeg(90, 60);
  const png = made.withProfile(await made.pngOf(3, 90, 60), adobe);
  const deep = made.withProfile(await made.deepPng(3, 90, 60), adobe);
  const clear = made.withProfile(await made.pngOf(4, 90, 60), adobe);
  const palette = made.withProfile(await made.palettePng(4, 90, 60), adobe);
  const parts = made.withSegments(await made.largeJpeg(90, 60), [
    ...[0, 100, 300].map((from, i) => adobe.subarray(from, [100, 300][i])),
  ]);
  return [
    ['a JPEG with the profile of sRGB', await made.taggedJpeg(90, 60), [3, 60, 90]],
    ['a P3 JPEG', p3, [3, 60, 90]],
    ['a P3 JPEG', p3, SHIPPED],
    ['a P3 WebP', await made.p3WebP(90, 60), SHIPPED],
    ['a JPEG with a profile in three parts', parts, [3, 60, 90]],
    ['an Adobe RGB PNG', png, [3, 60, 90]],
    ['an Adobe RGB PNG', png, SHIPPED],
    ['an Adobe RGB PNG of 16 bits', deep, [3, 60, 90]],
    ['an Adobe RGB PNG with transparency', clear, [3, 60, 90]],
    ['an Adobe RGB PNG of a palette with transparency', palette, [3, 60, 90]],
    ['a grey PNG with a profile', grey, [1, 60, 90]],
    ['a grey PNG with a profile', grey, SHIPPED],
    ['every grey by a profile of gamma 1', made.withProfile(await made.rampPng(), linear), [1, 1, 256]],
    ['a grey PNG of 16 bits', made.withProfile(await made.deepPng(1, 60, 60), linear), SHIPPED],
    [
      'a PNG with a damaged profile',
      made.withProfile(await made.pngOf(3, 90, 60), adobe.subarray(0, 300)),
      SHIPPED,
    ],
    ['a PNG with a profile of grey', made.withProfile(await made.pngOf(3, 90, 60), linear), SHIPPED],
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
  let ownSeeds: api.Tensor<'float32'>[];

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
    ownSeeds = await seedsOf(own);
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
        const theirs = await seedsOf(read);
        const off = ownSeeds.map((seed, i) => relativeError(theirs[i]!, seed));
        const shipped = cases.filter(({ shape }) => shape === SHIPPED);
        for (const [i, { name }] of shipped.entries()) expect(off[i], name).toBeLessThan(1e-6);
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
