import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { isSeedbedError } from '../../src/errors.ts';
import { download } from '../../src/runtime/download.ts';

const contents = Uint8Array.from({ length: 300_000 }, (_, i) => (i * i) % 253);
const md5 = createHash('md5').update(contents).digest('hex');
const published = { bytes: contents.length, md5 };

let requests: (string | undefined)[] = [];
/** Serves the contents: at /ranges in parts, at /plain whole, at /broken half before it hangs up, else not at all. */
const server = createServer((request, response) => {
  requests.push(request.headers.range);
  const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
  if (request.url === '/ranges' && from > 0) {
    const range = `bytes ${from}-${contents.length - 1}/${contents.length}`;
    response.writeHead(206, { 'content-range': range }).end(contents.subarray(from));
  } else if (request.url === '/ranges' || request.url === '/plain') response.end(contents);
  else if (request.url === '/long') response.end(Buffer.concat([contents, contents]));
  else if (request.url === '/broken') {
    response.writeHead(200, { 'content-length': contents.length });
    response.write(contents.subarray(0, 150_000), () => response.destroy());
  } else if (request.url === '/slow') response.write(contents.subarray(0, 1000));
  else response.writeHead(404).end();
});

let folder: string;
let origin: string;
let path: string;
beforeAll(async () => {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
beforeEach(async () => {
  requests = [];
  folder = await mkdtemp(join(tmpdir(), 'seedbed-download-'));
  path = join(folder, 'set', 'a.bin');
  return () => rm(folder, { recursive: true, force: true });
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const partOf = async (bytes: Uint8Array) => {
  await mkdir(join(folder, 'set'), { recursive: true });
  await writeFile(`${path}.part`, bytes);
};

test('fetches, says how far it is, and then leaves the file alone', async () => {
  const progress: number[] = [];
  await download(`${origin}/plain`, path, { ...published, onProgress: bytes => progress.push(bytes) });
  expect((await readFile(path)).equals(contents)).toBe(true);
  expect(progress.at(-1)).toBe(contents.length);
  expect(await readdir(join(folder, 'set'))).toEqual(['a.bin']);
  await download(`${origin}/plain`, path, published);
  expect(requests).toEqual([undefined]);
});

test.each([
  ['goes on where it was', '/ranges'],
  ['begins anew where the server knows no ranges', '/plain'],
])('%s', async (_, url) => {
  await partOf(contents.subarray(0, 100_000));
  await download(origin + url, path, published);
  expect(requests).toEqual(['bytes=100000-']);
  expect((await readFile(path)).equals(contents)).toBe(true);
});

test('a connection that breaks leaves a part to go on from', async () => {
  const failed = download(`${origin}/broken`, path, published);
  await expect(failed).rejects.toSatisfy(error => isSeedbedError(error, 'Machine'));
  await expect(failed).rejects.toThrow(/cannot download .*\/broken: .*put it at .*a\.bin/);
  const { length } = await readFile(`${path}.part`);
  expect(length).toBeGreaterThan(0);
  await download(`${origin}/ranges`, path, published);
  expect(requests[1]).toBe(`bytes=${length}-`);
  expect((await readFile(path)).equals(contents)).toBe(true);
});

test('a complete part needs no network', async () => {
  await partOf(contents);
  await download(`${origin}/nothing`, path, published);
  expect(requests).toEqual([]);
});

test.each([
  ['a wrong checksum', '/plain', { ...published, md5: '0'.repeat(32) }, /has md5 .*and 0{32} was published/],
  ['a file that is too large', '/long', published, /is larger than the published 300000 bytes/],
])('%s is thrown away', async (_, url, options, message) => {
  const failed = download(origin + url, path, options);
  await expect(failed).rejects.toSatisfy(error => isSeedbedError(error, 'BadFile'));
  await expect(failed).rejects.toThrow(message);
  expect(await readdir(join(folder, 'set'))).toEqual([]);
});

test('a part that cannot be right is not gone on from', async () => {
  await partOf(new Uint8Array(contents.length + 1));
  await download(`${origin}/ranges`, path, published);
  expect(requests).toEqual([undefined]);
});

test.each([
  ['a missing file', () => `${origin}/nothing`, /the server answers 404 Not Found/],
  ['no server', () => 'http://127.0.0.1:1/a', /cannot download http:\/\/127\.0\.0\.1:1\/a: (?!fetch failed)/],
])('%s is a failure of the network', async (_, url, message) => {
  const failed = download(url(), path, published);
  await expect(failed).rejects.toSatisfy(error => isSeedbedError(error, 'Machine'));
  await expect(failed).rejects.toThrow(message);
});

test('stops when asked, and keeps what has come', async () => {
  const stop = new AbortController();
  const options = { ...published, signal: stop.signal, onProgress: () => stop.abort() };
  await expect(download(`${origin}/slow`, path, options)).rejects.toSatisfy(e =>
    isSeedbedError(e, 'Interrupted'),
  );
  expect((await readFile(`${path}.part`)).length).toBe(1000);
});
