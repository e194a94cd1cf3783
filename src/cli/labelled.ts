import { sheetFigure } from '../figures/sheet.ts';
import { writeAtomic } from '../runtime/files.ts';
import { encodePng } from '../runtime/images.ts';
import { svgToPng } from '../runtime/svg.ts';
import type { Floats } from '../tensor/tensor.ts';

/** A row of pictures with its name. */
export interface LabelledRow {
  readonly label: string;
  /** [C, H, W] in [0,1], all of one size; undefined leaves a place free. */
  readonly pictures: readonly (Floats | undefined)[];
  readonly captions?: readonly (string | undefined)[];
  readonly apart?: boolean;
}

/** About how wide a small picture is drawn, and how many pixels of the file an SVG's has. */
const CELL = 96;
const SCALE = 2;

/** Writes pictures in named rows as a PNG file. */
export async function writeLabelledSheet(
  path: string,
  { title, rows, notes }: { title: string; rows: readonly LabelledRow[]; notes?: string },
): Promise<void> {
  const [, height = 1, width = 1] = rows.flatMap(row => row.pictures).find(Boolean)?.shape ?? [];
  const times = Math.max(1, Math.round(CELL / width)) / (width > 1.5 * CELL ? SCALE : 1);
  const urls = rows.map(({ pictures }) => Promise.all(pictures.map(picture => picture && dataUrl(picture))));
  const cells = await Promise.all(urls);
  const svg = sheetFigure({
    title,
    width: width * times,
    height: height * times,
    ...(notes && { notes }),
    rows: rows.map(({ captions = [], pictures: _, ...row }, r) => ({
      ...row,
      cells: cells[r]!.map((href, c) => (href ? { href, caption: captions[c] } : undefined)),
    })),
  });
  await writeAtomic(path, await svgToPng(svg, SCALE));
}

async function dataUrl(picture: Floats): Promise<string> {
  return `data:image/png;base64,${Buffer.from(await encodePng(picture)).toString('base64')}`;
}
