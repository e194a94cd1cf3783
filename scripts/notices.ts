/**
 * Writes THIRD_PARTY_NOTICES.md: what Seedbed ships of others' and what npm installs beside it, from package-lock.json
 * and from what the installed packages say of themselves. Run it by `npm run notices` after a change of dependencies.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

const SHIPPED = `# Third-party notices

Seedbed itself is under the MIT licence (LICENSE).

## What the package holds of others' work

The pictures in \`examples/fashion-mnist\` are of the test set of Fashion-MNIST (Xiao, Rasul and Vollgraf 2017), those of
which the studio's Train room learns (\`studio/src/shipped/fashion-mnist-16.png\`) of its training set, on which denoiser, embedder
and one classifier in \`models\` were trained, too; the other classifiers on MNIST (LeCun, Cortes and Burges) and CIFAR-10
(Krizhevsky 2009). Fashion-MNIST is under this licence:

> The MIT License (MIT) Copyright © 2017 Zalando SE, https://tech.zalando.com
>
> Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
> documentation files (the “Software”), to deal in the Software without restriction, including without limitation the
> rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
> persons to whom the Software is furnished to do so, subject to the following conditions:
>
> The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
> Software.
>
> THE SOFTWARE IS PROVIDED “AS IS”, WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
> WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
> COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
> OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.

The pictures in \`examples/paintings\` are small copies of paintings in the public domain, cut from the figures that Asperti, Evangelista,
Marro and Merizzi published with their code (2023) under the same licence, Copyright (c) 2022 Andrea Asperti.

The portraits in \`examples/faces\` are cropped and made smaller from the Face Research Lab London Set (DeBruine and Jones 2017,
doi 10.6084/m9.figshare.5047666), under the Creative Commons Attribution 4.0 licence (https://creativecommons.org/licenses/by/4.0/).

## What npm installs beside it

Nothing of these packages is copied into Seedbed but for the studio's page, below; each comes with its own licence.
`;

const BUNDLED = `
## What the studio's page holds

The page in \`studio/dist\` is bundled from Seedbed, from those of the packages above that it uses, and from these:
`;

interface Locked {
  readonly version: string;
  readonly license?: string;
  readonly dev?: boolean;
  /** Whether it is a folder of this repository. */
  readonly link?: boolean;
}

const readJson = (...path: string[]) => JSON.parse(readFileSync(join(ROOT, ...path), 'utf8'));

/** The first copyright line in a package's licence, readme or main file; who it is by where there is none. */
function copyrightOf(name: string): string {
  const folder = join(ROOT, 'node_modules', name);
  const { main, types, author } = readJson('node_modules', name, 'package.json');
  const texts = readdirSync(folder).filter(file => /^(licen[sc]e|readme)/i.test(file));
  for (const file of [...texts.sort(), types, main].filter(Boolean)) {
    const line = /^[ /*]*(copyright (\(c\)|©|\d{4}).*)$/im.exec(
      readFileSync(join(folder, file), 'utf8'),
    )?.[1];
    if (line) return line.trim();
  }
  return `by ${typeof author === 'string' ? author : author.name}`;
}

/** The whole text of THIRD_PARTY_NOTICES.md. */
export function notices(): string {
  const { dependencies, optionalDependencies } = readJson('package.json');
  const packages = Object.entries<Locked>(readJson('package-lock.json').packages)
    .filter(([path, { dev, link }]) => path.startsWith('node_modules/') && !dev && !link)
    .map(([path, locked]) => ({ ...locked, path, name: path.split('node_modules/').at(-1)! }));
  const named = new Set(Object.keys({ ...dependencies, ...optionalDependencies }));
  // Not by the name alone: a package that is needed may need another version of one that is named.
  const isDirect = ({ path, name }: { path: string; name: string }) =>
    named.has(name) && path === `node_modules/${name}`;
  const rows = packages
    .filter(isDirect)
    .map(({ name, version, license }) => `| ${name} | ${version} | ${license} | ${copyrightOf(name)} |`);
  const others = new Map<string, string[]>();
  for (const { name, version, license = 'not stated' } of packages.filter(it => !isDirect(it)))
    others.set(license, [...(others.get(license) ?? []), `${name} ${version}`]);
  const { devDependencies: bundled } = readJson('studio', 'package.json');
  const inPage = Object.keys(bundled)
    .filter(name => !named.has(name) && !name.startsWith('vite'))
    .map(name => {
      const { version, license } = readJson('node_modules', name, 'package.json');
      return `| ${name} | ${version} | ${license} | ${copyrightOf(name)} |`;
    });
  const table = (rows: readonly string[]) => [
    '| package | version | licence | copyright |',
    '| --- | --- | --- | --- |',
    ...rows,
  ];
  return [
    SHIPPED,
    ...table(rows),
    '\nThese need others in their turn, some only on one system:\n',
    ...[...others].sort().map(([license, names]) => `- ${license}: ${names.sort().join(', ')}`),
    BUNDLED,
    ...table(inPage),
    '',
  ].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeFileSync(join(ROOT, 'THIRD_PARTY_NOTICES.md'), notices());
