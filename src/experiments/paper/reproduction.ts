import { agreement } from './agreement.ts';
import { border } from './border.ts';
import { canonical } from './canonical.ts';
import { connected } from './connected.ts';
import { distances } from './distances.ts';
import { fig1, fig2 } from './fig1-fig2.ts';
import { fig3, fig15 } from './fig3-fig15.ts';
import { fig4 } from './fig4.ts';
import { fig5 } from './fig5.ts';
import { fig6, fig7 } from './fig6-fig7.ts';
import { fig8 } from './fig8.ts';
import { fig9 } from './fig9.ts';
import { fig10 } from './fig10.ts';
import { fig11 } from './fig11.ts';
import { fig12 } from './fig12.ts';
import { fig13 } from './fig13.ts';
import { fig14 } from './fig14.ts';
import { fig16, fig17, table2 } from './fig16-fig17-table2.ts';
import { fig18 } from './fig18.ts';
import { fig19 } from './fig19.ts';
import { halves } from './halves.ts';
import { identifiable } from './identifiable.ts';
import type { Experiment } from './lab.ts';
import { noisySeed } from './noisy-seed.ts';
import { rescaled } from './rescaled.ts';
import { blocks, levelInput, retrain } from './retrain-blocks-level.ts';
import { schedules } from './schedules.ts';
import { sheet } from './sheet.ts';
import { spectrum } from './spectrum.ts';
import { splitOrDescent } from './split-or-descent.ts';
import { straight } from './straight.ts';
import { table1 } from './table1.ts';
import { trainingSize } from './training-size.ts';

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
  agreement,
  halves,
  levelInput,
  fig11,
  splitOrDescent,
  distances,
  fig12,
  fig13,
  identifiable,
  border,
  fig14,
  spectrum,
  sheet,
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
