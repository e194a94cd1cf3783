import { describe, expect, test } from 'vitest';
import { openDataset } from '../../../src/data/open.ts';
import { gaussianDenoiser, mixtureDenoiser } from '../../../src/diffusion/oracle.ts';
import { VERDICTS } from '../../../src/experiments/paper/claims.ts';
import { type Lab, SUBJECTS } from '../../../src/experiments/paper/lab.ts';
import { EXPERIMENTS } from '../../../src/experiments/paper/reproduction.ts';
import { normals } from '../../../src/tensor/random.ts';
import { asDataset, run, SHAPE, scalingEmbedder, toyLab } from '../lab.ts';

/** Four far means: every seed lands at one of them, so a picture has a whole cell of seeds. */
const MEANS = Array.from({ length: 4 }, (_, k) =>
  Array.from(normals({ seed: k, purpose: 'means' }, [64]).data, value => 0.8 * value),
);
const model = mixtureDenoiser({ means: MEANS, variance: 0.02 }, SHAPE, { steps: 4 });
const pictures = (count: number, seed = 9) => {
  const noise = normals({ seed, purpose: 'pictures' }, [count, 64]).data;
  return asDataset(
    'toy',
    SHAPE,
    noise.map((z, i) => 0.5 + 0.2 * (MEANS[Math.floor(i / 64) % 4]![i % 64]! + 0.14 * z)),
  );
};

/** Data that is always at hand: it is computed, or ships. */
const ALWAYS = ['circles', 'moons', 'paintings', 'faces'].map(name => `data:${name}`);

/** A laboratory that notes what is asked for, and which of it was neither needed nor looked for before. */
function watching(lab: Lab, needs: readonly string[]) {
  const asked: string[] = [];
  const known = new Set([...needs, ...ALWAYS]);
  const ask = (what: string) => void asked.push(what);
  const watched: Lab = {
    ...lab,
    has(what) {
      known.add(what);
      return lab.has(what);
    },
    denoiser(name) {
      ask(name);
      return lab.denoiser(name);
    },
    embedder(name) {
      ask(name);
      return lab.embedder(name);
    },
    data(name, split, shape) {
      ask(`data:${name}`);
      return lab.data(name, split, shape);
    },
    cloud(subject, index, method) {
      ask(SUBJECTS[subject].model);
      ask(`data:${subject}`);
      return lab.cloud(subject, index, method);
    },
  };
  return { lab: watched, asked, unasked: (what: string) => !known.has(what) };
}

describe('each experiment, on a mixture of Gaussians', async () => {
  const lab = await toyLab({
    denoisers: {
      '*': model,
      'mnist-small-27500a': model,
      'mnist-small-27500b': gaussianDenoiser(0.5, SHAPE, 4),
    },
    embedders: {
      '*': scalingEmbedder(model, 0.8),
      'embedder-conv-1': scalingEmbedder(model, 0.3),
    },
    data: {
      'fashion-mnist': pictures(40),
      mnist: pictures(40),
      cifar10: pictures(40),
      circles: await openDataset('circles:train'),
      moons: await openDataset('moons:train'),
    },
    sizes: { plane: 60 },
  });
  // Training pictures are others, and so many that both halves of MNIST's begin among them.
  const drawn = pictures(40, 10);
  const train = {
    ...drawn,
    length: 60_000,
    read: (at: ArrayLike<number>) => drawn.read(Array.from(at, i => i % 40)),
  };
  const { data } = lab;
  const opened: Lab['data'] = async (name, split, shape) =>
    split === 'train' && !/circles|moons/.test(name) ? train : data(name, split, shape);
  Object.assign(lab, { data: opened });

  test.each(EXPERIMENTS.map(experiment => [experiment.name, experiment] as const))(
    '%s gives claims with numbers, controls and verdicts, and pictures',
    async (name, experiment) => {
      const { lab: watched, asked, unasked } = watching(lab, experiment.needs);
      const { claims, tables = [], sheets, plots = [] } = await run(experiment, watched);
      expect(asked.filter(unasked), 'asked for without being needed or looked for').toEqual([]);
      expect(claims.length).toBeGreaterThan(0);
      for (const { paper, ours, control, because, verdict, values } of claims) {
        for (const words of [paper, ours, control, because]) {
          expect(words.length).toBeGreaterThan(10);
          expect(words).not.toMatch(/NaN|undefined|Infinity/);
        }
        expect(VERDICTS).toContain(verdict);
        expect(Object.keys(values).length).toBeGreaterThan(0);
        for (const [key, value] of Object.entries(values)) expect(value, key).toSatisfy(Number.isFinite);
      }
      for (const { columns, rows } of tables)
        for (const row of rows) expect(row).toHaveLength(columns.length);
      for (const picture of [...sheets, ...plots]) {
        expect(picture.file.startsWith(name)).toBe(true);
        expect(picture.caption.endsWith('.')).toBe(true);
        if ('rows' in picture) expect(picture.rows.flatMap(row => row.pictures).some(Boolean)).toBe(true);
        else expect(picture.svg).toContain('</svg>');
      }
    },
    30_000,
  );
});
