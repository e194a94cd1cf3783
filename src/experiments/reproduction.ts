import type { Experiment } from './lab.ts';
import { blocks } from './paper/blocks.ts';
import { border } from './paper/border.ts';
import { canonical } from './paper/canonical.ts';
import { connected } from './paper/connected.ts';
import { distances } from './paper/distances.ts';
import { fig1 } from './paper/fig1.ts';
import { fig2 } from './paper/fig2.ts';
import { fig3 } from './paper/fig3.ts';
import { fig4 } from './paper/fig4.ts';
import { fig5 } from './paper/fig5.ts';
import { fig6 } from './paper/fig6.ts';
import { fig7 } from './paper/fig7.ts';
import { fig8 } from './paper/fig8.ts';
import { fig9 } from './paper/fig9.ts';
import { fig10 } from './paper/fig10.ts';
import { fig11 } from './paper/fig11.ts';
import { fig12 } from './paper/fig12.ts';
import { fig13 } from './paper/fig13.ts';
import { fig14 } from './paper/fig14.ts';
import { fig15 } from './paper/fig15.ts';
import { fig16 } from './paper/fig16.ts';
import { fig17 } from './paper/fig17.ts';
import { fig18 } from './paper/fig18.ts';
import { fig19 } from './paper/fig19.ts';
import { identifiable } from './paper/identifiable.ts';
import { levelInput } from './paper/level-input.ts';
import { noisySeed } from './paper/noisy-seed.ts';
import { rescaled } from './paper/rescaled.ts';
import { retrain } from './paper/retrain.ts';
import { schedules } from './paper/schedules.ts';
import { spectrum } from './paper/spectrum.ts';
import { straight } from './paper/straight.ts';
import { table1 } from './paper/table1.ts';
import { table2 } from './paper/table2.ts';
import { trainingSize } from './paper/training-size.ts';

/** Every experiment of the reproduction, in about the paper's order. */
export const EXPERIMENTS: readonly Experiment[] = [
  fig1,
  fig2,
  noisySeed,
  fig3,
  fig4,
  fig5,
  fig6,
  fig7,
  schedules,
  fig8,
  fig9,
  straight,
  connected,
  fig10,
  retrain,
  blocks,
  trainingSize,
  levelInput,
  fig11,
  distances,
  fig12,
  fig13,
  identifiable,
  border,
  fig14,
  spectrum,
  table1,
  fig15,
  rescaled,
  canonical,
  fig16,
  fig17,
  table2,
  fig18,
  fig19,
];
