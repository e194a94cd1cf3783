/**
 * The last step of the build: files as they travel. What compression makes smaller lies beside itself in brotli and gzip, and the
 * service worker learns which files there are.
 * @module
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';

/** The service worker, at the studio's root: it serves what lies below itself. */
const WORKER = 'offline.js';
/** From this size on brotli would take half a minute for the last tenth. */
const LARGE = 2 ** 20;

const ENCODINGS: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  br: bytes =>
    brotliCompressSync(bytes, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: bytes.length > LARGE ? 5 : 11,
        [constants.BROTLI_PARAM_LGWIN]: 24,
        [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
      },
    }),
  gz: bytes => gzipSync(bytes, { level: 9 }),
};

/** @param version the package's. */
export function delivery(version: string): Plugin {
  return {
    name: 'delivery',
    apply: 'build',
    enforce: 'post',
    writeBundle({ dir }) {
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
      for (const path of [...files, worker]) compress(path);
    },
  };
}

/** Writes a file compressed beside it, where that saves a fifth: pictures and weights gain little. */
function compress(path: string): void {
  const bytes = readFileSync(path);
  for (const [ending, encode] of Object.entries(ENCODINGS)) {
    const encoded = encode(bytes);
    if (encoded.length < 0.8 * bytes.length) writeFileSync(`${path}.${ending}`, encoded);
  }
}
