import { SeedbedError } from '../errors.ts';

/** Part `index`, from 0, of `of` parts of a piece of work. */
export interface Shard {
  readonly index: number;
  readonly of: number;
}

/** The items of a shard: `from` to `to`, excluded. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Shards at most. */
export const MOST_SHARDS = 1_000_000;

/**
 * The items that fall to a shard, whole pieces, so that an item has the neighbours that it has where one machine does all;
 * there are none where there are more shards than pieces.
 */
export function rangeOf({ index, of }: Shard, count: number, piece: number): Range {
  const pieces = Math.ceil(count / piece);
  const [from, to] = [index, index + 1].map(i => Math.min(count, Math.floor((i * pieces) / of) * piece));
  return { from: from!, to: to! };
}

/** The name of a shard's folder, such as `shard-007-of-250`. */
export function shardName({ index, of }: Shard): string {
  return `shard-${String(index).padStart(String(of - 1).length, '0')}-of-${of}`;
}

/** How a batch system tells a task which one it is. */
interface ArrayTask {
  /** The variable that holds its number. */
  readonly variable: string;
  /** Which shard that is; of how many, where the system says so. */
  read(environment: Environment): { index: number; of?: number };
}
type Environment = Readonly<Record<string, string | undefined>>;

const ARRAYS: readonly ArrayTask[] = [
  {
    variable: 'SLURM_ARRAY_TASK_ID',
    read(environment) {
      const [least, most, step] = ['MIN', 'MAX', 'STEP'].map(name =>
        Number(environment[`SLURM_ARRAY_TASK_${name}`] ?? Number.NaN),
      );
      const each = step || 1;
      const place = (id: number) => (id - least!) / each;
      return { index: place(Number(environment.SLURM_ARRAY_TASK_ID)), of: Math.floor(place(most!)) + 1 };
    },
  },
  {
    variable: 'JOB_COMPLETION_INDEX',
    read: environment => ({ index: Number(environment.JOB_COMPLETION_INDEX) }),
  },
];

/**
 * A shard from `I/N`, from `auto`, which reads what Slurm tells the tasks of an array, or from `auto/N`, which takes the task's
 * number, of Slurm or of an Indexed Job of Kubernetes, as it is.
 * @throws {SeedbedError} BadArgument where that is no shard.
 */
export function parseShard(text: string, environment: Environment): Shard {
  const [, part, count] = /^(\d+|auto)(?:\/(\d+))?$/.exec(text) ?? [];
  const wrong = (fault: string) =>
    new SeedbedError('BadArgument', `--shard ${text}: ${fault}. Give I/N, from 0/4 to 3/4, auto or auto/N`);
  if (part === undefined) throw wrong('neither a part of a whole nor auto');
  if (part !== 'auto') return checked({ index: Number(part), of: Number(count ?? Number.NaN) }, wrong);
  const array = ARRAYS.find(({ variable }) => environment[variable] !== undefined);
  if (!array) {
    const variables = ARRAYS.map(({ variable }) => variable).join(' nor ');
    throw wrong(`neither ${variables} is set: this is no task of an array`);
  }
  if (count !== undefined)
    return checked({ index: Number(environment[array.variable]), of: Number(count) }, wrong);
  const { index, of } = array.read(environment);
  if (of === undefined) throw wrong(`${array.variable} does not say of how many`);
  return checked({ index, of }, wrong);
}

function checked({ index, of }: Shard, wrong: (fault: string) => SeedbedError): Shard {
  if (!Number.isInteger(of) || of < 1 || of > MOST_SHARDS)
    throw wrong(`there are 1 to ${MOST_SHARDS} shards`);
  if (!Number.isInteger(index) || index < 0 || index >= of)
    throw wrong(`${index} is none of the shards 0 to ${of - 1} of ${of}`);
  return { index, of };
}
