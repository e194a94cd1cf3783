/** Levels of nesting beyond which JSON is refused: what goes through it calls itself once a level. */
const MOST_LEVELS = 100;

/** The value of JSON text from outside. @throws {SyntaxError} when it is not JSON, or nested too deeply. */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  checkDepth(value, MOST_LEVELS);
  return value;
}

function checkDepth(value: unknown, levels: number): void {
  if (typeof value !== 'object' || value === null) return;
  if (levels === 0) throw new SyntaxError(`it is nested deeper than ${MOST_LEVELS} levels`);
  for (const item of Object.values(value)) checkDepth(item, levels - 1);
}
