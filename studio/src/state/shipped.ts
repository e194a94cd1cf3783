/**
 * What the studio has computed before it is opened: its first sights. A project file, made by scripts/shipped-start.ts.
 * @module
 */
import { parseProject } from './project-file.ts';

/** By the names that results are kept by; nothing where it cannot be fetched: it is computed then. */
export const shipped: Promise<ReadonlyMap<string, unknown>> = fetch(
  new URL('../shipped/start.json', import.meta.url),
)
  .then(response => response.text())
  .then(text => new Map(parseProject(text, 'start.json').kept))
  .catch(() => new Map());
