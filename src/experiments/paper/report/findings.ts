import type { Tensor } from '../../../tensor/tensor.ts';

/** Whether what the paper says is so: it holds, in part, it fails, or the measurement cannot tell. */
export const VERDICTS = ['holds', 'partly', 'fails', 'open'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** One claim of the paper, measured: a row of the report. */
export interface Claim {
  /** What the paper says, with its number where it gives one. */
  readonly paper: string;
  /** What was measured here, with its interval. */
  readonly ours: string;
  /** What the same measurement gives where the claim could not be true, or would be trivially so. */
  readonly control: string;
  readonly verdict: Verdict;
  /** The verdict in one sentence. */
  readonly because: string;
  /** The numbers that the texts are made of, by name, for programs and tests. */
  readonly values: Readonly<Record<string, number>>;
}

/** Numbers in rows and columns. */
export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Pictures in named rows. */
export interface SheetPicture {
  readonly kind: 'sheet';
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
  readonly kind: 'plot';
  readonly file: string;
  readonly caption: string;
  readonly svg: string;
}

export type Picture = SheetPicture | PlotPicture;

/** What an experiment found. */
export interface Findings {
  readonly claims: readonly Claim[];
  readonly tables?: readonly Table[];
  readonly pictures: readonly Picture[];
  /** How it was measured, and what was not: sentences for the report. */
  readonly notes?: readonly string[];
}
