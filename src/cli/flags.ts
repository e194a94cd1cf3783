import { Command as Declared } from '@commander-js/extra-typings';
import type { Command, Option } from 'commander';

/** The beginning of a list of options; the compiler reads their names and values off it. */
export const options = () => new Declared();

/** The flags that a list of options gives. */
export type FlagsOf<List extends (...given: never[]) => { opts(): object }> = ReturnType<
  ReturnType<List>['opts']
>;

/** Adds a list of options to a command. */
export function withOptions(command: Command, list: { readonly options: readonly unknown[] }): Command {
  for (const option of list.options) command.addOption(option as Option);
  return command;
}
