/**
 * Lists the slowest tenth of the tests, with their times and their share of the whole:
 * npm run slow-tests [-- test/FOLDER ...]
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What Vitest's JSON holds of a file. */
interface TestFile {
  readonly name: string;
  readonly assertionResults: readonly { readonly fullName: string; readonly duration?: number | null }[];
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'seedbed-slow-tests-'));
try {
  const report = join(folder, 'report.json');
  const vitest = ['vitest', 'run', '--reporter=json', `--outputFile=${report}`, ...process.argv.slice(2)];
  try {
    execFileSync('npx', vitest, {
      cwd: ROOT,
      stdio: ['ignore', 'ignore', 'inherit'],
      shell: process.platform === 'win32',
    });
  } catch {
    process.exitCode = 1; // A test failed; the times are of interest all the same.
  }
  for (const line of slowest(JSON.parse(readFileSync(report, 'utf8')).testResults)) console.log(line);
} finally {
  rmSync(folder, { recursive: true });
}

function slowest(files: readonly TestFile[]): string[] {
  const tests = files
    .flatMap(({ name, assertionResults }) =>
      assertionResults.map(({ fullName, duration }) => ({
        name: `${relative(ROOT, name)}: ${fullName}`,
        seconds: (duration ?? 0) / 1000,
      })),
    )
    .sort((a, b) => b.seconds - a.seconds);
  const sum = (some: typeof tests) => some.reduce((total, { seconds }) => total + seconds, 0);
  const tenth = tests.slice(0, Math.ceil(tests.length / 10));
  const share = Math.round((100 * sum(tenth)) / sum(tests));
  return [
    ...tenth.map(({ name, seconds }) => `${seconds.toFixed(2).padStart(7)} s  ${name}`),
    `The slowest ${tenth.length} of ${tests.length} tests take ${sum(tenth).toFixed(0)} of ${sum(tests).toFixed(0)} s, ${share} %.`,
  ];
}
