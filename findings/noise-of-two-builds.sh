#!/usr/bin/env bash
# Guess: one .onnx file with RandomNormal and a seed draws one noise, whichever build of ONNX Runtime 1.30 runs it.
# Happens: the builds for Node and for pages draw different numbers: 16807 x mod (2^31 - 1) in libstdc++, 48271 x in libc++, and other ways to a normal number. Within each, seeds add up.
# Versions: onnxruntime-node and onnxruntime-web 1.30.0 (Linux, WebAssembly); source: std::default_random_engine and std::normal_distribution are the C++ library's choice (core/providers/cpu/generator/random.h).
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
const FLOAT = 1;
const noise = (opType, seed) => toBinary(ModelProtoSchema, create(ModelProtoSchema, {
  irVersion: 8n,
  opsetImport: [{ domain: '', version: 17n }],
  graph: {
    name: 'noise',
    node: [{
      opType,
      output: ['y'],
      attribute: [{ name: 'shape', type: 7, ints: [1000n] }, { name: 'seed', type: 1, f: seed }],
    }],
    output: [{ name: 'y', type: { value: { case: 'tensorType', value: { elemType: FLOAT } } } }],
  },
}));
const draw = async (ort, opType, seed) => {
  const session = await ort.InferenceSession.create(noise(opType, seed), { logSeverityLevel: 3 });
  return (await session.run({})).y.data;
};
/** The first numbers of the engine x -> multiplier x mod (2^31 - 1), as numbers between 0 and 1. */
const lehmer = (multiplier, seed, count) => {
  const numbers = [];
  for (let x = BigInt(seed), i = 0; i < count; i++) {
    x = (x * multiplier) % 2147483647n;
    numbers.push((Number(x) - 1) / 2147483646);
  }
  return numbers;
};
const farthest = (a, b) => Math.max(...b.map((v, i) => Math.abs(v - a[i])));

const uniform = { node: await draw(node, 'RandomUniform', 7), web: await draw(web, 'RandomUniform', 7) };
const normal = { node: await draw(node, 'RandomNormal', 7), web: await draw(web, 'RandomNormal', 7) };
for (const build of ['node', 'web'])
  console.log(build, 'uniform', [...uniform[build].slice(0, 3)].map(v => v.toFixed(5)), 'normal', [...normal[build].slice(0, 3)].map(v => v.toFixed(5)));
const mean = a => a.reduce((s, v) => s + v, 0) / a.length;
const product = mean([...normal.node].map((v, i) => v * normal.web[i]));
console.log('correlation of the two noises', product.toFixed(3));
const known = farthest(uniform.node, lehmer(16807n, 7, 100)) < 1e-6 && farthest(uniform.web, lehmer(48271n, 7, 100)) < 1e-6 && Math.abs(product) < 0.2;
if (!known) {
  console.log('CHANGED: expected 16807 x in Node and 48271 x in WebAssembly, modulo 2^31 - 1, and unrelated normal noise');
  process.exit(1);
}
console.log('as known: one file, one seed, two noises');
JS
node run.mjs
