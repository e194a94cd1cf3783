/**
 * Makes the pictures from which the studio's Train room learns: the first 1,024 of the training set of Fashion-MNIST (Xiao, Rasul
 * and Vollgraf 2017, MIT: THIRD_PARTY_NOTICES.md) at 16x16 pixels, as one sheet. The folder that holds the set is its argument.
 */
import { writeFileSync } from 'node:fs';
import { openDataset } from '../src/data/open.ts';
import { encodePng, float32, readPicture } from '../src/index.ts';
import { unstack } from '../src/tensor/tensor.ts';
import { SHEET } from '../studio/src/engine/sheet.ts';

const to = new URL('../studio/src/shipped/fashion-mnist-16.png', import.meta.url);
const { across, side } = SHEET;

const dataset = await openDataset('fashion-mnist:train', { dataDir: process.argv[2] });
const pictures = unstack(await dataset.read(Array.from({ length: across ** 2 }, (_, i) => i)));
const pixels = new Float32Array((across * side) ** 2);
for (const [i, picture] of pictures.entries()) {
  // As a file of that picture would be read.
  const small = await readPicture(await encodePng(picture), [1, side, side]);
  const corner = Math.floor(i / across) * side * across * side + (i % across) * side;
  for (let y = 0; y < side; y++)
    pixels.set(small.data.subarray(y * side, (y + 1) * side), corner + y * across * side);
}
const file = await encodePng(float32([1, across * side, across * side], pixels));
writeFileSync(to, file);
process.stdout.write(`${pictures.length} pictures, ${(file.length / 1000).toFixed(0)} kB\n`);
