import { spawnSync } from 'node:child_process';
import { Peer } from './peer.ts';
import { LEARNING, type Learner, type Setting } from './results.ts';
import { type Bench, ownScript, seedbedPeer } from './sides.ts';

/** Turns that both sides' time is cut into; each ends with a measurement, which is not counted. */
const TURNS = 30;
/** Steps by which a rival's rate is first known. */
const FIRST = 10;
/** Steps by which Seedbed's is. */
const TRIAL = 50;

/**
 * Lets Seedbed and PyTorch train the same network from the same weights on the same pictures, each by its own recipe,
 * by turns, so that both see the same machine.
 * @param rival the command of PyTorch's process.
 * @throws {Error} where the data set is missing, or PyTorch's network begins with another loss.
 */
export async function measureLearning(
  bench: Bench,
  rival: readonly string[],
  dataDir: string | undefined,
): Promise<readonly [Learner, Learner]> {
  writeLesson(bench, dataDir);
  const [turns, minutes] = bench.quick ? [1, 0.1] : [TURNS, LEARNING.minutes];
  const steps = bench.quick ? 2 : await stepsWithin(seedbedPeer(bench), 60 * minutes * LEARNING.share);
  const sides: Pupil[] = [];
  try {
    const own = await Pupil.start(seedbedPeer(bench), { batch: steps, form: 'graph' });
    sides.push(own);
    const other = await Pupil.start(rival, { batch: LEARNING.batch, form: 'channels_last' });
    sides.push(other);
    await other.advance(FIRST);
    for (let turn = 1; turn <= turns; turn++) {
      await own.advance(Math.round((steps * turn) / turns) - own.last.steps);
      await other.advance(other.stepsUntil((60 * minutes * turn) / turns));
    }
    return [own.learner, other.learner];
  } finally {
    await Promise.all(sides.map(({ peer }) => peer.stop()));
  }
}

/** How many steps of a lesson Seedbed takes in so many seconds. */
async function stepsWithin(command: readonly string[], seconds: number): Promise<number> {
  const peer = await Peer.start(command);
  try {
    await peer.prepare('learning', { batch: TRIAL, form: 'graph' });
    await peer.run(FIRST);
    return Math.round((seconds * TRIAL) / (await peer.run(TRIAL)).seconds);
  } finally {
    await peer.stop();
  }
}

/** A process that trains, and what it has come to. */
class Pupil {
  private readonly points: Learner['points'][number][] = [];
  readonly peer: Peer;

  private constructor(peer: Peer) {
    this.peer = peer;
  }

  /** @param setting its `batch` is the length of Seedbed's lesson, and PyTorch's pictures at once. */
  static async start(command: readonly string[], setting: Setting): Promise<Pupil> {
    const pupil = new Pupil(await Peer.start(command));
    await pupil.peer.prepare('learning', setting);
    pupil.points.push({ seconds: 0, steps: 0, heldOut: await pupil.peer.heldOut() });
    return pupil;
  }

  get last(): Learner['points'][number] {
    return this.points.at(-1)!;
  }

  get learner(): Learner {
    return { name: this.peer.name, points: this.points };
  }

  async advance(steps: number): Promise<void> {
    const { seconds } = await this.peer.run(steps);
    const { last } = this;
    const heldOut = await this.peer.heldOut();
    this.points.push({ seconds: last.seconds + seconds, steps: last.steps + steps, heldOut });
  }

  /** How many steps more it takes, as it went so far, until it has trained for so many seconds. */
  stepsUntil(seconds: number): number {
    const { last } = this;
    return Math.max(1, Math.round((last.steps / last.seconds) * (seconds - last.seconds)));
  }
}

/** The pictures and weights that both begin with, and by what they are measured. */
function writeLesson(bench: Bench, dataDir: string | undefined): void {
  const [program, ...args] = ownScript('lesson', [bench.folder, ...(dataDir ? [dataDir] : [])]) as [
    string,
    ...string[],
  ];
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr.split('\n').find(line => /Error/.test(line)) ?? stderr);
}
