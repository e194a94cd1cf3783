/**
 * How the pictures lie on the sheet that ships: one square beside the other, row after row.
 * @module
 */

/** Pictures in a row and in a column, and the side of each in pixels. */
export const SHEET = { across: 32, side: 16 } as const;

/** The pictures of a sheet, one after the other. */
export function cut(sheet: Float32Array): Float32Array {
  const { across, side } = SHEET;
  const width = across * side;
  const pictures = new Float32Array(sheet.length);
  for (const [at, value] of sheet.entries()) {
    const [x, y] = [at % width, Math.floor(at / width)];
    const picture = Math.floor(y / side) * across + Math.floor(x / side);
    pictures[picture * side ** 2 + (y % side) * side + (x % side)] = value;
  }
  return pictures;
}
