import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';
import solid from 'vite-plugin-solid';

const fromRoot = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));

export default defineConfig({
  base: './',
  plugins: [solid()],
  resolve: { alias: { seedbed: fromRoot('dist/index.js') } },
  worker: { format: 'es' },
  assetsInclude: ['**/*.onnx', '**/*.safetensors'],
  optimizeDeps: { exclude: ['seedbed', 'onnxruntime-web'] },
  server: { fs: { allow: [fromRoot('.')] } },
  build: {
    outDir: 'dist',
    target: 'es2022',
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1000,
  },
});
