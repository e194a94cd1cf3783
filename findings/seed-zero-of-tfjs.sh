#!/usr/bin/env bash
# Guess: in TensorFlow.js every seed makes a random tensor repeatable, 0 too, as it does in tf.randomUniform.
# Happens: with seed 0 tf.randomNormal, truncatedNormal, randomStandardNormal, randomGamma and multinomial differ at every call; randomUniform and dropout keep theirs. With seed 1 normal and truncated normal noise begin with the same numbers.
# Version: @tensorflow/tfjs-core 4.22.0 with its CPU backend; source: seed ? seed : Math.random() in MPRandGauss and RandGamma (ops/rand_util.ts) and seed || Math.random() in multinomial; UniformRandom asks for null.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
npm init -y >/dev/null
npm install --ignore-scripts --no-audit --no-fund --silent @tensorflow/tfjs-core@4.22.0 @tensorflow/tfjs-backend-cpu@4.22.0

cat > run.mjs <<'JS'
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';

await tf.setBackend('cpu');
const draws = {
  randomNormal: seed => tf.randomNormal([20], 0, 1, 'float32', seed),
  truncatedNormal: seed => tf.truncatedNormal([20], 0, 1, 'float32', seed),
  randomStandardNormal: seed => tf.randomStandardNormal([20], 'float32', seed),
  randomGamma: seed => tf.randomGamma([20], 1, 1, 'float32', seed),
  multinomial: seed => tf.multinomial([0.25, 0.25, 0.25, 0.25], 20, seed),
  randomUniform: seed => tf.randomUniform([20], 0, 1, 'float32', seed),
  dropout: seed => tf.dropout(tf.ones([20]), 0.5, undefined, seed),
};
console.log('tfjs-core', tf.version_core);
const repeats = {};
for (const [name, draw] of Object.entries(draws)) {
  const once = seed => [...draw(seed).dataSync()].join(' ');
  repeats[name] = [0, 1].map(seed => once(seed) === once(seed));
  console.log(name.padEnd(21), 'repeats with seed 0:', repeats[name][0], 'with seed 1:', repeats[name][1]);
}
const unseeded = Object.keys(repeats).filter(name => !repeats[name][0]).join(' ');
const known = unseeded === 'randomNormal truncatedNormal randomStandardNormal randomGamma multinomial'
  && Object.values(repeats).every(([, one]) => one);
if (!known) {
  console.log(`CHANGED: seed 0 is no seed for: ${unseeded}`);
  process.exit(1);
}
console.log('as known: seed 0 is no seed for normal noise');
JS
node run.mjs
