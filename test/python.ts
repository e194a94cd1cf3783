import { execFileSync } from 'node:child_process';

const COMMAND = '/usr/bin/python3';

/** Whether this machine has ONNX's own Python package (Debian: python3-onnx). */
export const HAS_ONNX = (() => {
  try {
    return python('import onnx; print(onnx.__version__)').length > 0;
  } catch {
    return false;
  }
})();

/** The Python of PYTHON, where it has PyTorch and diffusers, which export networks. */
export const TORCH = (() => {
  const command = process.env.PYTHON;
  try {
    if (command) execFileSync(command, ['-c', 'import torch, diffusers, onnxscript'], { stdio: 'pipe' });
    return command;
  } catch {
    return undefined;
  }
})();

/** Runs Python on a program, with arguments in sys.argv[1:], and gives what it prints; throws with what it complains of. */
export function python(program: string, ...args: string[]): string {
  return execFileSync(COMMAND, ['-c', program, ...args], { encoding: 'utf8', stdio: 'pipe' });
}
