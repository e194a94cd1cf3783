import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, TensorProto_DataLocation } from 'onnx-buf';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import * as api from '../../src/index.ts';
import { CHROMIUM } from '../browser/chromium.ts';
import { seedbed } from '../cli/in-process.ts';
import { largeJpeg } from '../pictures.ts';
import { furthest } from './expect.ts';
import { drop, greys, openStudio, type Studio, shown, still, value, visit } from './open.ts';

/** A denoiser of Gaussian data as another tool would write it: the graph alone. */
const model = api.gaussianDenoiser(0.05, [1, 8, 8]);
const plain = api.serializeModel({ ...model.graph, metadata: new Map() });

/** The same with its first weight in a file beside it. */
function parted(): { onnx: Uint8Array; data: Uint8Array } {
  const message = fromBinary(ModelProtoSchema, plain);
  const weight = message.graph!.initializer.find(({ rawData }) => rawData.length > 0)!;
  const data = weight.rawData;
  weight.rawData = new Uint8Array();
  weight.dataLocation = TensorProto_DataLocation.EXTERNAL;
  const entry = (key: string, value: string) => ({
    $typeName: 'onnx.StringStringEntryProto' as const,
    key,
    value,
  });
  weight.externalData = [entry('location', 'parted.onnx.data'), entry('length', String(data.length))];
  return { onnx: toBinary(ModelProtoSchema, message), data };
}

