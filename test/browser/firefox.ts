import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import * as bundle from 'playwright-core/lib/utilsBundle';

/** The Firefox that the tests drive: FIREFOX, or where Debian's package puts it. */
export const FIREFOX = [process.env.FIREFOX, '/usr/bin/firefox-esr', '/usr/bin/firefox'].find(
  path => path && existsSync(path),
);

/** A new profile that asks nothing of the network. */
const PREFERENCES = {
  'app.normandy.enabled': false,
  'browser.aboutwelcome.enabled': false,
  'browser.shell.checkDefaultBrowser': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'extensions.getAddons.cache.enabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'services.settings.server': 'data:,',
  'toolkit.telemetry.server': 'data:,',
};

/** What the tests need of a page. */
export interface FirefoxPage {
  /** What a function gives in the page; it sees nothing of its surroundings, and all goes as JSON. */
  evaluate<A, R>(work: (given: A) => R | Promise<R>, given: A): Promise<R>;
  /** Waits until the page holds what a selector names, and gives its text. @throws after a minute: with what the page says. */
  shown(selector: string): Promise<string>;
  /** Presses what a selector names, once it is there. */
  click(selector: string): Promise<void>;
  /** Loads the page anew. */
  reload(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens an address in a Firefox of its own, without a window. Playwright drives only a Firefox that it has patched; this
 * speaks WebDriver BiDi (https://w3c.github.io/webdriver-bidi/), which every Firefox understands.
 * @param before what is done in every document before its own scripts; it sees nothing of its surroundings.
 */
export async function openInFirefox(address: string, before?: () => void): Promise<FirefoxPage> {
  const profile = await mkdtemp(join(tmpdir(), 'seedbed-firefox-'));
  const lines = Object.entries(PREFERENCES).map(
    ([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`,
  );
  await writeFile(join(profile, 'user.js'), lines.join(''));
  const flags = ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port', '0'];
  const browser = spawn(FIREFOX!, [...flags, 'about:blank'], { stdio: ['ignore', 'ignore', 'pipe'] });
  process.once('exit', () => browser.kill());
  const ended = new Promise(resolve => browser.once('exit', resolve));
  const send = await connect(`${await listening(browser)}/session`);
  await send('session.new', { capabilities: {} });
  const { contexts } = await send('browsingContext.getTree', {});
  const { context } = contexts[0];
  if (before) await send('script.addPreloadScript', { functionDeclaration: String(before) });
  await send('browsingContext.navigate', { context, url: address, wait: 'complete' });

  const evaluate: FirefoxPage['evaluate'] = async (work, given) => {
    const { type, result, exceptionDetails } = await send('script.callFunction', {
      functionDeclaration: `async given => JSON.stringify((await (${work})(JSON.parse(given))) ?? null)`,
      arguments: [{ type: 'string', value: JSON.stringify(given) }],
      target: { context },
      awaitPromise: true,
    });
    if (type === 'success') return JSON.parse(result.value);
    throw new Error(`in the page: ${exceptionDetails.text}`);
  };
  const found = (selector: string, press: boolean) => evaluate(find, { selector, press, patience: 60_000 });
  return {
    evaluate,
    shown: selector => found(selector, false),
    async click(selector) {
      await found(selector, true);
    },
    async reload() {
      await send('browsingContext.reload', { context, wait: 'complete' });
    },
    async close() {
      await send('browser.close', {});
      await ended;
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** In the page: waits for an element, presses it if asked to, and gives its text. */
async function find({ selector, press, patience }: { selector: string; press: boolean; patience: number }) {
  const end = performance.now() + patience;
  while (performance.now() < end) {
    const element = document.querySelector<HTMLElement>(selector);
    if (element) {
      if (press) element.click();
      return element.innerText;
    }
    await new Promise(resolve => setTimeout(resolve, 100));
  }
  throw new Error(`no ${selector} after ${patience / 1000} s, but: ${document.body.innerText}`);
}

/** The address that Firefox says it listens at. */
function listening(browser: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    // It is read to its end: a Firefox that nobody reads stands still when the pipe is full.
    const lines = createInterface(browser.stderr!);
    lines.on('line', line => {
      const [, address] = /WebDriver BiDi listening on (ws:\S+)/.exec(line) ?? [];
      if (address) resolve(address);
    });
    lines.on('close', () => reject(new Error('Firefox ended before it listened')));
  });
}

// biome-ignore lint/suspicious/noExplicitAny: the protocol's answers are what its page says.
type Send = (method: string, params: object) => Promise<any>;

/** Sends commands, and gives each its own answer. */
async function connect(address: string): Promise<Send> {
  const socket = new bundle.ws(address);
  await new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  const waiting = new Map<number, (answer: { type: string; result: object; message: string }) => void>();
  socket.on('message', data => {
    const answer = JSON.parse(String(data));
    waiting.get(answer.id)?.(answer);
    waiting.delete(answer.id);
  });
  let count = 0;
  return (method, params) =>
    new Promise((resolve, reject) => {
      count += 1;
      waiting.set(count, answer =>
        answer.type === 'success'
          ? resolve(answer.result)
          : reject(new Error(`${method}: ${answer.message}`)),
      );
      socket.send(JSON.stringify({ id: count, method, params }));
    });
}
