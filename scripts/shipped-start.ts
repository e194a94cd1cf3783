/**
 * Makes what the studio shows before it has computed anything: of every picture that ships, how the model takes it, its seed by
 * split inversion and what grows from that; the walk with which Walk opens; and what is known of the model. Run it after the
 * shipped model has changed: npm run studio:start
 */
import { readdirSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  decode,
  embed,
  float32,
  interpolateSeeds,
  loadModel,
  pictureShape,
  readPicture,
  SHIPPED_DENOISER,
} from '../src/index.ts';
import { concatRows } from '../src/tensor/tensor.ts';
import type { Found } from '../studio/src/engine/engine.ts';
import { gateOf } from '../studio/src/engine/gate.ts';
import { foundOf, readOf, shippedId, walkOf } from '../studio/src/state/names.ts';
import { writeProject } from '../studio/src/state/project-file.ts';

const at = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));
/** The walk with which Walk opens, and its pictures. */
const [FROM, TO, FRAMES] = ['9-ankle-boot', '2-pullover', 9] as const;

const model = await loadModel(SHIPPED_DENOISER);
const { hash, info, graph } = model;
const kept: [readonly (string | number)[], unknown][] = [];
const seeds = new Map<string, Found['latent']>();

const files = readdirSync(at('examples'), { recursive: true, encoding: 'utf8' });
for (const file of files.filter(file => file.endsWith('.png')).sort()) {
  const id = shippedId(`/${file.replaceAll('\\', '/')}`);
  const changes: string[] = [];
  const pixels = await readPicture(at(`examples/${file}`), model, {
    onChanges: told => changes.push(...told),
  });
  const { latent, pictures, results } = await embed(model, pixels, { method: 'auto' });
  kept.push([['read', ...readOf(id, hash)], { pixels, changes }]);
  kept.push([['found', ...foundOf(id, hash, { method: 'auto' })], { latent, pictures, results }]);
  seeds.set(id, latent);
  process.stdout.write(
    `${id}: ${results[0]!.psnr.toFixed(1)} dB, variance ${results[0]!.latentVariance.toFixed(2)}\n`,
  );
}

const way = Array.from({ length: FRAMES }, (_, i) =>
  interpolateSeeds(seeds.get(FROM)!, seeds.get(TO)!, i / (FRAMES - 1), 'slerp'),
);
const latent = concatRows(way.map(({ shape, data }) => float32(shape, data)));
kept.push([
  ['grown', ...walkOf(FROM, TO, hash, 'slerp', 'faithful')],
  { latent, pictures: await decode(model, latent) },
]);

const pieces = await writeProject({
  ...{ address: '#/embed', rooms: {} },
  kept: kept.map(([name, value]) => [JSON.stringify(name), value] as const),
});
const text = pieces.join('');
writeFileSync(at('studio/src/shipped/start.json'), `${text}\n`);
const key = basename(SHIPPED_DENOISER.pathname, '.onnx');
const card = {
  ...{ key, name: key, hash, shape: info.shape, picture: pictureShape(model), steps: info.sampler.steps },
  weights: [...graph.initializers.values()].reduce((sum, { data }) => sum + data.length, 0),
  hasEmbedder: true,
  gate: gateOf(info.training),
};
writeFileSync(at('studio/src/shipped/model.json'), `${JSON.stringify(card, undefined, 2)}\n`);
process.stdout.write(`${kept.length} results, ${(text.length / 1000).toFixed(0)} kB\n`);
