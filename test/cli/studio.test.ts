import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import { getRequestListener } from '@hono/node-server';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { studioApp } from '../../src/cli/studio.ts';
import { seedbed } from './in-process.ts';
import { PROGRAM } from './program.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

describe('the server of the studio', () => {
  const above = mkdtempSync(join(tmpdir(), 'seedbed-served-'));
  const folder = join(above, 'dist');
  mkdirSync(join(folder, 'assets'), { recursive: true });
  const server = createServer(getRequestListener(studioApp(folder).fetch));
  beforeAll(async () => {
    writeFileSync(join(folder, 'index.html'), '<!doctype html><title>studio</title>');
    const script = join(folder, 'assets/index-12345678.js');
    writeFileSync(script, 'export {};');
    writeFileSync(`${script}.br`, brotliCompressSync('export {};'));
    writeFileSync(`${script}.gz`, gzipSync('export {};'));
    writeFileSync(join(above, 'secret.txt'), 'not yours');
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => {
    server.close();
    rmSync(above, { recursive: true });
  });

  /** Asks for a path as it is, which fetch would tidy up. */
  function ask(path: string, method = 'GET', headers: Record<string, string> = {}) {
    const { port } = server.address() as AddressInfo;
    return new Promise<{ status: number; headers: Record<string, unknown>; body: Buffer }>(
      (resolve, reject) => {
        const asked = request({ host: '127.0.0.1', port, path, method, headers }, response => {
          const parts: Buffer[] = [];
          response.on('data', part => parts.push(part));
          response.on('end', () =>
            resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(parts) }),
          );
        });
        asked.on('error', reject);
        asked.end();
      },
    );
  }

  test('sends the page with isolation and a policy that lets nothing in from elsewhere', async () => {
    const { status, headers, body } = await ask('/');
    expect([status, String(body)]).toEqual([200, '<!doctype html><title>studio</title>']);
    expect(headers).toMatchObject({
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp',
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-cache',
    });
    const policy = String(headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self' 'wasm-unsafe-eval'");
    expect(policy).toContain("connect-src 'self'");
    expect(policy).not.toMatch(/unsafe-inline|unsafe-eval'(?<!wasm-unsafe-eval')|https?:|\*/);
  });

  test('what has its hash in its name is kept for good', async () => {
    const { headers } = await ask('/assets/index-12345678.js');
    expect(headers['cache-control']).toContain('immutable');
    expect(headers['content-type']).toContain('javascript');
  });

  test.each([
    ['br, gzip', 'br', brotliDecompressSync],
    ['gzip, deflate', 'gzip', gunzipSync],
    ['identity', undefined, (body: Buffer) => body],
  ])('a browser that accepts %s gets that, and caches are told', async (accepts, encoding, decoded) => {
    const { headers, body } = await ask('/assets/index-12345678.js', 'GET', { 'Accept-Encoding': accepts });
    expect(headers).toMatchObject({ vary: 'Accept-Encoding', 'content-length': String(body.length) });
    expect([headers['content-encoding'], String(decoded(body))]).toEqual([encoding, 'export {};']);
    expect(headers['content-type']).toContain('javascript');
    expect(headers['cache-control']).toContain('immutable');
  });

  test("the runtime's .wasm and the shipped models are found where the package has them", async () => {
    const wasm = await ask('/assets/ort-wasm-simd-threaded-DcHrbrbl.wasm', 'HEAD');
    expect(wasm).toMatchObject({ status: 200, headers: { 'content-type': 'application/wasm' } });
    expect(await ask('/assets/fashion-mnist-_NPupaGX.onnx', 'HEAD')).toMatchObject({ status: 200 });
    expect(await ask('/assets/no-such-12345678.onnx', 'HEAD')).toMatchObject({ status: 404 });
  });

  test.each([
    '/../secret.txt',
    '/..%2fsecret.txt',
    '/%2e%2e/secret.txt',
    '/assets/../../secret.txt',
    '/assets/..%2f..%2fsecret.txt',
    '/assets/..%5c..%5csecret.txt',
    '//etc/passwd',
    '/assets/%00',
    '/%E0%A4%A',
    '/assets/..%2f..%2f..%2fpackage-12345678.onnx',
    '/nowhere',
  ])('refuses %s', async path => {
    const { status, body } = await ask(path);
    expect([400, 404]).toContain(status);
    expect(String(body)).not.toContain('not yours');
  });

  test('answers questions only', async () => {
    expect((await ask('/', 'POST')).status).toBe(404);
  });
});

describe('seedbed studio', () => {
  test('says in words when the port is taken', async () => {
    const other = createServer();
    await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const { code, err } = await seedbed('studio', '--port', String(port));
    other.close();
    expect(code).toBe(2);
    expect(err).toMatch(/another program listens there; choose another --port|the studio is not built/);
  });

  test('prints its address on loopback, serves there, and ends at Ctrl-C', async () => {
    const child = spawn(process.execPath, [...PROGRAM, 'studio', '--port', '0'], { cwd: ROOT });
    const out = await new Promise<string>((resolve, reject) => {
      let text = '';
      child.stdout.on('data', part => {
        text += part;
        if (text.includes('Ctrl-C')) resolve(text);
      });
      child.stderr.on('data', part => {
        text += part;
      });
      child.on('exit', () => reject(new Error(text)));
    });
    const [address] = /http:\/\/127\.0\.0\.1:\d+\//.exec(out)!;
    const page = await (await fetch(address)).text();
    expect(page).toContain('<title>Seedbed studio</title>');
    const ended = new Promise<number | null>(resolve => child.on('exit', resolve));
    child.kill('SIGINT');
    expect(await ended).toBe(0);
  });
});
