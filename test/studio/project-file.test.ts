import { expect, test } from 'vitest';
import { parseProject } from '../../studio/src/state/project-file.ts';

test.each([
  ['2', 'it is of version 2, this studio reads version 1'],
  ['"1"', 'it is of no version'],
  // Deeper than it could be written out.
  [`${'['.repeat(5000)}${']'.repeat(5000)}`, 'it is of no version'],
])('a project of version %.20s is refused in words', (version, reason) => {
  const text = `{ "seedbed": "studio project", "version": ${version}, "address": "#/embed", "pictures": {} }`;
  expect(() => parseProject(text, 'a.json')).toThrow(`a.json is no project of the studio: ${reason}`);
});
