#!/usr/bin/env bash
# Guess: Emulation.setHardwareConcurrencyOverride limits how many threads a page starts, WebAssembly's in its workers among them, as it changes what navigator says.
# Happens: the page is told 1, a worker that it starts is told the machine's number, and libraries that choose their threads in a worker take all cores. What a worker is told does follow the processors that the browser's process may run on (taskset).
# Version: Chromium 156.0.8078.108 (Debian 12), driven by playwright-core 1.65.1; source: the override is kept by the page's emulation agent, which dedicated workers do not ask; the number itself is read from the process's affinity mask when the browser starts (base/system/sys_info_posix.cc).
set -euo pipefail
chromium=$(command -v "${CHROMIUM:-chromium}") || { echo "needs Debian's chromium (CHROMIUM names another)"; exit 2; }
[ "$(nproc)" -gt 1 ] || { echo 'needs two cores'; exit 2; }
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
npm init -y >/dev/null
npm install --ignore-scripts --no-audit --no-fund --silent playwright-core@1.65.1

cat > run.mjs <<'JS'
import { createServer } from 'node:http';
import { chromium } from 'playwright-core';

const server = createServer((_, response) => response.setHeader('content-type', 'text/html').end('<p>')).listen(0, '127.0.0.1');
const browser = await chromium.launch({ executablePath: process.argv[2], args: ['--no-sandbox'] });
const told = async override => {
  const page = await browser.newPage();
  if (override) {
    const session = await page.context().newCDPSession(page);
    await session.send('Emulation.setHardwareConcurrencyOverride', { hardwareConcurrency: override });
  }
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  return page.evaluate(async () => {
    const source = new Blob(['postMessage(navigator.hardwareConcurrency)']);
    const worker = new Worker(URL.createObjectURL(source));
    return [navigator.hardwareConcurrency, await new Promise(done => { worker.onmessage = ({ data }) => done(data); })];
  });
};
console.log(JSON.stringify({ plain: await told(), overridden: await told(1) }));
await browser.close();
server.close();
JS

"$chromium" --version
all=$(node run.mjs "$chromium")
one=$(taskset -c "$(taskset -pc $$ | sed 's/.*: //; s/[-,].*//')" node run.mjs "$chromium")
echo "page and worker, on all cores: $all"
echo "page and worker, on one core:  $one"
node -e '
const [all, one] = process.argv.slice(1).map(text => JSON.parse(text));
const cores = all.plain[0];
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
process.exit(cores > 1 && same(all.plain, [cores, cores]) && same(all.overridden, [1, cores]) && same(one.plain, [1, 1]) ? 0 : 1);
' "$all" "$one" && echo 'as described' || { echo 'CHANGED'; exit 1; }
