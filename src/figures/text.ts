/** A rectangle in pixels, y downwards. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Looked for in this order; what is there of it decides the looks, so that widths below suit the widest. */
export const FONTS = "'Helvetica Neue', Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif";

/** Widths of letters in parts of the size of the type: about Helvetica's, by kind. */
const WIDTHS: readonly (readonly [RegExp, number])[] = [
  [/[ijl'|]/, 0.24],
  [/[ftrI.,:;!/()[\]\- ]/, 0.33],
  [/[mwMW%@]/, 0.9],
  [/[A-Z&×−+=<>~]/, 0.7],
  [/[\u2070-\u209f\u00b2\u00b3\u00b9]/, 0.4],
  [/[…\u1100-\uffff]/u, 1],
];
/** The widest usual font, DejaVu Sans, beside Helvetica. */
const WIDEST = 1.13;

/** At most how wide a line of text is, in pixels, in any usual sans-serif font of this size. */
export function textWidth(text: string, size: number, bold = false): number {
  let ems = 0;
  for (const letter of text) ems += WIDTHS.find(([kind]) => kind.test(letter))?.[1] ?? 0.56;
  return ems * size * WIDEST * (bold ? 1.08 : 1);
}

/** Text in lines that are at most so wide, broken between words, and within a word that is too long itself, after a hyphen where one helps. */
export function wrap(text: string, width: number, size: number, bold = false): string[] {
  const fits = (line: string) => textWidth(line, size, bold) <= width;
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const longer = line ? `${line} ${word}` : word;
    if (fits(longer)) {
      line = longer;
      continue;
    }
    if (line) lines.push(line);
    line = '';
    const pieces = word.split(/(?<=\w-)/).flatMap(part => (fits(part) ? [part] : [...part]));
    for (const piece of pieces) {
      if (line && !fits(line + piece)) {
        lines.push(line);
        line = '';
      }
      line += piece;
    }
  }
  return line ? [...lines, line] : lines;
}

/** Text cut to one line that is at most so wide. */
export function shorten(text: string, width: number, size: number): string {
  if (textWidth(text, size) <= width) return text;
  return `${wrap(text, width - textWidth('…', size), size)[0] ?? ''}…`;
}

export interface TextStyle {
  readonly size: number;
  readonly bold?: boolean;
  readonly colour?: string;
  readonly anchor?: 'start' | 'middle' | 'end';
  /** Whether a rim of white sets the letters off from what is below them. */
  readonly rim?: boolean;
}

/** The element of a line of text whose baseline begins, or is anchored, at (x, y). */
export function textElement(text: string, x: number, y: number, style: TextStyle): string {
  const { size, bold, colour = '#222', anchor = 'start', rim } = style;
  const attributes = [
    `x="${x}" y="${y}" font-size="${size}" fill="${colour}" text-anchor="${anchor}"`,
    bold ? 'font-weight="600"' : '',
    rim ? 'stroke="#fff" stroke-width="4" stroke-linejoin="round" paint-order="stroke"' : '',
  ];
  return `<text ${attributes.filter(Boolean).join(' ')}>${escapeText(text)}</text>`;
}

/** Text as it may stand in XML: what is markup escaped, control characters left out. */
export function escapeText(text: string): string {
  return text
    .replace(/\p{Cc}|[\ud800-\udfff](?![\udc00-\udfff])/gu, ' ')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** The area that two boxes share, in square pixels. */
export function sharedArea(a: Box, b: Box): number {
  const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
  const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
  return Math.max(0, width) * Math.max(0, height);
}

const RAISED = '⁰¹²³⁴⁵⁶⁷⁸⁹';

/** A squared error as a caption: 0.00021, 0.013, 3.2·10⁻⁷. */
export function shortError(mse: number): string {
  if (mse === 0) return '0';
  const [digits, power] = mse.toPrecision(2).split('e-');
  return power ? `${digits}·10⁻${Array.from(power, digit => RAISED[Number(digit)]).join('')}` : digits!;
}
