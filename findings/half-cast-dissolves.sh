#!/usr/bin/env bash
# Guess: a Cast to float16 written into a model rounds there, at least with optimisation disabled: what comes out has been float16.
# Happens: on the CPU it rounds only where nothing is computed between it and the Cast back. Cast, Neg, Cast gives -1.0001 for 1.0001 and -70000 for 70000 (float16: -1 and -infinity), at every level, in Node as in WebAssembly.
# Versions: onnxruntime-node and onnxruntime-web 1.30.0; source: operators without a float16 kernel are wrapped in Casts that count as free of loss, and pairs of Casts then go, the model's own among them, whatever the level (RemoveDuplicateCastTransformer in core/optimizer/insert_cast_transformer.cc).
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
const value = name => ({ name, type: { value: { case: 'tensorType', value: { elemType: 1 } } } });
const cast = (from, to, type) => ({ opType: 'Cast', input: [from], output: [to], attribute: [{ name: 'to', type: 2, i: type }] });
/** float32 to float16, the operators, and back. */
const through = (...operators) => toBinary(ModelProtoSchema, create(ModelProtoSchema, {
  irVersion: 8n,
  opsetImport: [{ domain: '', version: 17n }],
  graph: {
    name: 'half',
    node: [
      cast('x', 'v0', 10n),
      ...operators.map((opType, i) => ({ opType, input: [`v${i}`], output: [`v${i + 1}`] })),
      cast(`v${operators.length}`, 'y', 1n),
    ],
    input: [value('x')],
    output: [value('y')],
  },
}));
const numbers = Float32Array.of(1.0001, 2049, 70000, 1e-9);
const rows = {};
for (const [name, ort] of Object.entries({ node, web }))
  for (const graphOptimizationLevel of ['disabled', 'all'])
    for (const operators of [[], ['Neg'], ['Neg', 'Neg']]) {
      const session = await ort.InferenceSession.create(through(...operators), { graphOptimizationLevel, logSeverityLevel: 3 });
      const { y } = await session.run({ x: new ort.Tensor('float32', numbers, [numbers.length]) });
      rows[`${name} ${graphOptimizationLevel} ${operators.join(' ') || 'nothing between'}`] = [...y.data].map(v => v.toPrecision(6)).join(' ');
    }
console.log([...numbers].map(v => v.toPrecision(6)).join(' '));
console.log(rows);
const bare = Object.entries(rows).filter(([key]) => key.endsWith('between')).every(([, row]) => row === '1.00000 2048.00 Infinity 0.00000');
const dissolved = Object.entries(rows).filter(([key]) => key.endsWith('d Neg') || key.endsWith('l Neg')).every(([, row]) => row === '-1.00010 -2049.00 -70000.0 -1.00000e-9');
if (!bare || !dissolved) {
  console.log('CHANGED: expected rounding with nothing between the two Casts and none around Neg');
  process.exit(1);
}
console.log('as known: a Cast to float16 dissolves');
JS
node run.mjs
