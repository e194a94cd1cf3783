import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { posix } from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';

/** The folders of src/ in the order in which data flows; a file imports from its own and from those before it. */
const ORDER = [
  'errors.ts',
  'tensor',
  'graph',
  'autodiff',
  'runtime',
  'data',
  'work',
  'nn',
  'diffusion',
  'embedding',
  'latent',
  'quality',
  'figures',
  'experiments',
  'index.ts',
  'cli',
];
/** The only layers that may know a platform. */
const PLATFORM_LAYERS = ['runtime', 'cli'];
const DOM_NAMES = new Set(['document', 'window', 'navigator']);

/** Files by path below src/, such as 'tensor/random.ts'. */
type Sources = Readonly<Record<string, string>>;

const layerOf = (file: string) => file.split('/')[0]!;

/** Every module that the file imports or exports from, at run time or for its types, as written. */
const importsOf = (text: string) => ts.preProcessFile(text).importedFiles.map(({ fileName }) => fileName);

const resolve = (file: string, specifier: string) => posix.join(posix.dirname(file), specifier);

/** What breaks the rules in these sources, a line each that names the file and the import. */
function violations(sources: Sources): string[] {
  return [...Object.entries(sources).flatMap(([file, text]) => violationsOf(file, text)), ...cycles(sources)];
}

function violationsOf(file: string, text: string): string[] {
  const rank = ORDER.indexOf(layerOf(file));
  if (rank < 0) return [`src/${file}: ${layerOf(file)} is not a layer; give it a place in ORDER`];
  const knowsPlatform = PLATFORM_LAYERS.includes(layerOf(file));
  const found: string[] = [];
  for (const specifier of importsOf(text)) {
    if (!specifier.startsWith('.')) {
      const isPlatform = isBuiltin(specifier) || /^(onnxruntime-|comlink$|sharp$)/.test(specifier);
      if (specifier === '#platform' && file !== 'runtime/platform.ts')
        found.push(`src/${file} imports '#platform': runtime/platform.ts has what is needed of it`);
      if (isPlatform && !knowsPlatform) {
        found.push(
          `src/${file} imports '${specifier}': only ${PLATFORM_LAYERS.join(' and ')} may know a platform`,
        );
      }
      continue;
    }
    const target = layerOf(resolve(file, specifier));
    const targetRank = ORDER.indexOf(target);
    if (targetRank < 0) found.push(`src/${file} imports '${specifier}': ${target} is not a layer of src`);
    if (targetRank > rank)
      found.push(`src/${file} imports '${specifier}': ${target} comes after ${layerOf(file)}`);
  }
  const names = knowsPlatform ? [] : domGlobals(file, text);
  return [...found, ...names.map(name => `src/${file} uses the DOM's '${name}': only runtime and cli may`)];
}

/** The DOM's globals that the file uses, names that it declares itself and members of that name left out. */
function domGlobals(file: string, text: string): string[] {
  const used = new Set<string>();
  const declared = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node) && DOM_NAMES.has(node.text)) {
      const { parent } = node;
      const isName = 'name' in parent && parent.name === node && !ts.isShorthandPropertyAssignment(parent);
      const isKey = 'propertyName' in parent && parent.propertyName === node;
      const ofGlobal = ts.isPropertyAccessExpression(parent) && parent.expression.getText() === 'globalThis';
      const declares =
        ts.isVariableDeclaration(parent) || ts.isParameter(parent) || ts.isBindingElement(parent);
      if ((!isName && !isKey) || ofGlobal) used.add(node.text);
      else if (isName && declares) declared.add(node.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.ES2023, true));
  return [...used].filter(name => !declared.has(name));
}

/** One line for each import that closes a circle of files. */
function cycles(sources: Sources, root = 'src/'): string[] {
  const found: string[] = [];
  const finished = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    const at = path.indexOf(file);
    if (at >= 0)
      found.push(`cycle: ${[...path.slice(at), file].map(name => `${root}${name}`).join(' imports ')}`);
    if (at >= 0 || finished.has(file)) return;
    const local = importsOf(sources[file] ?? '').filter(specifier => specifier.startsWith('.'));
    for (const specifier of local) visit(resolve(file, specifier), [...path, file]);
    finished.add(file);
  };
  for (const file of Object.keys(sources)) visit(file, []);
  return found;
}

/** The TypeScript files below a folder of the project, by their path in it. */
function sourcesIn(folder: string): Sources {
  const root = new URL(`../${folder}/`, import.meta.url);
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map(file => file.replaceAll('\\', '/'))
    .filter(file => /\.tsx?$/.test(file));
  expect(files.length).toBeGreaterThan(0);
  return Object.fromEntries(files.map(file => [file, readFileSync(new URL(file, root), 'utf8')]));
}

