// TensorFlow.js's side of the benchmark, sampling by its WebAssembly build: peer.js FOLDER THREADS
// Builds Seedbed's U-Net, reads its weights from FOLDER/reference.safetensors, and answers commands as bench/peer.ts
// sends them. Before it is measured, its pictures of fixed seeds must agree with Seedbed's in the same file.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const os = require('node:os');
const tf = require('@tensorflow/tfjs-core');
const wasm = require('@tensorflow/tfjs-backend-wasm');
const TOLERANCE = 1e-4;

/** In Node the library leaves its threads off; they run once its workers are found (worker.cjs). */
async function startThreads(threads) {
  tf.env().set('WASM_HAS_SIMD_SUPPORT', true);
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', threads > 1);
  URL.createObjectURL = () => fileURLToPath(new URL('worker.cjs', import.meta.url));
  // It takes one thread for two processors at most.
  const all = os.cpus();
  os.cpus = () => [...all, ...all];
  wasm.setThreadsCount(threads);
  await tf.setBackend('wasm');
  await tf.ready();
}

function readReference(path) {
  const bytes = readFileSync(path);
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const { __metadata__, ...entries } = JSON.parse(bytes.subarray(8, start).toString());
  const read = name => {
    const { shape, data_offsets } = entries[name];
    const [begin, end] = data_offsets.map(offset => offset + start);
    return tf.tensor(new Float32Array(new Uint8Array(bytes.subarray(begin, end)).buffer), shape);
  };
  const has = name => Object.hasOwn(entries, name);
  return { settings: JSON.parse(__metadata__.settings), read, has };
}

/** The denoiser of src/nn/networks.ts over [N, H, W, C] and a noise level, from its weights by name. */
function buildDenoiser({ settings, read, has }) {
  const { channels, blocks } = settings.network;
  const [, height, width] = settings.shape;
  const weight = name => read(`denoiser/${name}`);
  const conv = name => {
    const filter = tf.transpose(weight(`${name}.weight`), [2, 3, 1, 0]);
    const bias = weight(`${name}.bias`);
    return x => tf.fused.conv2d({ x, filter, strides: 1, pad: 'same', bias });
  };
  const block = name => {
    const [mean, variance] = [weight(`${name}.norm.running_mean`), weight(`${name}.norm.running_var`)];
    const [conv1, conv2] = [conv(`${name}.conv1`), conv(`${name}.conv2`)];
    const shortcut = has(`denoiser/${name}.shortcut.weight`) ? conv(`${name}.shortcut`) : x => x;
    return x => {
      const hidden = conv1(tf.batchNorm(x, mean, variance, undefined, undefined, 1e-3));
      return tf.add(shortcut(x), conv2(tf.mul(hidden, tf.sigmoid(hidden))));
    };
  };
  const stage = (part, level) =>
    Array.from({ length: blocks }, (_, i) => block(`${part}.${level * blocks + i}`));
  const halvings = channels.slice(1);
  const down = halvings.map((_, level) => stage('down', level));
  const up = halvings.map((_, level) => stage('up', level));
  const mid = stage('mid', 0);
  const [inp, out, frequencies] = [conv('inp'), conv('out'), weight('level.frequencies')];

  return (input, level) => {
    const angles = tf.mul(frequencies, level);
    const embedded = tf.reshape(tf.concat([tf.sin(angles), tf.cos(angles)], 1), [1, 1, 1, -1]);
    let x = tf.concat([inp(input), tf.tile(embedded, [input.shape[0], height, width, 1])], 3);
    const skips = [];
    for (const level of down) {
      for (const apply of level) {
        x = apply(x);
        skips.push(x);
      }
      x = tf.avgPool(x, 2, 2, 'valid');
    }
    for (const apply of mid) x = apply(x);
    for (const level of up) {
      x = tf.image.resizeBilinear(x, [2 * x.shape[1], 2 * x.shape[2]], false, true);
      for (const apply of level) x = apply(tf.concat([x, skips.pop()], 3));
    }
    return out(x);
  };
}

/** The whole sampler, step by step, so that no more is held than one step makes. */
function sample(denoise, grid, latent) {
  let x = tf.clone(latent);
  for (const [signal, noise, nextSignal, nextNoise] of grid) {
    const next = tf.tidy(() => {
      const v = denoise(x, noise * noise);
      const x0 = tf.sub(tf.mul(x, signal), tf.mul(v, noise));
      const epsilon = tf.add(tf.mul(x, noise), tf.mul(v, signal));
      return tf.add(tf.mul(x0, nextSignal), tf.mul(epsilon, nextNoise));
    });
    x.dispose();
    x = next;
  }
  const pictures = x.dataSync();
  x.dispose();
  return pictures;
}

function check(got, want) {
  const norm = values => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  const error = norm(got.map((value, i) => value - want[i])) / norm(want);
  process.stderr.write(`sampling: x0 agrees to ${error.toExponential(1)}\n`);
  if (!(error < TOLERANCE)) throw new Error(`x0 differs from Seedbed's by ${error}: not the same work`);
}

/** The most memory that this process has held. */
function peakBytes() {
  try {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024;
  } catch {
    return process.resourceUsage().maxRSS * 1024;
  }
}

const [folder, threads] = process.argv.slice(2);
const say = answer => process.stdout.write(`${JSON.stringify(answer)}\n`);
setInterval(() => {}, 1000); // threads that are still starting do not keep a process alive
await startThreads(Number(threads));
const reference = readReference(`${folder}/reference.safetensors`);
const denoise = buildDenoiser(reference);
const { grid } = reference.settings;
const pictures = name => tf.transpose(reference.read(`sampling/${name}`), [0, 2, 3, 1]);
const { version_core: version } = tf;
say({ name: `TensorFlow.js ${version} (WebAssembly, ${wasm.getThreadsCount()} threads)` });
let latent;
let checked = false;
for await (const line of createInterface({ input: process.stdin })) {
  try {
    const command = JSON.parse(line);
    if (command.prepare) {
      if (!checked) check(sample(denoise, grid, pictures('latent')), pictures('x0').dataSync());
      checked = true;
      latent?.dispose();
      const [channels, height, width] = reference.settings.shape;
      latent = tf.randomNormal([command.prepare.batch, height, width, channels], 0, 1, 'float32', 1);
      say({});
    } else if (command.run) {
      const started = performance.now();
      for (let step = 0; step < command.run; step++) sample(denoise, grid, latent);
      say({ seconds: (performance.now() - started) / 1000 });
    } else {
      say({ bytes: peakBytes() });
    }
  } catch (error) {
    say({ error: String(error) });
  }
}
process.exit(); // its threads would wait for more
