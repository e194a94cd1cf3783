import { type Command, InvalidArgumentError, Option } from 'commander';
import { messageOf } from '../errors.ts';
import { mergedShards } from '../work/merge.ts';
import { parseShard, type Range, rangeOf, type Shard } from '../work/shard.ts';
import { inShards, openShard, type Said, type Work } from '../work/shards.ts';
import {
  type About,
  type DoPiece,
  openUnfinished,
  type Pieces,
  type UnfinishedOptions,
} from '../work/unfinished.ts';
import { version } from './files.ts';
import { withUnfinished } from './options.ts';
import type { Terminal } from './terminal.ts';

/** Which part of a command's work is done, and where it lies. */
export interface ShardFlags extends UnfinishedOptions {
  shard?: Shard;
  /** The shards are all there: `merge` runs the command with their results. */
  merged?: boolean;
  /** The words that say the command again, without what says how and where it runs. */
  args: string[];
}

/** Work that goes on where it was stopped; in shards, where the command can be cut into them. */
export type WorkFlags = UnfinishedOptions & Partial<ShardFlags>;

/** Options that do not change results, or are given anew for each part. */
const HOW = ['shard', 'merged', 'out', 'resume', 'fresh', 'threads', 'device', 'json', 'quiet'];

/** Adds --shard, --resume and --fresh; called when the command has its other options. */
export function withShards(command: Command): Command {
  const words: string[] = [];
  for (const option of command.options)
    if (!HOW.includes(option.attributeName()))
      // A flag without a value comes with none.
      command.on(`option:${option.name()}`, (raw?: string | null) =>
        words.push(option.long!, ...(typeof raw === 'string' ? [raw] : [])),
      );
  return withUnfinished(command)
    .addOption(
      new Option(
        '--shard <i/n>',
        "do only the i-th of n parts, from 0/n; 'auto' asks the batch system which: docs/many-machines.md",
      ).argParser(shardFlag),
    )
    .addOption(new Option('--merged').hideHelp())
    .hook('preAction', (_, action) => {
      action.setOptionValue('args', [action.name(), ...words, ...action.args]);
    });
}

function shardFlag(text: string): Shard {
  try {
    return parseShard(text, process.env);
  } catch (error) {
    throw new InvalidArgumentError(messageOf(error));
  }
}

/** Opens the work that the flags ask for: all of it, a shard, or what shards have done. */
export async function openWork(flags: WorkFlags, about: About, terminal: Terminal): Promise<Work> {
  const { shard, merged, out, args = [] } = flags;
  if (!shard && !merged) return openUnfinished(flags, about, terminal.note);
  const said: Said = { seedbed: await version(), args, about };
  if (merged) return mergedShards(out, said, ({ index, of }) => sayShard(args, `${index}/${of}`, out));
  return openShard(flags, shard!, said);
}

/** The command that makes a shard. */
export function sayShard(args: readonly string[], shard: string, out: string): string {
  return ['seedbed', ...args, '--shard', shard, '--out', out].map(quoted).join(' ');
}

/** A word as a shell takes it. */
export const quoted = (word: string) =>
  /^[\w./:=,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

/** The items that fall to this process, which it says where they are not all. */
export function ownItems(
  terminal: Terminal,
  { shard }: Work,
  { count, piece }: { readonly count: number; readonly piece: number },
): Range {
  if (!shard) return { from: 0, to: count };
  const { index, of, done } = shard;
  const { from, to } = rangeOf(shard, count, piece);
  const items = from === to ? 'no items' : `items ${from} to ${to - 1}`;
  terminal.note(
    `shard ${index} of ${of}, counted from 0: ${items} of ${count}${done ? '; it is there already' : ''}`,
  );
  return { from, to };
}

/**
 * Does the part of the work that falls to this process, and says which.
 * @returns all pieces; undefined where it was a shard: its results wait for the others.
 */
export async function inPart<T>(
  terminal: Terminal,
  work: Work,
  pieces: Pieces<T>,
  doPiece: DoPiece<T>,
): Promise<T[] | undefined> {
  ownItems(terminal, work, pieces);
  return inShards(work, pieces, doPiece);
}
