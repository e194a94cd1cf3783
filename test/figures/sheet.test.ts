import { parseHTML } from 'linkedom/worker';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { type SheetFigure, sheetFigure } from '../../src/figures/sheet.ts';
import { textWidth, wrap } from '../../src/figures/text.ts';
import { encodePng } from '../../src/runtime/images.ts';
import { svgToPng } from '../../src/runtime/svg.ts';
import { float32 } from '../../src/tensor/tensor.ts';

const checks = float32([1, 2, 2], [0, 1, 1, 0]);
const href = `data:image/png;base64,${Buffer.from(await encodePng(checks)).toString('base64')}`;
const FIGURE: SheetFigure = {
  title: 'Sheet <of> "checks"',
  rows: [
    { label: 'first', cells: [undefined, { href, caption: 'one\n0.5' }] },
    {
      label: 'a label that needs more than a single line',
      apart: true,
      cells: [{ href }, { href }, { href }],
    },
  ],
  notes: 'Small print that is long enough for the width of the sheet to break it into lines. '.repeat(2),
};

test('rows are named, places left free, captions in lines below', () => {
  const { document } = parseHTML(`<body>${sheetFigure(FIGURE)}</body>`);
  const at = (e: Element, name: string) => Number(e.getAttribute(name));
  const images = Array.from(document.querySelectorAll('image'));
  expect(images).toHaveLength(4);
  // The one of the first row stands above the second of the row below.
  expect(at(images[0]!, 'x')).toBe(at(images[2]!, 'x'));
  expect(at(images[1]!, 'y')).toBeGreaterThan(at(images[0]!, 'y') + 96 + 25);
  const [width, height] = ['width', 'height'].map(name => at(document.querySelector('svg')!, name));
  for (const image of images) expect(at(image, 'x') + at(image, 'width')).toBeLessThan(width!);
  const texts = Array.from(document.querySelectorAll('text'));
  expect(texts.map(text => text.textContent)).toEqual(expect.arrayContaining(['first', 'one', '0.5']));
  for (const text of texts) expect(at(text, 'y')).toBeLessThan(height!);
});

test('every pixel of a small picture stays a square', async () => {
  const png = await svgToPng(sheetFigure(FIGURE), 1);
  const image = parseHTML(`<body>${sheetFigure(FIGURE)}</body>`).document.querySelector('image')!;
  const [left, top] = ['x', 'y'].map(name => Math.round(Number(image.getAttribute(name))));
  const { data } = await sharp(png)
    .extract({ left: left! + 2, top: top! + 2, width: 92, height: 92 })
    .greyscale()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const grey = data.filter(value => value > 10 && value < 245).length;
  expect(grey / data.length).toBeLessThan(0.05);
  expect(data[10 * 92 + 10]).toBeLessThan(10);
  expect(data[10 * 92 + 80]).toBeGreaterThan(245);
});

test('a sheet without pictures is refused', () => {
  expect(() => sheetFigure({ title: 'Nothing', rows: [] })).toThrow(/sheet 'Nothing' has no pictures/);
});

test('lines break between words, a long word after a hyphen, and one without at the last letter that fits', () => {
  const wide = (text: string) => textWidth(text, 10);
  expect(wrap('what it grows', wide('what it '), 10)).toEqual(['what it', 'grows']);
  expect(wrap('mnist-small-spatial', wide('mnist-small-sp'), 10)).toEqual(['mnist-small-', 'spatial']);
  expect(wrap('a -0.5', wide('a -0.5'), 10)).toEqual(['a -0.5']);
  const pieces = wrap('unbreakable', wide('unbrea'), 10);
  expect(pieces.join('')).toBe('unbreakable');
  expect(pieces.every(piece => wide(piece) <= wide('unbrea'))).toBe(true);
});