test('imports in src/ run one way, without cycles, and only runtime and cli know a platform', () => {
  expect(violations(sourcesIn('src'))).toEqual([]);
});

test.each(['scripts', 'bench', 'studio/src'])('no files in %s import each other in a circle', folder => {
  expect(cycles(sourcesIn(folder), `${folder}/`)).toEqual([]);
});

test.each<[string, Sources, string]>([
  [
    'a backward import',
    { 'graph/ir.ts': "import type { Rule } from '../autodiff/rules.ts';" },
    "src/graph/ir.ts imports '../autodiff/rules.ts': autodiff comes after graph",
  ],
  [
    'a backward import at run time',
    { 'data/idx.ts': "const nn = await import('../nn/unet.ts');" },
    "src/data/idx.ts imports '../nn/unet.ts': nn comes after data",
  ],
  [
    'a re-export over several lines',
    { 'errors.ts': "export {\n  zeros,\n} from './tensor/tensor.ts';" },
    "src/errors.ts imports './tensor/tensor.ts': tensor comes after errors.ts",
  ],
  [
    'the public API imported from inside',
    { 'latent/pca.ts': "import { embed } from '../index.ts';" },
    "src/latent/pca.ts imports '../index.ts': index.ts comes after latent",
  ],
  [
    'the public API importing a command',
    { 'index.ts': "export * from './cli/train.ts';" },
    "src/index.ts imports './cli/train.ts': cli comes after index.ts",
  ],
  [
    'an import from outside src',
    { 'nn/unet.ts': "import { x } from '../../test/x.ts';" },
    "src/nn/unet.ts imports '../../test/x.ts': .. is not a layer of src",
  ],
  ['a new folder', { 'utils/x.ts': '' }, 'src/utils/x.ts: utils is not a layer; give it a place in ORDER'],
  [
    'Node',
    { 'data/idx.ts': "import 'node:fs';" },
    "src/data/idx.ts imports 'node:fs': only runtime and cli may know a platform",
  ],
  [
    'Node by its old name',
    { 'data/idx.ts': "import fs from 'fs/promises';" },
    "src/data/idx.ts imports 'fs/promises': only runtime and cli may know a platform",
  ],
  [
    'ONNX Runtime',
    { 'nn/unet.ts': "import type { Tensor } from 'onnxruntime-common';" },
    "src/nn/unet.ts imports 'onnxruntime-common': only runtime and cli may know a platform",
  ],
  [
    'the platform taken from inside',
    { 'nn/unet.ts': "import { createRuntime } from '#platform';" },
    "src/nn/unet.ts imports '#platform': runtime/platform.ts has what is needed of it",
  ],
  [
    'a global of the DOM',
    { 'nn/unet.ts': "if (typeof window === 'object') start();" },
    "src/nn/unet.ts uses the DOM's 'window': only runtime and cli may",
  ],
  [
    "a member of globalThis beside a property of the DOM's name",
    { 'nn/unet.ts': 'interface Pool { window: number } globalThis.window; pool.window;' },
    "src/nn/unet.ts uses the DOM's 'window': only runtime and cli may",
  ],
  [
    'a global of the DOM put in an object',
    { 'nn/unet.ts': 'start({ document });' },
    "src/nn/unet.ts uses the DOM's 'document': only runtime and cli may",
  ],
  [
    'a cycle',
    { 'nn/a.ts': "import './b.ts';", 'nn/b.ts': "import './c.ts';", 'nn/c.ts': "import './b.ts';" },
    'cycle: src/nn/b.ts imports src/nn/c.ts imports src/nn/b.ts',
  ],
])('the rule catches %s', (_, sources, message) => {
  expect(violations(sources)).toEqual([message]);
});

test('the rule lets through what is allowed', () => {
  expect(
    violations({
      'errors.ts': '',
      'tensor/tensor.ts': "import { SeedbedError } from '../errors.ts'; // import '../nn/unet.ts'",
      'graph/pool.ts':
        'const window = [2, 2]; use(window, pool.window, { window }); const { document: d } = pool;',
      'runtime/node.ts': "import 'node:fs'; import sharp from 'sharp'; navigator.gpu;",
      'index.ts': "export * from './tensor/tensor.ts'; export * from './graph/pool.ts';",
      'cli/train.ts': "import { train } from '../index.ts'; import '../tensor/tensor.ts'; import 'node:fs';",
    }),
  ).toEqual([]);
});
