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
  // They came after the report, and have pages of their own until all is measured again.
  const later = {
    agreement: 'docs/reproduction/agreement',
    sheet: 'docs/sheet',
    'split-or-descent': 'docs/split-or-descent',
  };
  for (const [name, folder] of Object.entries(later)) {
    const page = JSON.parse(read(`${folder}/report.json`)) as typeof report;
    expect(page.results.map(result => result.name)).toEqual([name]);
  }
  expect(report.results.map(({ name }) => name)).toEqual(names.filter(name => !(name in later)));
  const verdicts = report.results.flatMap(({ claims }) => claims.map(({ verdict }) => verdict));
  const [holds, partly, fails, open] = VERDICTS.map(
    verdict => verdicts.filter(other => other === verdict).length,
  );
  const words = `of ${verdicts.length} claims ${holds} hold, ${partly} hold in part, ${fails} do not, and ${open} stay open`;
  expect(read('README.md').replaceAll(/\s+/g, ' ')).toContain(words);
});
