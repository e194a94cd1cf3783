#!/usr/bin/env bash
# Guess: Cast from float32 to uint8 gives the same bytes in Node and in a page: both clamp, or both wrap around.
# Happens: both wrap 300 to 44, but -1 is 255 in Node and 0 in WebAssembly; 5e9, 1e20 and infinity are 0 in Node and 255 in WebAssembly. To int32 and int64 it is the lowest number against the nearest (and NaN the lowest against 0).
# Versions: onnxruntime-node 1.30.0 on x86-64, onnxruntime-web 1.30.0; source: a C++ cast whose result is undefined out of range, so cvttss2si decides there and i32.trunc_sat here; the ONNX page on Cast calls it undefined.
set -euo pipefail
[ "$(uname -m)" = x86_64 ] || { echo 'needs x86-64: other processors convert otherwise'; exit 2; }
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
npm init -y >/dev/null
npm install --ignore-scripts --no-audit --no-fund --silent onnxruntime-node@1.30.0 onnxruntime-web@1.30.0 onnx-buf@1.20.0-1 @bufbuild/protobuf@2.17.0

cat > run.mjs <<'JS'
import { create, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import node from 'onnxruntime-node';
import * as web from 'onnxruntime-web';

web.env.wasm.numThreads = 1;
const value = (name, elemType) => ({ name, type: { value: { case: 'tensorType', value: { elemType } } } });
const cast = to => toBinary(ModelProtoSchema, create(ModelProtoSchema, {
  irVersion: 8n,
  opsetImport: [{ domain: '', version: 17n }],
  graph: {
    name: 'cast',
    node: [{ opType: 'Cast', input: ['x'], output: ['y'], attribute: [{ name: 'to', type: 2, i: BigInt(to) }] }],
    input: [value('x', 1)],
    output: [value('y', to)],
  },
}));
const numbers = Float32Array.of(-1, 255.9, 256, 300, 5e9, 1e20, Number.NaN, Infinity, -Infinity);
const results = {};
for (const [type, to] of Object.entries({ uint8: 2, int32: 6, int64: 7 })) {
  results[type] = {};
  for (const [name, ort] of Object.entries({ node, web })) {
    const session = await ort.InferenceSession.create(cast(to), { logSeverityLevel: 3 });
    const { y } = await session.run({ x: new ort.Tensor('float32', numbers, [numbers.length]) });
    results[type][name] = [...y.data].join(' ');
  }
}
console.log('numbers', [...numbers].join(' '));
console.log(results);
const { uint8, int32 } = results;
if (uint8.node !== '255 255 0 44 0 0 0 0 0' || uint8.web !== '0 255 0 44 255 255 0 255 0' || int32.node === int32.web) {
  console.log('CHANGED: expected 255 255 0 44 0 0 0 0 0 in Node and 0 255 0 44 255 255 0 255 0 in WebAssembly');
  process.exit(1);
}
console.log('as known: pixels out of range become other bytes in a page than in Node');
JS
node run.mjs
