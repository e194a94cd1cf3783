import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format } from 'node:util';
import ts from 'typescript';
import { afterAll, expect, test, vi } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The blocks of TypeScript in a page, by a name: all in README.md, those under the heading 'Example' elsewhere. */
function examplesIn(path: string): [name: string, text: string][] {
  const page = readFileSync(join(ROOT, path), 'utf8').replaceAll('\r\n', '\n');
  const block = path === 'README.md' ? /^```ts\n(.*?)^```$/gms : /^## Example\n\n```ts\n(.*?)^```$/gms;
  const texts = [...page.matchAll(block)].map(match => match[1]!);
  return texts.map((text, i) => [basename(path, '.md') + (i > 0 ? `-${i + 1}` : ''), text]);
}

// The pages in docs/api hold the examples of the docstrings, which test/docs/api.test.ts makes sure of.
const pages = readdirSync(join(ROOT, 'docs/api'), { recursive: true, encoding: 'utf8' });
const paths = pages.filter(path => path.endsWith('.md')).map(path => join('docs/api', path));
const EXAMPLES = ['README.md', ...paths.sort()].flatMap(examplesIn);

// They run in a folder of their own that has the package's pictures, and leave their files there.
const before = process.cwd();
const folder = mkdtempSync(join(tmpdir(), 'seedbed-examples-'));
const fileOf = (name: string) => join(folder, `${name}.ts`);
writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
cpSync(join(ROOT, 'examples'), join(folder, 'examples'), { recursive: true });
for (const [name, text] of EXAMPLES) writeFileSync(fileOf(name), text);
process.chdir(folder);
afterAll(() => {
  process.chdir(before);
  rmSync(folder, { recursive: true });
});

test.each(EXAMPLES)('%s runs, and prints what it says', async (name, text) => {
  const printed: string[] = [];
  const log = vi.spyOn(console, 'log').mockImplementation((...line) => void printed.push(format(...line)));
  await import(/* @vite-ignore */ fileOf(name)).finally(() => log.mockRestore());
  for (const [, line] of text.matchAll(/console\.log\(.*\); \/\/ prints (.*)$/gm)) {
    expect(printed).toContain(line);
  }
});

test('the types of the examples are right', () => {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, ROOT);
  const files = EXAMPLES.map(([name]) => fileOf(name));
  const program = ts.createProgram(files, {
    ...options,
    noUncheckedIndexedAccess: false, // Few projects have it, and `!` says nothing to their readers.
    noUnusedLocals: false,
    typeRoots: [join(ROOT, 'node_modules/@types')],
    paths: { ...options.paths, seedbed: [join(ROOT, 'src/index.ts')] },
  });
  const faults = files
    .map(file => program.getSourceFile(file))
    .flatMap(file => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]);
  const inWords = faults.map(({ file, messageText }) => {
    return `${basename(file!.fileName)}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
  });
  expect(inWords).toEqual([]);
});
