/**
 * What the studio asks of Seedbed's library, in a worker of its own: building graphs takes a while, and the page stays quick.
 * Each of these is a call that the page makes by its name.
 * @module
 */
export { analyse, type CloudAnalysis, fetchSeeds } from './clouds.ts';
export type { Conditions, Given } from './conditions.ts';
export { type OpenedSeeds, openSeeds, picture, png, seedFile } from './files.ts';
export type { Condition } from './gate.ts';
export {
  compare,
  type Grown,
  type Growth,
  grow,
  growSlowly,
  growth,
  sampled,
  trajectories,
  walk,
} from './grow.ts';
export { describe, type ModelCard, type ScheduleName } from './open.ts';
export {
  dataFilesOf,
  examine,
  type GraphCard,
  type GraphValue,
  lookAt,
  lookInside,
  type ModelFiles,
  openModel,
} from './own-model.ts';
export { points, signalRates } from './points.ts';
export { begin, type Device } from './runtime.ts';
export { type EmbedRequest, type Found, seek } from './seek.ts';
export { type PictureSet, readSet, shippedSet } from './sets.ts';
export { strange } from './strange.ts';
export { type Lesson, openTrained, type Trained, train, trainedOf } from './train.ts';
export { cancel, type Floats, type Learned, type OnReport, type Report } from './work.ts';
