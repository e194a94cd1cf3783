import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';
import solid from 'vite-plugin-solid';
import { delivery } from './delivery.ts';

const fromRoot = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const { version } = JSON.parse(readFileSync(fromRoot('package.json'), 'utf8'));
const bytesOf = (name: string) => statSync(createRequire(import.meta.url).resolve(name)).size;

export default defineConfig({
  base: './',
  plugins: [solid(), delivery(version)],
  resolve: { alias: { seedbed: fromRoot('dist/index.js') } },
  worker: { format: 'es' },
  assetsInclude: ['**/*.onnx', '**/*.safetensors'],
  optimizeDeps: { exclude: ['seedbed', 'onnxruntime-web'] },
  server: { fs: { allow: [fromRoot('.')] } },
  define: {
    // Of what is compressed on its way, a page hears how much has come, not of how much.
    RUNTIME_BYTES: {
      wasm: bytesOf('onnxruntime-web/ort-wasm-simd-threaded.wasm'),
      webgpu: bytesOf('onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm'),
    },
  },
  build: {
    outDir: 'dist',
    target: 'es2022',
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1000,
    rolldownOptions: {
      input: ['index.html', 'src/offline.ts'].map(name => fromRoot(`studio/${name}`)),
      output: {
        entryFileNames: ({ name }) => (name === 'offline' ? '[name].js' : 'assets/[name]-[hash].js'),
      },
    },
  },
});
