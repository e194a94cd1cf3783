import { z } from 'zod';
import { type Denoiser, type Embedder, picturesSeen } from '../diffusion/info.ts';
import { isSeedbedError, messageOf, SeedbedError } from '../errors.ts';
import { type Findings, faultOf, type Gates, type ModelGate } from '../experiments/paper/claims.ts';
import { type Experiment, type Sizes, SUBJECTS } from '../experiments/paper/lab.ts';
import { kindOf } from '../experiments/paper/measure/siblings.ts';
import type { ModelFacts, Omitted } from '../experiments/paper/page.ts';
import { readNumbers, reported, type Saved, writeNumbers } from '../experiments/paper/saved.ts';
import { recordedGate } from '../quality/gate.ts';
import { exists, readJson, readText, writeAtomic } from '../runtime/files.ts';
import { damaged, keptAs } from '../work/kept.ts';
import { marksIn, NO_MARKS } from '../work/marks.ts';
import type { Work } from '../work/shards.ts';
import type { Frame } from './frame.ts';
import { type LabFlags, type OpenLab, openLab } from './lab.ts';
import { writeLabelledSheet } from './labelled.ts';
import { beLane, fromLanes, type LaneFlags, lanesFor, type Told } from './lanes.ts';
import { savedSchema } from './report.ts';
import type { Terminal } from './terminal.ts';

/** Of what an experiment's outcome is told: its numbers and what is said of them, or why it was not run. */
type Outcome = { readonly saved: Saved; readonly said: Findings } | { readonly reason: string };

/** What is measured, where it is kept, and how. */
export interface Measuring {
  readonly experiments: readonly Experiment[];
  /** All were asked for, so that those that lack something are left out. */
  readonly all: boolean;
  readonly sizes: Sizes;
  readonly work: Work;
  readonly flags: LabFlags & LaneFlags;
}

/**
 * Measures experiments, in lanes where that is faster; what takes times comes last, with the machine for itself.
 * @returns undefined where it was a lane: another process reads what it kept.
 */
export async function measureAll(
  { terminal, runtime }: Frame,
  { experiments, all, sizes, work, flags }: Measuring,
): Promise<{ done: Saved[]; omitted: Omitted[]; models: ModelFacts[] } | undefined> {
  const shown = progressOf(terminal);
  const marks = flags.lane ? marksIn(work) : NO_MARKS;
  const place = { runtime: await runtime(), terminal, unfinished: work, marks, progress: shown.within };
  const lab = await openLab(place, flags, sizes);
  const outcomes = new Map<Experiment, Outcome>();
  const tell = (experiment: Experiment, outcome: Outcome) => {
    outcomes.set(experiment, outcome);
    shown.above(() => tellOutcome(terminal, experiment, outcome));
  };
  // What stands in the way is told before the hours begin.
  for (const experiment of experiments) {
    const reason = await omittedFor(experiment, lab, work);
    if (reason && !all) throw new SeedbedError('Machine', `${experiment.name}: ${reason}`);
    if (reason) tell(experiment, { reason });
  }
  const runs = experiments.filter(experiment => !outcomes.has(experiment));
  for (const fault of await gateFaults(runs, lab))
    terminal.note(`${fault}: what is claimed of it will stay open`);

  const conclude = async (experiment: Experiment) => {
    if (!outcomes.has(experiment)) tell(experiment, await outcomeOf(experiment, lab, all, work));
  };
  const measure = (experiment: Experiment) => {
    shown.begin(outcomes.size, experiments.length, experiment.name);
    return conclude(experiment);
  };
  const shared = experiments.filter(({ timed }) => !timed);
  const parts = { count: shared.length, part: (index: number) => measure(shared[index]!) };
  if (flags.lane) {
    await beLane(work, parts);
    return undefined;
  }
  const how = lanesFor(flags, shared.filter(experiment => !outcomes.has(experiment)).length);
  const kept = { ...parts, part: (index: number) => conclude(shared[index]!) };
  try {
    if (how.lanes > 1)
      await fromLanes(terminal, { flags, work }, how, kept, shown.ofLanes(experiments.length, shared));
    for (const experiment of experiments) await measure(experiment);
  } finally {
    shown.stop();
  }
  const found = experiments.map(experiment => ({ ...experiment, ...outcomes.get(experiment)! }));
  return {
    done: found.flatMap(one => ('saved' in one ? [one.saved] : [])),
    omitted: found.flatMap(one =>
      'reason' in one ? [{ name: one.name, title: one.title, reason: one.reason }] : [],
    ),
    models: [...lab.used].map(([name, model]) => factsOf(name, model)),
  };
}

