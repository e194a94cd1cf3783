import { expect, test } from 'vitest';
import { float32 } from '../../src/tensor/tensor.ts';
import { further } from '../../studio/src/state/kinds.ts';
import { parseProject, writeProject } from '../../studio/src/state/project-file.ts';

test.each([
  ['1', 'it is of version 1, this studio reads version 2'],
  ['"2"', 'it is of no version'],
  // Deeper than it could be written out.
  [`${'['.repeat(5000)}${']'.repeat(5000)}`, 'it is of no version'],
])('a project of version %.20s is refused in words', (version, reason) => {
  const text = `{ "seedbed": "studio project", "version": ${version}, "address": "#/embed", "rooms": {}, "kept": {} }`;
  expect(() => parseProject(text, 'a.json')).toThrow(`a.json is no project of the studio: ${reason}`);
});

const seeds = float32([2, 1, 1, 2], [0.25, -1, Number.NaN, 3]);
const project = {
  address: '#/edit?strokes=AAAA',
  rooms: { cloud: 'picture=own-1', gravity: '' },
  kept: [
    ['["cloud","own-1","hash"]', { latent: seeds, starts: 2 }],
    ['["plane","drawn","AAAA"]', { file: Uint8Array.of(1, 2, 255), losses: [[1, 0.5]] }],
    ['["picture","own-1"]', { id: 'own-1', title: 'mine.png', file: new Blob(['pixels']) }],
  ] as const,
};

test('a project holds all rooms, clouds, planes and pictures, bit for bit', async () => {
  const read = parseProject((await writeProject(project)).join(''), 'a.json');
  expect(read).toEqual({ ...project, kept: expect.anything() });
  const kept = new Map<string, unknown>(read.kept);
  expect([...kept.keys()]).toEqual(project.kept.map(([name]) => name));
  for (const [name, value] of project.kept.slice(0, 2)) expect(kept.get(name)).toEqual(value);
  const { file } = kept.get('["picture","own-1"]') as { file: Blob };
  expect(await file.text()).toBe('pixels');
});

test.each([
  ['["cloud","own-1","hash"]', { latent: { ...seeds, shape: [3, 1, 1, 2] }, starts: 2 }, 'a cloud'],
  ['["plane","drawn","AAAA"]', { file: 'no bytes', losses: [] }, 'a plane'],
  ['["wishes","own-1"]', {}, 'something'],
  ['no list', {}, 'something'],
])('what is damaged under %s is refused', async (name, value, what) => {
  const text = (await writeProject({ ...project, kept: [[name, value]] })).join('');
  expect(() => parseProject(text, 'a.json')).toThrow(
    `a.json is no project of the studio: ${what} in it is damaged`,
  );
});

test('what a project brings takes the place of what is here only where it is further on', () => {
  const bytes = Uint8Array.of(1);
  const training = (step: number) => ({ step, checkpoint: bytes, file: bytes, losses: [], looks: [] });
  const [less, more] = [training(500), training(10_000)];
  expect(further('training', more, less)).toBe(more);
  expect(further('training', less, more)).toBe(more);
  expect(further('training', { ...less, checkpoint: new Uint8Array() }, less), 'a damaged one').toBe(less);
  const picture = (title: string) => ({ id: 'own-1', title, file: new Blob(['pixels']) });
  const [here, brought] = [picture('here'), picture('brought')];
  expect(further('picture', here, brought)).toBe(here);
  expect(further('picture', undefined, brought)).toBe(brought);
});
