import { type Command, InvalidArgumentError } from 'commander';
import { type Conditions, openConditions, withConditions } from '../diffusion/conditions.ts';
import { inputInWords } from '../diffusion/further-inputs.ts';
import type { Denoiser } from '../diffusion/info.ts';
import { loadModel } from '../diffusion/load.ts';
import { SeedbedError } from '../errors.ts';
import type { ValueInfo } from '../graph/ir.ts';
import { baseName, readBytes } from '../runtime/files.ts';
import { readNpy } from '../tensor/npy.ts';
import { int64, type Tensor } from '../tensor/tensor.ts';
import { type FlagsOf, options, withOptions } from './flags.ts';
import { whole } from './options.ts';

const own = () =>
  options()
    .option(
      '--condition <name=file.npy>',
      "a conditional model's input, such as an encoded text; repeatable",
      named,
    )
    .option('--class <n>', 'the class, of a model with one condition of whole numbers', whole(0))
    .option(
      '--uncondition <name=file.npy>',
      'the same without the condition, for guidance; repeatable',
      named,
    )
    .option('--unclass <n>', 'the class that stands for none, for guidance', whole(0))
    .option(
      '--guidance <g>',
      'u + g (c - u), of predictions with and without the condition (default: 1)',
      finite,
    );

/** Values of a conditional model's conditions: files by name, a class, and the same for the unconditional prediction. */
export type ConditionFlags = FlagsOf<typeof own>;

/** Adds the options that say what a conditional model is to predict under. */
export function withConditionFlags(command: Command): Command {
  return withOptions(command, own());
}

function named(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const at = text.indexOf('=');
  const [name, file] = [text.slice(0, at), text.slice(at + 1)];
  if (at < 1 || file === '') throw new InvalidArgumentError('expected NAME=FILE.npy.');
  if (Object.hasOwn(before, name)) throw new InvalidArgumentError(`'${name}' is given twice.`);
  return { ...before, [name]: file };
}

function finite(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || text.trim() === '') throw new InvalidArgumentError('expected a number.');
  return value;
}

/**
 * Reads a denoiser, bound to the values of its conditions where it has some.
 * @throws {SeedbedError} BadArgument, with what to give, for a condition without a value or a value without a condition.
 */
export async function openBound(path: string, flags: ConditionFlags): Promise<Denoiser> {
  const model = await loadModel(path);
  const open = openConditions(model);
  if (open.length === 0) {
    const given = FLAGS.filter(flag => flags[flag] !== undefined);
    if (given.length === 0) return model;
    throw new SeedbedError(
      'BadArgument',
      `has no conditions; leave out ${given.map(flag => `--${flag}`).join(', ')}`,
      { at: path },
    );
  }
  const values = await valuesOf(path, open, 'class', flags.condition, flags.class);
  const missing = open.filter(({ name }) => !Object.hasOwn(values, name));
  const strange = Object.keys(values).find(name => !open.some(input => input.name === name));
  if (missing.length > 0)
    throw new SeedbedError(
      'BadArgument',
      `${strange === undefined ? 'is conditional' : `has no condition '${strange}'`}. Give ${missing.map(input => `${optionFor(input, open)} for ${inputInWords(input)}`).join(', and ')}`,
      { at: path },
    );
  const without = await valuesOf(path, open, 'unclass', flags.uncondition, flags.unclass);
  return withConditions(model, {
    values,
    unconditional: Object.keys(without).length > 0 ? without : undefined,
    guidance: flags.guidance,
  });
}

/** What was given, as a command line says it, without folders. */
export function conditionWords(flags: ConditionFlags): string[] {
  return FLAGS.flatMap(flag => {
    const value = flags[flag];
    if (value === undefined) return [];
    if (typeof value === 'number') return [`--${flag} ${value}`];
    return Object.entries(value).map(([name, file]) => `--${flag} ${name}=${baseName(file)}`);
  });
}

const FLAGS = ['condition', 'class', 'uncondition', 'unclass', 'guidance'] as const;

/** The arrays in the files that are named, and the class. */
async function valuesOf(
  path: string,
  open: readonly ValueInfo[],
  flag: 'class' | 'unclass',
  files: Readonly<Record<string, string>> = {},
  number: number | undefined,
): Promise<Conditions['values']> {
  const values: Record<string, Tensor> = {};
  for (const [name, file] of Object.entries(files)) values[name] = readNpy(await readBytes(file), file);
  if (number === undefined) return values;
  const input = classOf(open);
  if (!input)
    throw new SeedbedError(
      'BadArgument',
      `--${flag} is for a model with one condition that is a whole number; this one takes ${open.map(inputInWords).join(', ')}. Give --${flag === 'class' ? 'condition' : 'uncondition'} NAME=FILE.npy`,
      { at: path },
    );
  if (Object.hasOwn(values, input.name))
    throw new SeedbedError('BadArgument', `'${input.name}' is given twice: by --${flag} and by its file`);
  const one = input.shape.map(() => 1);
  return { ...values, [input.name]: int64([number], one) };
}

/** The one condition that is a whole number for each picture. */
function classOf(open: readonly ValueInfo[]): ValueInfo | undefined {
  const counted = open.filter(
    ({ dtype, shape }) => /^int(32|64)$/.test(dtype) && shape.slice(1).every(dim => dim === 1),
  );
  return counted.length === 1 ? counted[0] : undefined;
}

/** The option that gives a condition its value. @param open all conditions of the model. */
export function optionFor(condition: ValueInfo, open: readonly ValueInfo[]): string {
  return condition === classOf(open) ? '--class N' : `--condition ${condition.name}=FILE.npy`;
}