/** Says what became of an experiment. */
function tellOutcome({ line, note }: Terminal, { name }: Experiment, outcome: Outcome): void {
  if ('reason' in outcome) note(`${name}: not run: ${outcome.reason}`);
  else
    for (const { verdict, because } of outcome.said.claims)
      line(`${name.padEnd(14)} ${verdict.padEnd(7)} ${because}`);
}

/** Why an experiment is not run, on this machine or on that which did its shard; empty where it is. */
async function omittedFor(experiment: Experiment, lab: OpenLab, work: Work): Promise<string> {
  const path = omittedPath(experiment, work);
  if (await exists(path)) return readText(path);
  if (await exists(numbersPath(experiment, work))) return '';
  const reason = await lab.missing(experiment.needs);
  if (reason && work.shard) await writeAtomic(path, reason);
  return reason;
}

/**
 * Measures an experiment, and what is said of its numbers. What fits nothing, diverges, or cannot be said is told with the
 * others where all are asked for.
 */
async function outcomeOf(experiment: Experiment, lab: OpenLab, all: boolean, work: Work): Promise<Outcome> {
  const omitted = omittedPath(experiment, work);
  if (await exists(omitted)) return { reason: await readText(omitted) };
  try {
    const saved = await reproduce(experiment, lab, work);
    return { saved, said: reported(experiment, saved) };
  } catch (error) {
    const goesOn = isSeedbedError(error, 'Mismatch') || isSeedbedError(error, 'Diverged');
    if (!all || !goesOn) throw error;
    await writeAtomic(omitted, error.message);
    return { reason: error.message };
  }
}

const numbersPath = ({ name }: Experiment, work: Work) => work.path(`numbers-${name}.json`);
const omittedPath = ({ name }: Experiment, work: Work) => work.path(`omitted-${name}.txt`);

/** How far all experiments are, the one in hand or those in lanes among them. */
function progressOf(terminal: Terminal) {
  const progress = terminal.progress('reproduce', 'experiments');
  let at = { done: 0, of: 0, name: '' };
  return {
    begin(done: number, of: number, name: string) {
      at = { done, of, name };
      progress.update(done, of, name);
    },
    within: (done: number, total: number) =>
      progress.update(at.done, at.of, `${at.name}: ${done} of ${total}`),
    /** What lanes tell of the experiments that they share. */
    ofLanes(of: number, shared: readonly Experiment[]) {
      const inHand = new Map<number, string>();
      const remarks = new Map<number, string>();
      let done = 0;
      return (lane: number, { begun, kept, progress: told }: Told) => {
        if (begun !== undefined) inHand.set(lane, shared[begun]!.name);
        if (kept !== undefined) {
          done++;
          inHand.delete(lane);
          remarks.delete(lane);
        }
        if (told) remarks.set(lane, told.remark);
        const names = [...inHand].map(([of, name]) => remarks.get(of) ?? name);
        progress.update(done, of, names.join(', '));
      };
    },
    above: progress.above,
    stop: progress.stop,
  };
}

/** Measures an experiment and draws its sheets, or takes from the folder what an earlier run or a shard measured. */
async function reproduce(experiment: Experiment, lab: OpenLab, work: Work): Promise<Saved> {
  const path = numbersPath(experiment, work);
  if (await exists(path)) return readKept(path, experiment, lab);
  const begun = performance.now();
  const watched = watching(lab);
  const { numbers, sheets = [] } = await experiment.measure(watched.lab);
  for (const sheet of sheets) await writeLabelledSheet(work.path(`${sheet.file}.png`), sheet);
  const seconds = (performance.now() - begun) / 1000;
  const drawn = sheets.map(({ file, caption }) => ({ file, caption }));
  const saved = {
    name: experiment.name,
    seconds,
    numbers,
    gates: gatesOf(lab, watched.asked),
    sheets: drawn,
  };
  await writeAtomic(path, writeNumbers({ ...saved, used: [...watched.asked] }));
  return saved;
}

