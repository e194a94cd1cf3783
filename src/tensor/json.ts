/** Levels of nesting beyond which JSON is refused: what goes through it calls itself once a level. */
const MOST_LEVELS = 100;

/** The value of JSON text from outside. @throws {SyntaxError} when it is not JSON, or nested too deeply. */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  checkDepth(value, MOST_LEVELS);
  return value;
}

/**
 * The value of JSON as Python's `json` module writes it: as {@link parseJson}, and NaN, Infinity and -Infinity may stand
 * where a number may.
 * @throws {SyntaxError} as {@link parseJson}.
 */
export function parsePythonJson(text: string): unknown {
  // JSON has no NaN; it is where the values differ that are read with null and with 0 in its place.
  const [withNull, withZero] = ['null', '0'].map(word => parseJson(withoutPythonNumbers(text, word)));
  return nanWhereTheyDiffer(withNull, withZero);
}

/** The text with 1e999, which is read as Infinity, for that word, and `nan` for NaN; strings are left as they are. */
function withoutPythonNumbers(text: string, nan: string): string {
  let inString = false;
  return text.replace(/"|\\.|(-?)(Infinity|NaN)\b/gs, (whole, sign: string, word: string | undefined) => {
    if (whole === '"') inString = !inString;
    if (inString || word === undefined) return whole;
    return sign + (word === 'NaN' ? nan : '1e999');
  });
}

function nanWhereTheyDiffer(a: unknown, b: unknown): unknown {
  if (a === null) return b === 0 ? Number.NaN : null;
  if (Array.isArray(a)) return a.map((item, i) => nanWhereTheyDiffer(item, (b as unknown[])[i]));
  if (typeof a !== 'object') return a;
  const other = b as Record<string, unknown>;
  return Object.fromEntries(
    Object.entries(a).map(([key, item]) => [key, nanWhereTheyDiffer(item, other[key])]),
  );
}

function checkDepth(value: unknown, levels: number): void {
  if (typeof value !== 'object' || value === null) return;
  if (levels === 0) throw new SyntaxError(`it is nested deeper than ${MOST_LEVELS} levels`);
  for (const item of Object.values(value)) checkDepth(item, levels - 1);
}

/** The value of JSON text; undefined, which no schema takes, where it is none. */
export function jsonOf(text: string | undefined): unknown {
  try {
    return parseJson(text ?? '');
  } catch {
    return undefined;
  }
}
