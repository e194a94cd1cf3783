/**
 * Works for hours in one process, and in one page, and says whether memory stayed flat; writes docs/soak.md:
 * npm run soak [-- --pictures 10000 --requests 1000 --data-dir DIR]
 */
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { CHROMIUM } from '../test/browser/chromium.ts';
import { soakLibrary } from './soak/library.ts';
import { MOST_GROWTH, type Soaked, WARM_UP } from './soak/memory.ts';
import { soakStudio } from './soak/studio.ts';

const { values } = parseArgs({
  options: {
    pictures: { type: 'string', default: '10000' },
    requests: { type: 'string', default: '1000' },
    'data-dir': { type: 'string', default: '/usr/share/datasets' },
  },
});
const dataDir = values['data-dir'];

const rows: Soaked[] = [
  await soakLibrary(Number(values.pictures), existsSync(`${dataDir}/fashion-mnist`) ? dataDir : undefined),
];
if (CHROMIUM) rows.push(...(await soakStudio(Number(values.requests))));
else console.log('- skipped: the studio: there is no Chromium (CHROMIUM names it)');

const percent = (part: number) => `${(100 * part).toFixed(1)} %`;
const mebibytes = (bytes: number) => (bytes / 2 ** 20).toFixed(0);
const table = [
  '| what works | how much | memory | after warm-up, MiB | at the end, MiB | growth | flat |',
  '| --- | ---: | --- | ---: | ---: | ---: | --- |',
  ...rows.map(
    ({ what, how, memory, warm, last, growth, isFlat }) =>
      `| ${[what, how, memory, mebibytes(warm), mebibytes(last), percent(growth), isFlat ? '✓' : '✗'].join(' | ')} |`,
  ),
].join('\n');
console.log(table);
await writeFile(
  new URL('../docs/soak.md', import.meta.url),
  `# Soak
Written by \`npm run soak -- --pictures ${values.pictures} --requests ${values.requests}\`. One process embeds pictures by the embedder, some
at a time, each time with sessions of their own; the studio's server answers for all of its files, again and again; and one
page of the studio embeds picture after picture. Memory is sampled on the way: its medians over each tenth of the samples
behind the first ${percent(WARM_UP)} may rise by ${percent(MOST_GROWTH)} at most above that of the first, which is then called flat; growth is the rise of the highest.

${table}
`,
);
process.exitCode = rows.every(({ isFlat }) => isFlat) ? 0 : 1;
