import { SeedbedError } from '../errors.ts';
import { escapeText, FONTS, textElement, textWidth, wrap } from './text.ts';

/** A picture on a sheet. */
export interface SheetCell {
  /** Where the picture is: a data URL as a rule, so that the sheet is one file. */
  readonly href: string;
  /** Below it; '\n' begins a line. */
  readonly caption?: string | undefined;
}

export interface SheetRow {
  /** To the left of the row. */
  readonly label: string;
  /** Undefined leaves a place free. */
  readonly cells: readonly (SheetCell | undefined)[];
  /** Whether the row begins a new group, set off from what is above. */
  readonly apart?: boolean;
}

export interface SheetFigure {
  readonly title: string;
  readonly rows: readonly SheetRow[];
  /** Of a picture, in pixels; 96 x 96 unless given. */
  readonly width?: number;
  readonly height?: number;
  /** Small print below. */
  readonly notes?: string;
}

const PAD = 16;
const GAP = 6;
const APART = 16;
const TITLE_SIZE = 18;
const LABEL_SIZE = 14;
const CAPTION_SIZE = 12.5;
const NOTES_SIZE = 12.5;
const LEADING = 1.25;
/** Labels are broken into lines of at most so many pixels. */
const LABEL_WIDTH = 190;

/**
 * The SVG of pictures in rows, each row named at its left and each picture where it has a caption below; every pixel of a
 * picture stays a square.
 * @throws {SeedbedError} BadArgument when there are no pictures.
 * @example sheetFigure({ title: 'A bag', rows: [{ label: 'picture', cells: [{ href: dataUrl }] }] })
 */
export function sheetFigure({ title, rows, width = 96, height = 96, notes = '' }: SheetFigure): string {
  const columns = Math.max(0, ...rows.map(row => row.cells.length));
  if (columns === 0) throw new SeedbedError('BadArgument', `sheet '${title}' has no pictures`);
  const labels = rows.map(({ label }) => wrap(label, LABEL_WIDTH, LABEL_SIZE));
  const left = PAD + Math.max(0, ...labels.flat().map(line => textWidth(line, LABEL_SIZE))) + 12;
  const total = Math.ceil(Math.max(left + columns * (width + GAP) - GAP + PAD, 360));
  const room = total - 2 * PAD;
  const elements: string[] = [];
  const block = (text: string, size: number, top: number, bold = false, colour = '#222') => {
    const lines = wrap(text, room, size, bold);
    lines.forEach((line, i) => {
      elements.push(textElement(line, PAD, top + size + i * size * LEADING, { size, bold, colour }));
    });
    return top + lines.length * size * LEADING;
  };
  let y = block(title, TITLE_SIZE, PAD - 4, true) + 10;
  rows.forEach((row, r) => {
    if (row.apart) y += APART;
    const lines = labels[r]!;
    const first = y + height / 2 - ((lines.length - 1) * LABEL_SIZE * LEADING) / 2 + LABEL_SIZE * 0.35;
    lines.forEach((line, i) => {
      elements.push(textElement(line, PAD, first + i * LABEL_SIZE * LEADING, { size: LABEL_SIZE }));
    });
    const captions = row.cells.map(cell =>
      (cell?.caption ?? '').split('\n').flatMap(line => wrap(line, width + GAP - 2, CAPTION_SIZE)),
    );
    row.cells.forEach((cell, c) => {
      if (!cell) return;
      const x = left + c * (width + GAP);
      elements.push(
        `<image x="${x}" y="${y}" width="${width}" height="${height}" preserveAspectRatio="none" style="image-rendering:pixelated" href="${escapeText(cell.href)}"/>`,
      );
      captions[c]!.forEach((line, i) => {
        const at = y + height + 2 + CAPTION_SIZE + i * CAPTION_SIZE * LEADING;
        elements.push(
          textElement(line, x + width / 2, at, { size: CAPTION_SIZE, anchor: 'middle', colour: '#444' }),
        );
      });
    });
    const below = Math.max(...captions.map(lines => lines.length));
    y += height + (below > 0 ? below * CAPTION_SIZE * LEADING + 6 : 0) + GAP;
  });
  const bottom = Math.ceil((notes ? block(notes, NOTES_SIZE, y + 4, false, '#595959') : y) + PAD - 4);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${total}" height="${bottom}" viewBox="0 0 ${total} ${bottom}" role="img" font-family="${FONTS}">`,
    `<title>${escapeText(title)}</title>`,
    `<rect width="${total}" height="${bottom}" fill="#fff"/>`,
    ...elements,
    '</svg>\n',
  ].join('\n');
}
