#!/usr/bin/env bash
# Guess: session.set_denormal_as_zero = '1' sets how one ONNX Runtime session computes, and ends with it.
# Happens: it switches JavaScript's own arithmetic on that thread, and in every worker started from it afterwards, to flush to zero (1e-310 * 1.5 is 0), beyond release(); but only if asked by the first session of the process: of a later one it is not.
# Versions: onnxruntime-node 1.30.0, x86-64, one thread; source: SetDenormalAsZero sets the processor's MXCSR of the calling thread, once a process (onnxruntime/core/session/inference_session.cc), and new threads inherit it.
set -euo pipefail
[ "$(uname -m)" = x86_64 ] || { echo 'needs x86-64 (the flag lies in MXCSR)'; exit 2; }
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
npm init -y >/dev/null
npm install --ignore-scripts --no-audit --no-fund --silent onnxruntime-node@1.30.0 onnx-buf@1.20.0-1 @bufbuild/protobuf@2.17.0

cat > run.mjs <<'JS'
import { create, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import ort from 'onnxruntime-node';
import { Worker } from 'node:worker_threads';

const DOUBLE = 11;
const value = name => ({ name, type: { value: { case: 'tensorType', value: { elemType: DOUBLE } } } });
const square = toBinary(ModelProtoSchema, create(ModelProtoSchema, {
  irVersion: 8n,
  opsetImport: [{ domain: '', version: 17n }],
  graph: {
    name: 'square',
    node: [{ opType: 'Mul', input: ['x', 'x'], output: ['y'] }],
    input: [value('x')],
    output: [value('y')],
  },
}));
const session = flag =>
  ort.InferenceSession.create(square, {
    logSeverityLevel: 3,
    intraOpNumThreads: 1,
    ...(flag ? { extra: { session: { set_denormal_as_zero: '1' } } } : {}),
  });
const inJavaScript = () => [1e-310, 5e-324].map(small => small * 1.5 + Number('3e-320')).join(' ');
const inWorker = () =>
  new Promise((resolve, reject) => {
    const code = `require('node:worker_threads').parentPort.postMessage(String(${1e-310} * 1.5))`;
    new Worker(code, { eval: true }).on('message', resolve).on('error', reject);
  });
const inSession = async s => {
  const { y } = await s.run({ x: new ort.Tensor('float64', Float64Array.of(1e-160), [1]) });
  return String(y.data[0]);
};

const seen = { before: inJavaScript() };
const plainFirst = process.argv[2] === 'plain-first' ? await session(false) : undefined;
const flagged = await session(true);
seen.created = inJavaScript();
seen.inside = await inSession(flagged);
await flagged.release();
seen.released = inJavaScript();
seen.worker = await inWorker();
const later = await session(false);
seen.later = await inSession(later);
console.log(JSON.stringify(seen));
JS
echo 'asked by the first session:'; node run.mjs | tee first.json
echo 'asked after a session without:'; node run.mjs plain-first | tee second.json
node -e '
const [first, second] = ["first.json", "second.json"].map(f => JSON.parse(require("fs").readFileSync(f)));
const zero = "0 0";
const asKnown = first.before !== zero && first.created === zero && first.inside === "0" && first.released === zero && first.worker === "0" && first.later === "0"
  && second.created === second.before && second.worker !== "0" && second.inside === "1e-320";
if (!asKnown) { console.log("CHANGED: expected flushed JavaScript numbers after the first case, and nothing flushed in the second"); process.exit(1); }
console.log("as known: one session option changes the numbers of the whole JavaScript thread, or nothing at all");'