/** A laboratory that notes which models are asked for, in order. */
function watching(lab: OpenLab): { lab: OpenLab; asked: ReadonlyMap<string, Kind> } {
  const asked = new Map<string, Kind>();
  const note = (name: string, kind: Kind) => void (asked.has(name) || asked.set(name, kind));
  return {
    asked,
    lab: {
      ...lab,
      denoiser(name) {
        note(name, 'denoiser');
        return lab.denoiser(name);
      },
      embedder(name) {
        note(name, 'embedder');
        return lab.embedder(name);
      },
      cloud(subject, index, method) {
        note(SUBJECTS[subject].model, 'denoiser');
        return lab.cloud(subject, index, method);
      },
    },
  };
}

type Kind = 'denoiser' | 'embedder';

/** What gates say of denoisers of pictures. */
function gatesOf({ used }: OpenLab, asked: ReadonlyMap<string, Kind>): Gates {
  const gates = [...asked].flatMap(([name, kind]): [string, ModelGate | null][] => {
    const info = used.get(name)?.info;
    return kind === 'denoiser' && info?.shape.length === 3 ? [[name, gateOf(info)]] : [];
  });
  return Object.fromEntries(gates);
}

function gateOf({ training }: Pick<Denoiser['info'], 'training'>): ModelGate | null {
  const conditions = recordedGate(training);
  if (!conditions) return null;
  const fails = conditions.filter(({ passed }) => !passed).map(({ text }) => text);
  return { passed: conditions.length - fails.length, of: conditions.length, fails };
}

/** What is wrong with the gates of the denoisers that experiments cannot do without, and of those of their data sets. */
async function gateFaults(experiments: readonly Experiment[], lab: OpenLab): Promise<string[]> {
  const needs = experiments.flatMap(experiment => experiment.needs);
  const subjects = needs.length > 0 ? Object.values(SUBJECTS).map(({ model }) => model) : [];
  const names = new Set([...needs, ...subjects].filter(name => !name.startsWith('data:') && lab.has(name)));
  const faults: string[] = [];
  for (const name of names)
    if (kindOf(name) === 'denoiser') faults.push(faultOf(name, gateOf(await lab.inspect(name))) ?? '');
  return faults.filter(Boolean);
}

const keptSchema = savedSchema.extend({
  used: z.array(z.tuple([z.string(), z.enum(['denoiser', 'embedder'])])),
});

async function readKept(path: string, experiment: Experiment, lab: OpenLab): Promise<Saved> {
  const { used, ...saved } = keptAs(keptSchema, readNumbers(await readJson(path)), path);
  if (saved.name !== experiment.name) throw damaged(path, `it is of an experiment '${saved.name}'`);
  try {
    reported(experiment, saved);
  } catch (cause) {
    throw damaged(path, messageOf(cause));
  }
  for (const [name, kind] of used) await lab[kind](name);
  return saved;
}

/** What the report says of a model, from what its file says of itself. */
function factsOf(name: string, { info, hash }: Denoiser | Embedder): ModelFacts {
  const { training = {} } = info;
  const config = training.config as
    | {
        network?: { kind?: string; channels?: number[] };
        learn?: [number, number];
        heldOut?: number;
      }
    | undefined;
  const { network, learn, heldOut } = config ?? {};
  const images = picturesSeen(info);
  const rest = heldOut ? `, all but the last ${heldOut.toLocaleString('en')}` : '';
  const part = learn ? `, items ${learn[0]} to ${learn[1]}` : rest;
  return {
    name,
    network: network ? `${network.kind} [${network.channels}]` : 'third-party',
    data: `${training.data ?? ''}${part}`,
    seen: images === undefined ? '' : `${images.toLocaleString('en')} pictures`,
    hash,
  };
}
