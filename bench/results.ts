/** The kinds of work on which two programs are compared. */
export const COMPARED = ['sampling', 'descent', 'denoiser', 'embedder'] as const;
export type Compared = (typeof COMPARED)[number];

/** All that a measured process can be told to do; the last three are Seedbed's alone. */
export type Task = Compared | 'learning' | 'product' | 'checkpointed' | 'scale';

/** Everything that `npm run bench` measures; `--only` names some of these. */
export const PARTS = [
  ...COMPARED,
  'learning',
  'profile',
  'webgpu',
  'start',
  'checkpointed',
  'scale',
] as const;
export type Part = (typeof PARTS)[number];

/** T, the sampler's steps in every comparison. */
export const STEPS = 10;
/** Side of the square matrices whose product stands for what the machine can do. */
export const PRODUCT_SIZE = 2048;

/**
 * How long PyTorch learns, in minutes, and by what recipe Seedbed does, whose length is what it does in a share of that time; both by
 * batches of so many.
 */
export const LEARNING = {
  minutes: 30,
  share: 1 / 3,
  recipe: 'configs/fashion-mnist-v.json',
  batch: 16,
} as const;
/** Operators that compute nothing. */
export const MOVES = [
  'Concat',
  'Expand',
  'Pad',
  'ReorderInput',
  'ReorderOutput',
  'Reshape',
  'Slice',
  'Split',
  'Transpose',
];

/** How a side does its work: pictures at once, and the way its numbers are laid out or its network is compiled. */
export interface Setting {
  readonly batch: number;
  readonly form: string;
}

/** What was measured of one program on one task. Rates are units of `Comparison.unit` a second. */
export interface Side {
  readonly name: string;
  readonly best: Setting;
  /** Every setting tried, with its rate. */
  readonly tried: readonly (Setting & { readonly rate: number })[];
  /** At the best setting, a rate for each repeat. */
  readonly rates: readonly number[];
  /** Of a process that did nothing else. */
  readonly peakBytes: number;
}

export interface Comparison {
  readonly task: Compared;
  readonly unit: string;
  /** Seedbed first. */
  readonly sides: readonly Side[];
  /** Floating point operations of one unit, counted in the graph that Seedbed ran. */
  readonly flopsPerUnit: number;
  /** Of the machine, FLOP/s, measured between the sides' runs. */
  readonly products: readonly number[];
}

/** A measurement without a rival, one entry for each size. */
export interface Growth {
  readonly size: number;
  readonly seconds: number;
  readonly peakBytes: number;
}

/** What one side learned over the time that it trained; the loss is measured apart, by the same pictures. */
export interface Learner {
  readonly name: string;
  readonly points: readonly { readonly seconds: number; readonly steps: number; readonly heldOut: number }[];
}

/** Where the time of one training step goes: kinds of operators, the longest first. */
export interface Profile {
  readonly batch: number;
  readonly milliseconds: number;
  readonly kinds: readonly { readonly kind: string; readonly nodes: number; readonly milliseconds: number }[];
}

export interface Start {
  /** From starting the program to the first line about a picture's seed. */
  readonly first: readonly number[];
  /** From starting it to its end, once. */
  readonly whole: number;
  /** Of `seedbed --version`: what any command takes. */
  readonly program: readonly number[];
}

export interface Results {
  readonly date: string;
  readonly machine: Readonly<Record<string, string | number>>;
  readonly threads: number;
  readonly repeats: number;
  /** Least seconds a run. */
  readonly seconds: number;
  readonly quick: boolean;
  readonly comparisons: readonly Comparison[];
  /** Seedbed first. */
  readonly learning?: readonly [Learner, Learner] | undefined;
  readonly profile?: Profile | undefined;
  readonly webgpu?: { readonly rate: number; readonly batch: number } | undefined;
  readonly start?: Start | undefined;
  readonly checkpointed?: readonly Growth[] | undefined;
  readonly scale?: readonly Growth[] | undefined;
  /** What could not be measured, and why. */
  readonly skipped: readonly { readonly what: string; readonly why: string }[];
}

/** What is promised: rates as multiples of PyTorch's, seconds, and growth as a factor. */
export const PROMISED = {
  ratio: { sampling: 1.4, descent: 1.5, embedder: 1.4, denoiser: 1 },
  /** Minutes to the loss that PyTorch comes to, as a part of its minutes. */
  learning: 1 / 3,
  /** Part of a training step's time in operators that only move numbers, and how many Mul nodes it has. */
  moves: 0.08,
  multiplications: 120,
  startSeconds: 3,
  /** Memory at the largest T or number of seeds over that at the smallest: flat, but for what is asked for itself. */
  memoryGrowth: 1.1,
  /** Time a seed at the largest number of seeds over the least time a seed: linear. */
  timeGrowth: 1.1,
} as const;

/** The units of work in one step of a task at a batch size. */
export function unitsOf(task: Task, batch: number): number {
  return task === 'sampling' ? STEPS * batch : batch;
}