describe.skipIf(!CHROMIUM)('models of one’s own in the studio (needs Chromium; CHROMIUM names it)', () => {
  let studio: Studio;
  let page: Page;
  beforeAll(async () => {
    studio = await openStudio(inject('studio'));
    page = await studio.open('#/gravity');
    await page.waitForSelector('main[data-ready=yes]', { timeout: 90_000 });
  }, 120_000);
  afterAll(() => studio?.close());

  const said = async (text: string) => {
    await page.waitForSelector(`.notice:has-text("${text}")`, { timeout: 60_000 });
    await page.click(`.notice:has-text("${text}") button`);
  };

  test('one of points opens in Gravity', async () => {
    const points = api.gaussianDenoiser(1, [2]);
    await drop(page, [{ name: 'points.onnx', bytes: api.saveModel(points) }]);
    await said('points.onnx is open');
    await page.waitForFunction(
      () => new URLSearchParams(location.hash.split('?')[1]).get('data') === 'model',
    );
    // Of Gaussian data every seed lands on its own ray from the mean.
    const [mean] = points.info.range.mean;
    const slope = () =>
      page.locator('.plane .way').evaluate((way, mean) => {
        const [x, y] = way.getAttribute('points')!.split(' ').at(-1)!.split(',').map(Number);
        return (-y! - mean) / (x! - mean);
      }, mean!);
    await expect.poll(slope, { timeout: 60_000 }).toBeCloseTo(1.5 / 2.2, 1);
  }, 120_000);

  test('one without a description is asked about: a form filled from the graph, the doctor beside its fields', async () => {
    await drop(page, [{ name: 'mine.onnx', bytes: plain }]);
    const dialog = page.locator('dialog[open]');
    await dialog.waitFor();
    expect(await dialog.getByLabel('Shape').inputValue()).toBe('1, 8, 8');
    expect(await dialog.getByLabel('What the level is').inputValue()).toBe('noiseVariance');
    await dialog.locator('summary').click();
    expect(await dialog.locator('.graph').innerText()).toMatch(/noise_variance float32 \[N\]/);

    await dialog.getByLabel('What it predicts').selectOption('x0');
    await dialog.getByText('Check it').click();
    await dialog.locator('.field .note').waitFor({ timeout: 60_000 });
    expect(await dialog.locator('.field .note').innerText()).toMatch(
      /the prediction, the level.*is described wrongly/,
    );
    await dialog.getByLabel('What it predicts').selectOption('epsilon');
    await dialog.getByText('Check it').click();
    // Of Gaussian data the doctor can say no more than that its variance is all there is to know.
    await dialog.locator('.field:has-text("What it predicts") .note').waitFor({ timeout: 60_000 });
    const waiting = page.waitForEvent('download');
    await dialog.getByText('Description .json').click();
    const file = await (await waiting).path();
    const described = JSON.parse(readFileSync(file, 'utf8'));
    expect(described).toMatchObject({ name: 'mine', predicts: 'epsilon', shape: [1, 8, 8] });
    await dialog.getByText('Open it').click();
    await said('mine.onnx is open');
    await dialog.waitFor({ state: 'detached' });
  }, 120_000);

  test('a conditional one is told its class, in a form; what it finds is its own under that class', async () => {
    const means = [-1, 0, 1].map(level => Array(64).fill(level));
    const classes = api.classDenoiser({ means, variance: 0.05 }, [1, 8, 8]);
    const without = api.serializeModel({ ...classes.graph, metadata: new Map() });
    await drop(page, [{ name: 'classes.onnx', bytes: without }]);
    const dialog = page.locator('dialog[open]');
    await dialog.waitFor();
    expect(await dialog.getByLabel('Input of the noise level').inputValue()).toBe('noise_variance');
    const waiting = page.waitForEvent('download');
    await dialog.getByText('Description .json').click();
    const described = JSON.parse(readFileSync(await (await waiting).path(), 'utf8'));
    expect(described.conditions).toEqual(['class_labels']);
    await dialog.locator('button.main').click();
    await dialog.locator('h2:has-text("What is classes.onnx told?")').waitFor({ timeout: 60_000 });
    await dialog.locator('button.main').click();
    await dialog.locator('[role=status]:has-text("needs a value for")').waitFor({ timeout: 60_000 });
    await dialog.getByLabel('class_labels').fill('2');
    await dialog.locator('button.main').click();
    await said('classes.onnx is open');
    expect(new URL(page.url()).hash).toMatch(/model=[0-9a-f]{12}(\+|%20)2(&|$)/);

    const told = { values: { class_labels: api.float32([1], [2]) } };
    const about = api.parseForeignInfo(described, 'x');
    const bound = api.withConditions(api.importDenoiser(classes.graph, about, new Map(), 'x'), told);
    const { latent, pictures } = await api.sample(bound, { count: 1, rng: 7 });
    await page.click('nav >> text=Embed');
    await drop(page, [{ name: 'seed.npy', bytes: api.writeNpy(latent) }]);
    await page.waitForSelector('text=seeds of seed.npy', { timeout: 60_000 });
    const canvas = 'what the model grows from the seed';
    await still(page);
    expect(furthest(await greys(page, canvas), pictures)).toBeLessThan(1);
    await page.reload();
    expect(furthest(await greys(page, canvas), pictures)).toBeLessThan(1);
  }, 120_000);

  test('one of latents comes with its autoencoder, and a picture is found through both as Node finds it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'seedbed-own-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'latent.onnx');
    const fixture = fileURLToPath(new URL('../fixtures/latent-diffusion', import.meta.url));
    await seedbed('import', fixture, '--sampler-steps', '10', '--out', path);
    const files = ['latent-autoencoder.onnx', 'latent.onnx'].map(name => ({
      name,
      bytes: readFileSync(join(folder, name)),
    }));
    await page.click('nav >> text=Gravity');
    await drop(page, files.slice(1));
    await said('open its autoencoder, NAME-autoencoder.onnx, together with it');
    await drop(page, files);
    await said('latent.onnx is open');
    const key = new URLSearchParams(new URL(page.url()).hash.split('?')[1]).get('model')!;
    await visit(page, `#/embed?picture=8-bag&method=fixed-point&model=${key}`);
    await still(page);

    const model = api.withAutoencoder(
      await api.loadModel(path),
      await api.loadAutoencoder(join(folder, 'latent-autoencoder.onnx')),
    );
    const bag = fileURLToPath(new URL('../../examples/fashion-mnist/8-bag.png', import.meta.url));
    const image = await api.readPicture(bag, model);
    const { pictures } = await api.embed(model, image, { method: 'fixed-point' });
    expect(furthest(await greys(page, 'what the model grows from the seed'), pictures)).toBeLessThan(1.3);
    await page.click('text=See it grow');
    await page.waitForSelector('[data-growth=shown]', { timeout: 60_000 });
    await page.reload();
    await shown(page);
    expect(furthest(await greys(page, 'what the model grows from the seed'), pictures)).toBeLessThan(1.3);
  }, 120_000);

  test('its files come in any order, and find each other', async () => {
    const { onnx, data } = parted();
    const description = JSON.stringify({ ...api.parseForeignInfo(model.info, 'x'), name: 'parted' });
    await drop(page, [{ name: 'parted.onnx.data', bytes: data }]);
    await said('parted.onnx.data is of a model: open its .onnx file, too.');
    await drop(page, [{ name: 'parted.json', bytes: Buffer.from(description) }]);
    await said('parted.json is of a model: open its .onnx file, too.');
    await drop(page, [{ name: 'parted.onnx', bytes: onnx }]);
    await said('parted.onnx is open');
  }, 120_000);

  test('how strange a portrait is to it is told, as Node measures it', async () => {
    await page.click('nav >> text=Embed');
    await page.click('[data-picture="faces/london-001"]');
    await page.waitForSelector('[data-value=strange]', { timeout: 60_000 });
    const file = fileURLToPath(new URL('../../examples/faces/london-001.png', import.meta.url));
    const [portrait] = await api.strangeness(model, await api.readPicture(file, model));
    const own = await api.strangeness(model, (await api.sample(model, { count: 4 })).pictures);
    const usual = own.reduce((sum, value) => sum + value, 0) / own.length;
    expect((await value(page, 'strange')) / (portrait! / usual)).toBeCloseTo(1, 1);
  }, 120_000);

  test('the part that a model sees of a picture is moved, and taken', async () => {
    await drop(page, [{ name: 'wide.jpg', bytes: await largeJpeg(300, 200) }]);
    await said('wide.jpg: centre-cropped, resized 200x200 to 8x8');
    await page.click('text=Crop…');
    await page.focus('.crop .frame');
    for (let i = 0; i < 12; i++) await page.keyboard.press('ArrowLeft');
    await page.click('text=Take this part');
    await page.waitForSelector('[aria-pressed=true][title="wide.jpg, from 0, 0.png"]');
    await said('wide.jpg, from 0, 0.png: resized 200x200 to 8x8');
    expect(studio.complaints).toEqual([]);
  }, 120_000);
});
