/**
 * Packs Seedbed, installs the tarball in an empty project as a stranger would, and uses it there: the command, the
 * library in Node, the library in a page that Vite bundles, and the studio. Run it by `npm run try-package`.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CHROMIUM, launch, openPage } from '../test/browser/chromium.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MOST_BYTES = 15e6;

const LIBRARY = `
import { embed, loadEmbedder, loadModel, readPicture, sample, SHIPPED_DENOISER, SHIPPED_EMBEDDER } from 'seedbed';

export async function use(picture, runtime) {
  const model = await loadModel(SHIPPED_DENOISER);
  const embedder = await loadEmbedder(SHIPPED_EMBEDDER);
  const { results } = await embed(model, await readPicture(picture, model), { method: 'embedder', embedder, runtime });
  const { pictures } = await sample(model, { count: 2, runtime });
  return { mse: results[0].mse, sampled: pictures.shape };
}
`;

const PAGE = `
import { createRuntime } from 'seedbed';
import picture from './node_modules/seedbed/examples/fashion-mnist/9-ankle-boot.png?url';
import { use } from './use.js';

createRuntime({ device: 'wasm' }).then(runtime => use(picture, runtime)).then(
  result => { globalThis.result = result; },
  error => { globalThis.result = { error: String(error) }; },
);
`;

const NODE = `
import { use } from './use.js';

console.log(JSON.stringify(await use('node_modules/seedbed/examples/fashion-mnist/9-ankle-boot.png')));
`;

function run(folder: string, command: string): string {
  // Not this repository's npm settings: a stranger has none of them.
  const strangers = Object.entries(process.env).filter(([name]) => !/^(npm_|ONNXRUNTIME_)/i.test(name));
  const env = Object.fromEntries(strangers);
  return execFileSync(command, {
    cwd: folder,
    env,
    shell: true,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

function check(what: string, holds: boolean, found: unknown): void {
  console.log(`${holds ? '✓' : '✗'} ${what}: ${JSON.stringify(found)}`);
  if (!holds) process.exitCode = 1;
}

/** Opens the installed studio, and waits for the error of the picture that its embedder embeds. */
async function studio(folder: string): Promise<[holds: boolean, found: string]> {
  const server = spawn(process.execPath, ['node_modules/seedbed/bin/seedbed.js', 'studio', '--port', '0'], {
    cwd: folder,
  });
  try {
    const address = await new Promise<string>((resolve, reject) => {
      let text = '';
      server.stdout.on('data', part => {
        text += part;
        const [found] = /http:\S+/.exec(text) ?? [];
        if (found) resolve(found);
      });
      server.on('exit', () => reject(new Error(`the studio ended: ${text}`)));
    });
    const browser = await launch();
    const page = await browser.newPage();
    await page.goto(`${address}#/embed?device=wasm&method=embedder`);
    const error = await page.waitForSelector('[data-value=mse]', { timeout: 60_000 });
    const found = await error.innerText();
    await browser.close();
    return [Number(found) < 0.01, found];
  } finally {
    server.kill();
  }
}

const folder = mkdtempSync(join(tmpdir(), 'seedbed-stranger-'));
try {
  const [packed] = JSON.parse(run(ROOT, `npm pack --json --ignore-scripts --pack-destination "${folder}"`));
  const tarball = join(folder, packed.filename);
  const { size } = statSync(tarball);
  check(
    'the tarball is under 15 MB',
    size < MOST_BYTES,
    `${(size / 1e6).toFixed(1)} MB, ${packed.entryCount} files`,
  );

  writeFileSync(join(folder, 'package.json'), '{ "name": "stranger", "private": true, "type": "module" }\n');
  writeFileSync(join(folder, 'use.js'), LIBRARY);
  writeFileSync(join(folder, 'node.js'), NODE);
  writeFileSync(join(folder, 'page.js'), PAGE);
  writeFileSync(join(folder, 'index.html'), '<!doctype html><script type="module" src="./page.js"></script>');

  const installs = [
    ['with the native runtime', '--ignore-scripts'],
    ['as it comes', ''],
  ] as const;
  for (const [how, option] of installs) {
    rmSync(join(folder, 'node_modules'), { recursive: true, force: true });
    rmSync(join(folder, 'package-lock.json'), { force: true });
    run(folder, `npm install --no-audit --no-fund ${option} "${tarball}"`);
    const about = JSON.parse(run(folder, 'npx seedbed embed --method embedder --json --out out'));
    const errors: number[] = about.results.map(({ mse }: { mse: number }) => mse);
    check(`${how}: npx seedbed embed`, errors.length === 10 && Math.max(...errors) < 0.01, errors);
    const inNode = JSON.parse(run(folder, 'node node.js'));
    check(`${how}: import from 'seedbed' in Node`, inNode.mse < 0.01, inNode);
  }
  if (CHROMIUM) {
    const { page, foreign, close } = await openPage({ root: folder });
    await page.waitForFunction('globalThis.result', undefined, { timeout: 120_000 });
    const result = (await page.evaluate('globalThis.result')) as { mse: number };
    await close();
    check("import from 'seedbed' in a page that Vite bundled", result.mse < 0.01, result);
    check('the page asked nobody else for anything', foreign.length === 0, foreign);
    check('npx seedbed studio embeds a picture', ...(await studio(folder)));
  } else {
    console.log('- the page was not tried: there is no Chromium; name one by CHROMIUM');
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
