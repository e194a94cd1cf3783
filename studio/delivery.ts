/**
 * The last step of the build: files as they travel. What compression makes smaller lies beside itself in brotli and gzip, and the
 * service worker learns which files there are.
 * @module
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { Plugin } from 'vite';

/** The service worker, at the studio's root: it serves what lies below itself. */
const WORKER = 'offline.js';
/** From this size on brotli would take ten times as long for the last tenth. */
const LARGE = 2 ** 20;
const [brotli, zipped] = [promisify(brotliCompress), promisify(gzip)];

const ENCODINGS: Readonly<Record<string, (bytes: Buffer) => Promise<Buffer>>> = {
  br: bytes =>
    brotli(bytes, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: bytes.length > LARGE ? 5 : 9,
        [constants.BROTLI_PARAM_LGWIN]: 24,
        [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
      },
    }),
  gz: bytes => zipped(bytes, { level: 9 }),
};

/** @param version the package's. */
export function delivery(version: string): Plugin {
  return {
    name: 'delivery',
    apply: 'build',
    enforce: 'post',
    async writeBundle({ dir }) {
      const files = readdirSync(dir!, { recursive: true, encoding: 'utf8', withFileTypes: true })
        .filter(entry => entry.isFile() && entry.name !== WORKER)
        .map(entry => join(entry.parentPath, entry.name));
      const names = files.map(path => path.slice(dir!.length + 1).replaceAll('\\', '/')).sort();
      const page = createHash('sha256')
        .update(names.join())
        .update(readFileSync(join(dir!, 'index.html')));
      const studio = { version: `${version} ${page.digest('hex').slice(0, 12)}`, names };
      const worker = join(dir!, WORKER);
      writeFileSync(worker, `const STUDIO = ${JSON.stringify(studio)};\n${readFileSync(worker, 'utf8')}`);
      await Promise.all([...files, worker].map(compress));
    },
  };
}

/** Writes a file compressed beside it, where that saves a fifth: pictures and weights gain little. */
async function compress(path: string): Promise<void> {
  const bytes = readFileSync(path);
  const compressed = Object.entries(ENCODINGS).map(async ([ending, encode]) => {
    const encoded = await encode(bytes);
    if (encoded.length < 0.8 * bytes.length) writeFileSync(`${path}.${ending}`, encoded);
  });
  await Promise.all(compressed);
}
