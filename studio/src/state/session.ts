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
  const tab = parsed(sessionStorage.getItem(NAME));
  // The steps of another tab are not this one's.
  return tab ?? { ...parsed(localStorage.getItem(NAME)), last: 0 };
}

export function saveSession(session: Session): void {
  const text = JSON.stringify(session);
  try {
    sessionStorage.setItem(NAME, text);
    localStorage.setItem(NAME, text);
  } catch {
    // A full store: the address holds what is shown all the same.
  }
}

function parsed(text: string | null): Session | undefined {
  try {
    const value: unknown = JSON.parse(text ?? '');
    return typeof value === 'object' && value ? value : undefined;
  } catch {
    return undefined;
  }
}
