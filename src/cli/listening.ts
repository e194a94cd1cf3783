import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { getRequestListener } from '@hono/node-server';
import type { Hono } from 'hono';
import { SeedbedError } from '../errors.ts';

/** A port; or those that are wanted, the first that is free, with any free one in their stead. */
type Port = number | { readonly wanted: readonly number[] };

/**
 * Serves until `signal` is given.
 * @returns the addresses by which it is reached, its port, and what ends when it has.
 * @throws {SeedbedError} BadArgument where it cannot listen.
 */
export async function serve(
  app: Hono,
  host: string,
  port: Port,
  signal: AbortSignal,
): Promise<{ addresses: string[]; port: number; closed: Promise<void> }> {
  const server = createServer(getRequestListener(app.fetch));
  const ports = typeof port === 'number' ? [port] : [...port.wanted, 0];
  const listening = await listenAt(server, host, ports);
  const addresses = reachedAt(host).map(
    name => `http://${name.includes(':') ? `[${name}]` : name}:${listening.port}/`,
  );
  const closed = new Promise<void>(resolve => {
    const end = () => {
      server.close(() => resolve());
      server.closeAllConnections();
    };
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });
  return { addresses, port: listening.port, closed };
}

/** Names by which a server that listens at a host is reached; 0.0.0.0 and :: stand for all of the machine's. */
function reachedAt(host: string): string[] {
  if (host !== '0.0.0.0' && host !== '::') return [host];
  const all = Object.values(networkInterfaces()).flatMap(them => them ?? []);
  return [
    '127.0.0.1',
    ...all.filter(({ family, internal }) => family === 'IPv4' && !internal).map(a => a.address),
  ];
}

/** Listens at the first of some ports that no other program listens at. */
async function listenAt(
  server: ReturnType<typeof createServer>,
  host: string,
  [first = 0, ...others]: readonly number[],
): Promise<AddressInfo> {
  try {
    return await listen(server, host, first);
  } catch (error) {
    const taken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
    if (taken && others.length > 0) return listenAt(server, host, others);
    throw inWords(error as NodeJS.ErrnoException, host, first);
  }
}

function listen(server: ReturnType<typeof createServer>, host: string, port: number): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve(server.address() as AddressInfo);
    });
  });
}

function inWords(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const reasons: Record<string, string> = {
    EADDRINUSE: 'another program listens there; choose another --port',
    EACCES: 'permission is denied; choose a --port from 1024 on',
    EADDRNOTAVAIL: 'this machine has no such address; choose another --host',
    ENOTFOUND: 'there is no such host; choose another --host',
  };
  const reason = reasons[error.code ?? ''] ?? error.message;
  return new SeedbedError('BadArgument', `cannot listen at ${host}, port ${port}: ${reason}`, {
    cause: error,
  });
}
