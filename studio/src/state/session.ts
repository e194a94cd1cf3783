/**
 * What this tab remembers of its rooms through a reload; a new tab begins with what the last one remembered.
 * @module
 */
export interface Session {
  /** What was shown. */
  readonly address?: string;
  /** What was chosen in the other rooms, as queries. */
  readonly left?: Readonly<Record<string, string>>;
  /** The last step of the history. */
  readonly last?: number;
}

const NAME = 'studio';

export function loadSession(): Session {
  const tab = parsed(remembered(NAME, 'tab'));
  // The steps of another tab are not this one's.
  return tab ?? { ...parsed(remembered(NAME)), last: 0 };
}

export function saveSession(session: Session): void {
  const text = JSON.stringify(session);
  remember(NAME, text, 'tab');
  remember(NAME, text);
}

/** What is remembered by a tab, or by the browser; a store that the browser bars may not even be named. */
const storeOf = (by: 'tab' | 'browser') => (by === 'tab' ? sessionStorage : localStorage);

export function remembered(name: string, by: 'tab' | 'browser' = 'browser'): string | null {
  try {
    return storeOf(by).getItem(name);
  } catch {
    return null;
  }
}

/** A full or barred store remembers nothing: the address holds what is shown all the same. */
export function remember(name: string, text: string, by: 'tab' | 'browser' = 'browser'): void {
  try {
    storeOf(by).setItem(name, text);
  } catch {}
}

function parsed(text: string | null): Session | undefined {
  try {
    const value: unknown = JSON.parse(text ?? '');
    return typeof value === 'object' && value ? value : undefined;
  } catch {
    return undefined;
  }
}
