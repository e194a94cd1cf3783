import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { VERDICTS } from '../../src/experiments/paper/claims.ts';
import { EXPERIMENTS } from '../../src/experiments/paper/reproduction.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const report = JSON.parse(read('docs/reproduction/report.json')) as {
  results: { name: string; claims: { verdict: (typeof VERDICTS)[number] }[] }[];
  omitted: unknown[];
};

test('the report has every experiment, and README says of its claims what it says', () => {
  expect(report.omitted).toEqual([]);
  const names = EXPERIMENTS.map(({ name }) => name);
  expect(report.results.map(({ name }) => name)).toEqual(names);
  const verdicts = report.results.flatMap(({ claims }) => claims.map(({ verdict }) => verdict));
  const [holds, partly, fails, open] = VERDICTS.map(
    verdict => verdicts.filter(other => other === verdict).length,
  );
  const words = `of ${verdicts.length} claims ${holds} hold, ${partly} hold in part, ${fails} do not, and ${open} stay open`;
  expect(read('README.md').replaceAll(/\s+/g, ' ')).toContain(words);
});
