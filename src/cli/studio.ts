import { createRequire } from 'node:module';
import { basename, dirname } from 'node:path';
import { serveStatic } from '@hono/node-server/serve-static';
import type { Command } from 'commander';
import { Hono } from 'hono';
import { secureHeaders } from 'hono/secure-headers';
import { SeedbedError } from '../errors.ts';
import { exists, joinPath } from '../runtime/files.ts';
import { packaged } from './files.ts';
import { type FlagsOf, options, withOptions } from './flags.ts';
import { serve } from './listening.ts';
import { whole } from './options.ts';
import { openTerminal, type TerminalFlags, withTerminal } from './terminal.ts';

/** The ports that are tried, one after the other: browsers keep what is theirs by the port. */
const PORTS = Array.from({ length: 10 }, (_, i) => 8420 + i);
const [PORT] = PORTS as [number];

const own = () =>
  options()
    .option('--host <address>', 'where to listen; others on the network reach 0.0.0.0', '127.0.0.1')
    .option('--port <n>', `the port (default: ${PORT}, or the next one that is free)`, whole(0, 65_535));

type Flags = FlagsOf<typeof own> & TerminalFlags;

export function addStudio(program: Command): void {
  withOptions(withTerminal(program.command('studio')), own())
    .description('serve the studio: embed, edit and walk in a browser, which computes everything itself')
    .addHelpText('after', '\nExample: seedbed studio\nCtrl-C ends it.')
    .action(run);
}

async function run({ host, port, ...flags }: Flags): Promise<void> {
  const terminal = openTerminal(flags);
  const folder = packaged('studio/dist');
  if (!(await exists(joinPath(folder, 'index.html'))))
    throw new SeedbedError('Machine', 'the studio is not built; in a clone, npm run build builds it');
  const listening = await serve(studioApp(folder), host, port ?? { wanted: PORTS }, terminal.signal);
  const { addresses, closed } = listening;
  terminal.line(
    `The studio is at ${addresses.join(', ')}\nIt computes in the browser; nothing leaves this machine. Ctrl-C ends it.`,
  );
  if (port === undefined && listening.port !== PORT)
    terminal.note(
      `port ${PORT} is taken, perhaps by another studio: browsers keep what was done there apart from what is done here`,
    );
  terminal.json({ command: 'studio', address: addresses[0] });
  await closed;
}

/**
 * Serves the studio's built folder and nothing else: with the isolation headers that threads need, and a policy by which the
 * page loads nothing from elsewhere and runs no code that is not in the folder.
 * @param folder studio/dist.
 */
export function studioApp(folder: string): Hono {
  const own = ["'self'"];
  const app = new Hono();
  app.use(
    secureHeaders({
      crossOriginEmbedderPolicy: 'require-corp',
      crossOriginOpenerPolicy: 'same-origin',
      crossOriginResourcePolicy: 'same-origin',
      strictTransportSecurity: false,
      permissionsPolicy: { camera: ['self'], clipboardWrite: ['self'], geolocation: [], microphone: [] },
      contentSecurityPolicy: {
        defaultSrc: ["'none'"],
        scriptSrc: [...own, "'wasm-unsafe-eval'"],
        workerSrc: [...own, 'blob:'],
        connectSrc: own,
        imgSrc: [...own, 'blob:'],
        mediaSrc: [...own, 'blob:'],
        styleSrc: own,
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
    }),
  );
  app.use(async (c, next) => {
    await next();
    // What is in assets/ has its content's hash in its name.
    const forever = c.res.ok && c.req.path.startsWith('/assets/');
    c.header('Cache-Control', forever ? 'public, max-age=31536000, immutable' : 'no-cache');
    c.header('Vary', 'Accept-Encoding');
  });
  // The build leaves brotli and gzip beside what they make smaller.
  app.use(serveStatic({ root: folder, precompressed: true }));
  const large = largeFiles();
  app.get('/assets/:name', async (c, next) => {
    const path = large(c.req.param('name'));
    return path && (await exists(path)) ? serveStatic({ path })(c, next) : next();
  });
  app.notFound(c => c.text('There is no such file in the studio.\n', 404));
  return app;
}

/**
 * Where files lie that the package does not hold twice: the runtime's .wasm, and the models that ship with the library. Their
 * names in the studio are followed by a hash, NAME-12345678.wasm.
 */
function largeFiles(): (name: string) => string | undefined {
  const runtime = dirname(createRequire(import.meta.url).resolve('onnxruntime-web'));
  const folders: Record<string, string> = { wasm: runtime, onnx: packaged('models') };
  return name => {
    const [, stem, kind] = /^([\w.-]+)-[\w-]{8}\.(wasm|onnx)$/.exec(basename(name)) ?? [];
    return kind && joinPath(folders[kind]!, `${stem}.${kind}`);
  };
}
