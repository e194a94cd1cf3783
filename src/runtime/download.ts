import { open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf, SeedbedError } from '../errors.ts';
import { exists, fileFault, makeFolder, md5OfFile } from './files.ts';

/** What a download must turn out to be, and how to follow and stop it. */
export interface DownloadOptions {
  /** The file's size, as its publisher gives it. */
  readonly bytes: number;
  /** The file's md5, 32 hexadecimal digits. */
  readonly md5: string;
  readonly onProgress?: (bytesSoFar: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Fetches `url` to `path`. What has come so far is kept as `path`.part and gone on from; only a file of the
 * right size and md5 gets its name, and one that has it already is left as it is.
 * @throws {SeedbedError} Machine when the network or the disk fails, BadFile when what came is not the file that
 * was published, Interrupted when `signal` stops it.
 */
export async function download(url: string, path: string, options: DownloadOptions): Promise<void> {
  if ((await exists(path)) && (await md5OfFile(path)) === options.md5) return;
  const part = `${path}.part`;
  if ((await sizeOfFile(part)) > options.bytes) await rm(part);
  if ((await sizeOfFile(part)) < options.bytes) await receive(url, part, path, options);
  await check(url, part, options);
  await rename(part, path).catch(cause => {
    throw fileFault('write', path, cause);
  });
}

async function receive(url: string, part: string, path: string, options: DownloadOptions): Promise<void> {
  const { bytes, onProgress, signal } = options;
  const from = await sizeOfFile(part);
  const response = await request(url, from, path, signal);
  // 206 is the rest of the file; a server that knows no ranges answers 200 and begins anew.
  const resumed =
    response.status === 206 && response.headers.get('content-range')?.startsWith(`bytes ${from}-`);
  const file = await openPart(part, resumed ? 'a' : 'w');
  let received = resumed ? from : 0;
  try {
    for await (const chunk of chunksOf(response, url, path, signal)) {
      received += chunk.length;
      if (received > bytes) break;
      await file.writeFile(chunk).catch(cause => {
        throw fileFault('write', part, cause);
      });
      onProgress?.(received);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  if (received < bytes)
    throw networkFault(url, path, `the connection ended at ${received} of ${bytes} bytes`);
  if (received > bytes) await reject(url, part, `is larger than the published ${bytes} bytes`);
}

async function openPart(part: string, flags: 'a' | 'w') {
  try {
    await makeFolder(dirname(part));
    return await open(part, flags);
  } catch (cause) {
    throw fileFault('write', part, cause);
  }
}

async function request(url: string, from: number, path: string, signal?: AbortSignal): Promise<Response> {
  const headers: Record<string, string> = from > 0 ? { Range: `bytes=${from}-` } : {};
  try {
    const response = await fetch(url, { headers, signal: signal ?? null });
    if (response.ok) return response;
    await response.body?.cancel();
    throw new Error(`the server answers ${response.status} ${response.statusText}`);
  } catch (cause) {
    throw stopped(signal, path) ?? networkFault(url, path, reasonOf(cause), cause);
  }
}

async function* chunksOf(response: Response, url: string, path: string, signal?: AbortSignal) {
  try {
    if (response.body) yield* response.body as AsyncIterable<Uint8Array>;
  } catch (cause) {
    throw stopped(signal, path) ?? networkFault(url, path, reasonOf(cause), cause);
  }
}

async function check(url: string, part: string, { md5 }: DownloadOptions): Promise<void> {
  const found = await md5OfFile(part);
  if (found !== md5) await reject(url, part, `has md5 ${found}, and ${md5} was published`);
}

async function reject(url: string, part: string, fault: string): Promise<never> {
  await rm(part, { force: true });
  throw new SeedbedError(
    'BadFile',
    `what came from ${url} ${fault}; it was thrown away. Try again, or another source`,
  );
}

function stopped(signal: AbortSignal | undefined, path: string): SeedbedError | undefined {
  if (!signal?.aborted) return undefined;
  return new SeedbedError(
    'Interrupted',
    `stopped; ${path}.part keeps what has come, the same command goes on from it`,
  );
}

function networkFault(url: string, path: string, reason: string, cause?: unknown): SeedbedError {
  const message = `cannot download ${url}: ${reason}. Try again, or fetch it by other means and put it at ${path}`;
  return new SeedbedError('Machine', message, { cause });
}

/** fetch() says only "fetch failed"; the reason is in its cause, which may have a code and no message. */
function reasonOf(error: unknown): string {
  const inner =
    error instanceof Error ? (error.cause as { message?: string; code?: string } | undefined) : undefined;
  return inner?.message || inner?.code || messageOf(error);
}

async function sizeOfFile(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}
