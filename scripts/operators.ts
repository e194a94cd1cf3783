import { writeFileSync } from 'node:fs';
import { operatorsPage } from './operators/page.ts';

// Writes docs/operators.md.
writeFileSync(new URL('../docs/operators.md', import.meta.url), operatorsPage());
