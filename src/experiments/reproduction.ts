import type { Experiment } from './lab.ts';

/** Every experiment of the reproduction, in the paper's order. */
export const EXPERIMENTS: readonly Experiment[] = [];
