import type { Queue, RedisOptions } from 'bullmq';
import type { Command } from 'commander';
import { messageOf, SeedbedError } from '../../errors.ts';

/** Which queue, on which server. */
export interface QueueFlags {
  queue?: string;
  project: string;
}

/** One shard to be done: all that is in the queue of it. */
export interface ShardJob {
  /** By what the run is known. */
  readonly run: string;
  /** What its output folder holds as well, so that a worker knows that it sees the same folder. */
  readonly token: string;
  /** The command's words. */
  readonly words: readonly string[];
  /** Its output folder, in the shared one. */
  readonly out: string;
  readonly index: number;
  readonly of: number;
}

/** The server, as the library wants it and as people may read it. */
export interface Broker {
  readonly bullmq: typeof import('bullmq');
  readonly connection: RedisOptions;
  readonly project: string;
  /** The server without its password. */
  readonly name: string;
}

const VARIABLE = 'SEEDBED_QUEUE';
const LEAST_VERSION = [6, 2];

/** Adds --queue and --project. */
export function withQueue(command: Command): Command {
  return command
    .option(
      '--queue <url>',
      `the Redis or Valkey, redis://HOST:6379; with a password, in ${VARIABLE} instead`,
    )
    .option('--project <name>', 'the queue on it: each project has its own', 'seedbed');
}

/**
 * Reaches the server.
 * @throws {SeedbedError} BadArgument for an address that is none, Machine where the server or the library is not there.
 */
export async function reachBroker({ queue, project }: QueueFlags): Promise<Broker> {
  const url = addressOf(queue ?? process.env[VARIABLE], queue !== undefined);
  if (!/^[\w.-]+$/.test(project))
    throw new SeedbedError('BadArgument', `--project ${project}: letters, digits, dots and dashes only`);
  const connection = connectionOf(url);
  const name = `${url.protocol}//${url.host}`;
  const bullmq = await library(() => import('bullmq'));
  const { Redis } = await library(() => import('ioredis'));
  // One try: whoever starts a command wants to know at once.
  const client = new Redis({ ...connection, lazyConnect: true, retryStrategy: () => null });
  let reason = '';
  client.on('error', (error: Error) => {
    reason ||= messageOf(error);
  });
  try {
    await client.connect();
    requireVersion(await client.info('server'), name);
  } catch (cause) {
    if (cause instanceof SeedbedError) throw cause;
    throw new SeedbedError('Machine', `cannot reach ${name}: ${reason || messageOf(cause)}. Is it running?`, {
      cause,
    });
  } finally {
    client.disconnect();
  }
  return { bullmq, connection, project, name };
}

/** The project's queue. */
export function openQueue({ bullmq, connection, project }: Broker): Queue<ShardJob> {
  const queue = new bullmq.Queue<ShardJob>(project, { connection });
  // A server that goes away comes back, and what was asked of it waits.
  queue.on('error', () => {});
  return queue;
}

function addressOf(text: string | undefined, onCommandLine: boolean): URL {
  if (!text)
    throw new SeedbedError('BadArgument', `which queue? Give --queue redis://HOST:6379, or ${VARIABLE}`);
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new SeedbedError('BadArgument', 'the queue is no address such as redis://HOST:6379');
  }
  if (url.protocol !== 'redis:' && url.protocol !== 'rediss:')
    throw new SeedbedError(
      'BadArgument',
      `the queue's address begins with ${url.protocol}, not redis: or rediss:`,
    );
  if (onCommandLine && url.password)
    throw new SeedbedError(
      'BadArgument',
      `a password on the command line is seen by everybody on this machine: give the address in ${VARIABLE}`,
    );
  return url;
}

function connectionOf(url: URL): RedisOptions {
  const { hostname, port, username, password, pathname, protocol } = url;
  const db = Number(pathname.slice(1) || 0);
  return {
    host: hostname,
    port: Number(port || 6379),
    ...(username && { username: decodeURIComponent(username) }),
    ...(password && { password: decodeURIComponent(password) }),
    db,
    ...(protocol === 'rediss:' && { tls: {} }),
    maxRetriesPerRequest: null,
  };
}

async function library<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    throw new SeedbedError(
      'Machine',
      'the queue needs two packages that Seedbed does not bring along: npm install --ignore-scripts bullmq@6.7.0 ioredis@6.0.0',
      { cause },
    );
  }
}

function requireVersion(info: string, name: string): void {
  const version = /^redis_version:(\d+)\.(\d+)/m.exec(info)?.slice(1).map(Number) ?? [];
  const [major = 0, minor = 0] = version;
  const [least = 0, and = 0] = LEAST_VERSION;
  if (major < least || (major === least && minor < and))
    throw new SeedbedError(
      'Machine',
      `${name} is Redis ${version.join('.') || 'of an unknown version'}; the queue needs ${LEAST_VERSION.join('.')} or newer, or Valkey`,
    );
}
