/**
 * The training on pictures that goes on. What it comes to is kept every ten seconds, and from there it goes on: after a pause, a
 * look at another room, a reload or a crash of the engine, to the bits that it would have come to without.
 * @module
 */
import { createRoot, createSignal } from 'solid-js';
import { ask, lives } from '../../engine/client.ts';
import type { Floats, Learned, Report } from '../../engine/engine.ts';
import { during, pacer } from '../../engine/tasks.ts';
import { room } from '../../state/address.ts';
import { amend, forget, recall } from '../../state/kept.ts';
import type { Kept } from '../../state/kinds.ts';
import { whenever } from '../../state/latest.ts';
import { type NetworkName, recipeOf } from './networks.ts';

/** Which pictures are learned, and by which network: together they name a training. */
export interface Subject {
  readonly set: string;
  readonly network: NetworkName;
}

interface Lesson extends Subject {
  readonly pixels: Floats;
  readonly steps: number;
}

/** What a training has shown by now, and kept. */
type Training = Kept['training'];
type Seen = Pick<Training, 'losses' | 'looks'>;

/** Milliseconds between two looks at what is grown. */
const PAUSE = 4000;
/** Points of the curve of the loss. */
const POINTS = 200;

const nameOf = ({ set, network }: Subject) => `${set} ${network}`;

const [lesson, setLesson] = createSignal<Lesson>();
/** How far the training is that goes on, and its steps a second. */
const [pace, setPace] = createSignal<{ readonly step: number; readonly perSecond: number | undefined }>();
const [seen, setSeen] = createSignal<ReadonlyMap<string, Seen>>(new Map());
const [learned, setLearned] = createSignal<ReadonlyMap<string, Learned>>(new Map());

export { pace };

/** The steps of the training that goes on. */
export const stepsNow = () => lesson()?.steps;

export const isRunning = (subject: Subject) =>
  lesson() !== undefined && nameOf(lesson()!) === nameOf(subject);
export const seenOf = (subject: Subject) => seen().get(nameOf(subject));
export const learnedOf = (subject: Subject) => learned().get(nameOf(subject));

export const pause = () => setLesson(undefined);
export const start = (of: Lesson) => setLesson(of);

/** How often each was begun anew: what a training from before still tells is nobody's. */
const begun = new Map<string, number>();
const timesBegun = (subject: Subject) => begun.get(nameOf(subject)) ?? 0;

/** Forgets what was learned, so that training begins anew. */
export async function beginAnew(subject: Subject): Promise<void> {
  begun.set(nameOf(subject), timesBegun(subject) + 1);
  await forget('training', [subject.set, subject.network]);
  const without = <V>(map: ReadonlyMap<string, V>) =>
    new Map([...map].filter(([name]) => name !== nameOf(subject)));
  setSeen(without(seen()));
  setLearned(without(learned()));
}

/** Brings to mind what was kept of a training. */
export async function recallTraining(subject: Subject): Promise<Training | undefined> {
  const kept = await recall('training', [subject.set, subject.network]);
  if (kept && !isRunning(subject)) know(subject, kept);
  return kept;
}

function know(subject: Subject, { losses, looks, ...rest }: Training): void {
  setSeen(new Map(seen()).set(nameOf(subject), { losses, looks }));
  setLearned(new Map(learned()).set(nameOf(subject), rest));
}

/** Keeps what was learned, unless more was by then. */
async function keep(subject: Subject, now: Training): Promise<void> {
  const kept = await amend('training', [subject.set, subject.network], before =>
    before && before.step > now.step ? before : now,
  );
  setLearned(new Map(learned()).set(nameOf(subject), kept));
}

createRoot(() =>
  whenever(
    // In other rooms it rests: each of its steps would have them wait.
    () => [room() === 'train' ? lesson() : undefined, lives()] as const,
    async ([lesson], counts, onOutdated) => {
      setPace(undefined);
      if (lesson) await learn(lesson, counts, onOutdated);
    },
  ),
);

async function learn(
  lesson: Lesson,
  counts: () => boolean,
  onOutdated: (end: () => void) => void,
): Promise<void> {
  const before = await recall('training', [lesson.set, lesson.network]);
  if (!counts()) return;
  let mine: Seen = { losses: before?.losses ?? [], looks: before?.looks ?? [] };
  const { set, network, pixels, steps } = lesson;
  const times = timesBegun(lesson);
  const hear = (told: Report) => {
    if (times !== timesBegun(lesson)) return;
    mine = seenBy(mine, told, steps);
    if (told.learned) void keep(lesson, { ...told.learned, ...mine });
  };
  let advanced = false;
  const paced = pacer();
  try {
    const done = await during(
      'Training on pictures',
      {
        ...{ onOutdated, onStop: pause, onLate: hear },
        onReport(told) {
          advanced ||= told.done !== undefined;
          hear(told);
          setSeen(new Map(seen()).set(nameOf(lesson), mine));
          if (told.done !== undefined) setPace({ step: told.done, perSecond: paced(told) });
        },
      },
      (task, report) => {
        const asked = { items: pixels, recipe: recipeOf(network, steps), resume: before?.checkpoint };
        return ask('train', task, { name: set, ...asked, pause: PAUSE }, report);
      },
    );
    if (done && counts()) pause();
  } catch (error) {
    // What failed before its first step, or in an engine that lives on, would fail again.
    if (!advanced || counts()) pause();
    throw error;
  }
}

/** What was seen of a training, with what a report tells: the newest look stays when it is three times as far as the one before. */
function seenBy({ losses, looks }: Seen, { done = 0, loss, look }: Report, steps: number): Seen {
  const due = done - (losses.at(-1)?.[0] ?? 0) >= steps / POINTS;
  const [before, last] = looks.slice(-2);
  const lasting = !before || !last || last.step >= 3 * before.step ? looks : looks.slice(0, -1);
  return {
    losses: loss !== undefined && due ? [...losses, [done, loss]] : losses,
    looks: look ? [...lasting, look] : looks,
  };
}
