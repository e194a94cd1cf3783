#!/usr/bin/env bash
# Guess: the ReduceMax of a row that holds a NaN is NaN, or else the largest of the other numbers.
# Happens: neither. A NaN at the row's beginning gives NaN; one further on hides itself and numbers as far from it as the processor's vector is long: of 0 .. 19 with a NaN at 3 the maximum is 18, not 19. In WebAssembly it is 19. MaxPool keeps a NaN in some places of its window and drops it in others, not the same in both builds.
# Versions: onnxruntime-node 1.30.0 on x86-64, against onnxruntime-web 1.30.0 in Node; source: Eigen's maxCoeff (ReduceAggregatorMax in core/providers/cpu/reduction/reduction_ops.h), whose default leaves NaN open, and maxps, which returns its second operand beside a NaN.
set -euo pipefail
[ "$(uname -m)" = x86_64 ] || { echo 'needs x86-64: other processors have other vectors'; exit 2; }
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
npm init -y >/dev/null
npm install --ignore-scripts --no-audit --no-fund --silent onnxruntime-node@1.30.0 onnxruntime-web@1.30.0 onnx-buf@1.20.0-1 @bufbuild/protobuf@2.17.0

cat > run.mjs <<'JS'
import { create, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import node from 'onnxruntime-node';
import * as web from 'onnxruntime-web';

web.env.wasm.numThreads = 1;
const value = name => ({ name, type: { value: { case: 'tensorType', value: { elemType: 1 } } } });
const model = (opType, attribute) => toBinary(ModelProtoSchema, create(ModelProtoSchema, {
  irVersion: 8n,
  opsetImport: [{ domain: '', version: 17n }],
  graph: { name: 'g', node: [{ opType, input: ['x'], output: ['y'], attribute }], input: [value('x')], output: [value('y')] },
}));
const ints = (name, ...values) => ({ name, type: 7, ints: values.map(BigInt) });
const session = (ort, bytes) => ort.InferenceSession.create(bytes, { logSeverityLevel: 3 });

const maximum = model('ReduceMax', [ints('axes', 1)]);
const wrong = {};
for (const [name, ort] of Object.entries({ node, web })) {
  const s = await session(ort, maximum);
  const results = [];
  for (let at = 0; at < 20; at++) {
    const x = Float32Array.from({ length: 20 }, (_, i) => (i === at ? Number.NaN : i));
    const { y } = await s.run({ x: new ort.Tensor('float32', x, [1, 20]) });
    results.push(y.data[0]);
  }
  console.log(`${name}: maximum of 0 .. 19 with a NaN at 0, 1, 2, ...: ${results.join(' ')}`);
  // The largest of the others is 19, but for the last row, whose 19 is the NaN.
  wrong[name] = results.flatMap((y, at) => (Number.isNaN(y) || y === (at === 19 ? 18 : 19) ? [] : [at]));
}
console.log('neither NaN nor the largest of the others, with a NaN at:', JSON.stringify(wrong));

const pool = model('MaxPool', [ints('kernel_shape', 2, 2), ints('strides', 2, 2)]);
const pooled = {};
for (const [name, ort] of Object.entries({ node, web })) {
  const s = await session(ort, pool);
  pooled[name] = [];
  for (let at = 0; at < 4; at++) {
    const x = Float32Array.from({ length: 4 }, (_, i) => (i === at ? Number.NaN : 1));
    const { y } = await s.run({ x: new ort.Tensor('float32', x, [1, 1, 2, 2]) });
    pooled[name].push(y.data[0]);
  }
}
console.log('MaxPool of 1, 1, 1, 1 with a NaN in place 0, 1, 2, 3:', pooled);
if (wrong.node.length === 0 || wrong.web.length > 0) {
  console.log('CHANGED: expected wrong maxima in Node and none in WebAssembly');
  process.exit(1);
}
console.log('as known: one NaN makes the maximum of the other numbers wrong');
JS
node run.mjs
