/**
 * Sets of pictures to learn from.
 * @module
 */
import { float32, isSeedbedError, readPicture, SeedbedError } from 'seedbed';
import { cut, SHEET } from './sheet.ts';
import { type Floats, type OnReport, working } from './work.ts';

/** Pictures [n, C, side, side] in [0,1], and the names of files that are none. */
export interface PictureSet {
  readonly pixels: Floats;
  readonly refused: readonly string[];
}

/** Pictures that a page learns from at most: more would take longer to go through than anybody waits. */
const MOST = 4096;

/** The pictures of the sheet that ships. */
export async function shippedSet(address: string): Promise<Floats> {
  const { across, side } = SHEET;
  const { data } = await readPicture(address, [1, across * side, across * side]);
  return float32([across ** 2, 1, side, side], cut(data));
}

/** Reads files as pictures of one size, in colour where one of them has any. @throws {SeedbedError} BadFile where none is a picture. */
export async function readSet(
  task: number,
  files: readonly File[],
  side: number,
  report: OnReport,
): Promise<PictureSet> {
  return working(task, report, async ({ signal }) => {
    const [pictures, refused]: [Float32Array[], string[]] = [[], []];
    for (const [done, file] of files.slice(0, MOST).entries()) {
      if (signal.aborted) throw new SeedbedError('Interrupted', 'stopped');
      report({ doing: 'reading pictures', done, total: files.length });
      try {
        pictures.push((await readPicture(file, [3, side, side])).data);
      } catch (error) {
        if (!isSeedbedError(error, 'BadFile')) throw error;
        refused.push(file.name);
      }
    }
    if (pictures.length === 0)
      throw new SeedbedError(
        'BadFile',
        `${refused.slice(0, 5).join(', ')}: not a picture that this browser reads; PNG, JPEG and WebP files are`,
      );
    const channels = pictures.every(isGrey) ? 1 : 3;
    const size = channels * side ** 2;
    const data = new Float32Array(pictures.length * size);
    for (const [i, picture] of pictures.entries()) data.set(picture.subarray(0, size), i * size);
    return { pixels: float32([pictures.length, channels, side, side], data), refused };
  });
}

/** Whether red, green and blue [3, H, W] are the same. */
function isGrey(picture: Float32Array): boolean {
  const plane = picture.length / 3;
  return picture.every((value, i) => value === picture[i % plane]);
}
