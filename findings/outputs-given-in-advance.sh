#!/usr/bin/env bash
# Guess: session.run(feeds, { y: tensor }) writes the result into that tensor, in a page as in Node.
# Happens: onnxruntime-web gives back the very tensor, with its old contents (zeros), and no word; onnxruntime-node fills its memory, and gives back another Tensor over it.
# Versions: onnxruntime-web 1.30.0 (WebAssembly), onnxruntime-node 1.30.0; source: outputs given in advance are taken as bound and not copied back from the WebAssembly heap (lib/wasm/wasm-core-impl.ts; microsoft/onnxruntime issue 25786, closed, and pull request 26037, open).
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
npm init -y >/dev/null
npm install --ignore-scripts --no-audit --no-fund --silent onnxruntime-node@1.30.0 onnxruntime-web@1.30.0 onnx-buf@1.20.0-1 @bufbuild/protobuf@2.17.0

cat > run.mjs <<'JS'
import { create, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import node from 'onnxruntime-node';
import * as web from 'onnxruntime-web';

web.env.wasm.numThreads = 1;
const value = name => ({
  name,
  type: { value: { case: 'tensorType', value: { elemType: 1, shape: { dim: [{ value: { case: 'dimValue', value: 3n } }] } } } },
});
const double = toBinary(ModelProtoSchema, create(ModelProtoSchema, {
  irVersion: 8n,
  opsetImport: [{ domain: '', version: 17n }],
  graph: { name: 'double', node: [{ opType: 'Add', input: ['x', 'x'], output: ['y'] }], input: [value('x')], output: [value('y')] },
}));
const seen = {};
for (const [name, ort] of Object.entries({ node, web })) {
  const session = await ort.InferenceSession.create(double, { logSeverityLevel: 3 });
  const mine = new ort.Tensor('float32', Float32Array.of(7, 7, 7), [3]);
  const { y } = await session.run({ x: new ort.Tensor('float32', Float32Array.of(1, 2, 3), [3]) }, { y: mine });
  seen[name] = `given ${[...mine.data]}, returned ${[...y.data]}, the same tensor: ${y === mine}`;
  console.log(name.padEnd(5), seen[name]);
}
if (seen.node !== 'given 2,4,6, returned 2,4,6, the same tensor: false' || seen.web !== 'given 7,7,7, returned 7,7,7, the same tensor: true') {
  console.log('CHANGED: expected 2,4,6 from Node and the old 7,7,7 from WebAssembly');
  process.exit(1);
}
console.log('as known: an output given in advance stays empty in WebAssembly');
JS
node run.mjs
