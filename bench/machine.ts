import { readFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, platform, totalmem } from 'node:os';

/** What one must know of a machine to read its figures. */
export function describeMachine(): Record<string, string | number> {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    vectors: vectorUnits(),
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${arch()}`,
    node: process.version,
  };
}

/** The widest of the processor's instruction sets that matrix products use, where the system tells. */
function vectorUnits(): string {
  try {
    const flags =
      /^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.split(' ') ?? [];
    const known = ['amx_bf16', 'avx512_vnni', 'avx512f', 'avx2', 'sve', 'asimd'];
    return known.filter(name => flags.includes(name)).join(', ') || 'unknown';
  } catch {
    return 'unknown';
  }
}
