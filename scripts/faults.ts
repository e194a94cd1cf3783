/**
 * Disturbs all that works long as machines and people do, and checks that it goes on to the same bits. Takes nothing but
 * what `npm ci` builds; writes docs/faults.md. `--rng` draws other moments; `--kills` says how many for each command.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { fillUniform } from '../src/tensor/random.ts';
import { killed, type Reference, signalled, undisturbed, type Workshop } from './faults/checks.ts';
import { FILE_LIMIT, FULL_DISK, fileLimit, fullDisk, noDisks, unmount } from './faults/disk.ts';
import { Report } from './faults/report.ts';
import { commands, trainings, writePictures } from './faults/task.ts';

const { values } = parseArgs({
  options: { rng: { type: 'string', default: '0' }, kills: { type: 'string', default: '20' } },
});
const place = mkdtempSync(join(tmpdir(), 'seedbed-faults-'));
process.once('exit', () => {
  unmount();
  rmSync(place, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

let drawn = 0;
function draw(): number {
  const number = new Float64Array(1);
  fillUniform({ seed: Number(values.rng), purpose: 'faults' }, drawn++, 0, number);
  return number[0]!;
}

const folder = join(place, 'pictures');
await writePictures(folder);
const { points, pictures } = await trainings(place, folder);
const referenceOf = (name: string) => join(place, 'undisturbed', name.replaceAll(' ', '-'));
const others = commands(join(referenceOf(pictures.name), 'model.onnx'), folder);
const tasks = [points, pictures, ...Object.values(others)];
/** Those that are also stopped and starved: one that keeps steps, one that keeps pictures, one that keeps seeds, a shard, several processes. */
const starved = [
  points,
  pictures,
  others['embed by descent'],
  others['a shard'],
  others['evaluate in processes'],
];
const report = new Report(tasks.map(task => task.name));
const references: Reference[] = [];
for (const task of tasks) references.push(await undisturbed(task, referenceOf(task.name), report));

type Check = (ref: Reference, workshop: Workshop) => Promise<void>;
async function each(check: Check, chosen = starved): Promise<void> {
  for (const ref of references.filter(({ task }) => chosen.includes(task)))
    await check(ref, { report, draw, folder: join(place, 'disturbed', ref.task.name.replaceAll(' ', '-')) });
}
await each((ref, workshop) => killed(ref, Number(values.kills), workshop), tasks);
if (process.platform === 'win32') {
  report.skip('signals', 'Windows does not send them');
  report.skip(FILE_LIMIT, 'it takes a shell that sets one');
} else {
  await each((ref, workshop) => signalled(ref, 'SIGTERM', 1, workshop));
  await each((ref, workshop) => signalled(ref, 'SIGINT', 1, workshop));
  await each((ref, workshop) => signalled(ref, 'SIGINT', 2, workshop));
  await each((ref, workshop) => fileLimit(ref, 2, workshop));
}
const obstacle = noDisks(join(place, 'disk'));
if (obstacle) report.skip(FULL_DISK, obstacle);
else await each((ref, workshop) => fullDisk(ref, 3, workshop));

const command = `npm run faults -- --kills ${values.kills} --rng ${values.rng}`;
await report.write(fileURLToPath(new URL('../docs/faults.md', import.meta.url)), command);
process.exitCode = report.failed > 0 ? 1 : 0;
