import type { Tensor } from '../../tensor/tensor.ts';
import type { Claim } from './claims.ts';

/** Numbers in rows and columns. */
export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Pictures in named rows. */
export interface SheetPicture {
  /** The file's name without its ending. */
  readonly file: string;
  /** What one sees, in a sentence. */
  readonly caption: string;
  readonly title: string;
  readonly rows: readonly {
    readonly label: string;
    /** [C, H, W] in [0,1], all of one size; undefined leaves a place free. */
    readonly pictures: readonly (Tensor<'float32'> | undefined)[];
    /** Below each picture. */
    readonly captions?: readonly (string | undefined)[];
    /** Whether the row begins a new group, set off from what is above. */
    readonly apart?: boolean;
  }[];
}

/** A plot, drawn. */
export interface PlotPicture {
  readonly file: string;
  readonly caption: string;
  readonly svg: string;
}

export type Picture = SheetPicture | PlotPicture;

/** What the first half of an experiment gives: numbers that JSON keeps, and the sheets of pictures, which it does not. */
export interface Measured<Numbers> {
  readonly numbers: Numbers;
  readonly sheets?: readonly SheetPicture[];
}

/** What the second half makes of the numbers: verdicts, words and plots. */
export interface Findings {
  readonly claims: readonly Claim[];
  readonly tables?: readonly Table[];
  readonly plots?: readonly PlotPicture[];
  /** How it was measured, and what was not: sentences for the report. */
  readonly notes?: readonly string[];
}
