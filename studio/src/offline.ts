/**
 * The service worker: it keeps all files of the studio, so that it opens without a network after the first visit. A page comes from
 * the network while there is one; what its content names (assets/) never changes, and comes from what is kept.
 * @module
 */

/** The types of a worker of this kind, which are not among a page's. */
interface Lasting extends Event {
  waitUntil(done: Promise<unknown>): void;
}
interface Asking extends Event {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}
interface ServiceWorker {
  readonly registration: { readonly scope: string };
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(kind: 'install' | 'activate', listener: (event: Lasting) => void): void;
  addEventListener(kind: 'fetch', listener: (event: Asking) => void): void;
}
const worker = self as unknown as ServiceWorker;

/** The build writes it before this: delivery.ts. */
declare const STUDIO: { readonly version: string; readonly names: readonly string[] };
const OWN = 'seedbed-studio ';
const CACHE = `${OWN}${STUDIO.version}`;
const addressOf = (name: string) => new URL(name, worker.registration.scope).href;
const addresses = new Set(STUDIO.names.map(addressOf));

worker.addEventListener('install', event => event.waitUntil(fill().then(() => worker.skipWaiting())));

/** Keeps every file; those that the version before had under the same name are the same. */
async function fill(): Promise<void> {
  const cache = await caches.open(CACHE);
  for (const name of STUDIO.names) {
    const address = addressOf(name);
    const lasting = name.startsWith('assets/');
    const known = lasting ? await caches.match(address) : undefined;
    if (known) await cache.put(address, known);
    else await cache.add(new Request(address, { cache: lasting ? 'default' : 'reload' }));
  }
}

worker.addEventListener('activate', event => event.waitUntil(takeOver()));

/** Forgets the versions before. */
async function takeOver(): Promise<void> {
  for (const name of await caches.keys())
    if (name.startsWith(OWN) && name !== CACHE) await caches.delete(name);
  await worker.clients.claim();
}

worker.addEventListener('fetch', event => {
  const { request } = event;
  if (request.mode === 'navigate') event.respondWith(page(request));
  else if (addresses.has(request.url)) event.respondWith(kept(request));
});

async function page(request: Request): Promise<Response> {
  try {
    return await fetch(request);
  } catch (error) {
    const known = await caches.match(addressOf('index.html'));
    if (known) return known;
    throw error;
  }
}

async function kept(request: Request): Promise<Response> {
  return (await caches.match(request.url)) ?? fetch(request);
}
