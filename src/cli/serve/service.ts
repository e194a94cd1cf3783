import { createHash, timingSafeEqual } from 'node:crypto';
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { secureHeaders } from 'hono/secure-headers';
import { exists, readBytes } from '../../runtime/files.ts';
import type { Job, Jobs } from './jobs.ts';

/** A picture's bytes, and seconds that a request may wait, at most. */
export const MOST_BYTES = 2 ** 24;
const MOST_WAIT = 60;
const WAIT = 30;

/** What a job gives, by the end of its address. */
const FILES: Readonly<Record<string, string>> = {
  'seeds.safetensors': 'application/octet-stream',
  'seeds.npy': 'application/octet-stream',
  'embedding.png': 'image/png',
  'report.json': 'application/json',
};

/**
 * The service: POST /embed with a picture as its body, GET /jobs/ID and its files, /healthz, /metrics.
 * @param token that requests must bear, but for /healthz; none is asked for unless given.
 */
export function service(jobs: Jobs, token?: string): Hono {
  const app = new Hono();
  app.use(secureHeaders());
  app.get('/healthz', c => c.json({ ok: true, waiting: jobs.counts.waiting }));
  app.use(async (c, next) => {
    if (token === undefined && !isOwn(c))
      return c.json({ error: 'pages of other sites are not served' }, 403);
    if (token !== undefined && !bears(c, token))
      return c.json({ error: 'give the token: Authorization: Bearer ...' }, 401);
    return next();
  });
  const tooLarge = (c: Context) =>
    c.json({ error: `a picture has at most ${MOST_BYTES / 2 ** 20} MiB here` }, 413);
  app.post('/embed', bodyLimit({ maxSize: MOST_BYTES, onError: tooLarge }), async c => {
    const wait = Number(c.req.query('wait') ?? WAIT);
    if (!(wait >= 0 && wait <= MOST_WAIT))
      return c.json({ error: `wait is a number of seconds from 0 to ${MOST_WAIT}` }, 400);
    const picture = new Uint8Array(await c.req.arrayBuffer());
    if (picture.length === 0) return c.json({ error: 'the body is the picture: it is empty' }, 400);
    const job = await jobs.add(picture);
    if (!job) {
      c.header('Retry-After', String(jobs.wait));
      return c.json({ error: 'too many pictures wait; come again' }, 429);
    }
    return say(c, (await jobs.settled(job.id, wait))!);
  });
  app.get('/jobs/:id', async c => {
    const job = await jobs.find(c.req.param('id'));
    return job ? say(c, job) : c.json({ error: 'there is no such job' }, 404);
  });
  app.get('/jobs/:id/:file', async c => {
    const { id, file } = c.req.param();
    const type = Object.hasOwn(FILES, file) ? FILES[file] : undefined;
    const path = type && (await jobs.find(id)) ? jobs.file(id, file) : undefined;
    if (!path || !(await exists(path))) return c.json({ error: 'there is no such file' }, 404);
    return c.body(Uint8Array.from(await readBytes(path)), 200, { 'Content-Type': type! });
  });
  app.get('/metrics', c => c.text(metrics(jobs)));
  app.notFound(c => c.json({ error: 'POST /embed, GET /jobs/ID, /healthz or /metrics' }, 404));
  app.onError((error, c) => c.json({ error: error.message }, 500));
  return app;
}

/** A job with the addresses of its files. 202 while it is not done, 422 where the picture cannot be embedded, 500 where the machine failed. */
function say(c: Context, job: Job) {
  const at = `/jobs/${job.id}`;
  const files =
    job.state === 'done' && Object.fromEntries(Object.keys(FILES).map(name => [name, `${at}/${name}`]));
  const status = { waiting: 202, working: 202, done: 200, failed: job.passing ? 500 : 422 } as const;
  return c.json({ ...job, at, ...(files && { files }) }, status[job.state]);
}

/** Names of this machine. */
export const LOOPBACK = ['127.0.0.1', '::1', 'localhost'];

/**
 * Whether a request without a token comes from this machine's own programs: a page that somebody visits can send requests
 * here too, under another origin, or under a name of its own that leads here.
 */
function isOwn(c: Context): boolean {
  const { host, hostname } = new URL(c.req.url);
  const origin = c.req.header('Origin');
  const own = LOOPBACK.includes(hostname.replace(/^\[|\]$/g, ''));
  return own && (origin === undefined || origin === `http://${host}`);
}

/** Compares hashes, so that the time it takes says nothing of the token. */
function bears(c: Context, token: string): boolean {
  const [, given = ''] = /^Bearer (.+)$/.exec(c.req.header('Authorization') ?? '') ?? [];
  const hashed = (text: string) => createHash('sha256').update(text).digest();
  return given !== '' && timingSafeEqual(hashed(given), hashed(token));
}

/** In Prometheus' text form. */
function metrics({ counts }: Jobs): string {
  const { waiting, done, failed, refused, seconds } = counts;
  return `# HELP seedbed_jobs_total Pictures by what became of them, since the start.
# TYPE seedbed_jobs_total counter
seedbed_jobs_total{state="done"} ${done}
seedbed_jobs_total{state="failed"} ${failed}
seedbed_jobs_total{state="refused"} ${refused}
# HELP seedbed_jobs_waiting Pictures that wait.
# TYPE seedbed_jobs_waiting gauge
seedbed_jobs_waiting ${waiting}
# HELP seedbed_work_seconds_total Seconds of work, since the start.
# TYPE seedbed_work_seconds_total counter
seedbed_work_seconds_total ${seconds}
`;
}
