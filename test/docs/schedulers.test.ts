import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { schedulersPage } from '../../scripts/schedulers.ts';

test('docs/schedulers.md says what the tables say; npm run docs:schedulers writes it', () => {
  const page = readFileSync(new URL('../../docs/schedulers.md', import.meta.url), 'utf8');
  expect(page.replaceAll('\r\n', '\n')).toBe(schedulersPage());
});
