import { fileURLToPath } from 'node:url';

/** The path of a file of the installed package. */
export function packaged(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url));
}

/** The denoiser and the embedder that Seedbed ships with, for Fashion-MNIST. */
export const SHIPPED_DENOISER = packaged('models/fashion-mnist.onnx');
export const SHIPPED_EMBEDDER = packaged('models/fashion-mnist-embedder.onnx');
