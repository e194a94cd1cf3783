import { z } from 'zod';

const valueSchema = z.object({
  /** sha256 of its bytes, little-endian, in the type of the network's input and for one picture; 64 hex digits. */
  sha256: z.string().length(64),
  /** Itself, where it is a single number, such as a class. */
  number: z.number().optional(),
});
const valuesSchema = z.record(z.string(), valueSchema);

/** What a conditional model was bound to, as files and reports record it; checked. */
export const conditionRecordSchema = z.object({
  /** What each condition was given. */
  values: valuesSchema,
  /** What it was given for the unconditional prediction, of which guidance leads away; missing without guidance. */
  unconditional: valuesSchema.optional(),
  /** The guidance, 1 for none. */
  guidance: z.number(),
});

/**
 * What a conditional model was bound to, as seed files and reports record it: hashes, since values may be large.
 * @group Models
 * @useDeclaredType
 */
export type ConditionRecord = z.infer<typeof conditionRecordSchema>;

type Values = z.infer<typeof valuesSchema>;

/** The guidance of a model that was bound so; 1, which is none, of one that was not. */
export function guidanceOf(record: ConditionRecord | undefined): number {
  return record?.guidance ?? 1;
}

/** In what two records differ, in words, such as "'class_labels' is 3 there, 7 here"; empty where in nothing. */
export function conditionDifferences(
  there: ConditionRecord | undefined,
  here: ConditionRecord | undefined,
): string[] {
  const [theirs, ours] = [guidanceOf(there), guidanceOf(here)];
  return [
    ...valueDifferences('', there?.values, here?.values),
    ...valueDifferences('unconditional ', there?.unconditional, here?.unconditional),
    ...(theirs === ours ? [] : [`guidance is ${theirs} there, ${ours} here`]),
  ];
}

function valueDifferences(kind: string, there: Values = {}, here: Values = {}): string[] {
  return [...new Set([...Object.keys(there), ...Object.keys(here)])]
    .filter(name => there[name]?.sha256 !== here[name]?.sha256)
    .map(name => `${kind}'${name}' is ${inWords(there[name])} there, ${inWords(here[name])} here`);
}

function inWords(value: Values[string] | undefined): string {
  return value === undefined ? 'not given' : String(value.number ?? `sha256 ${value.sha256.slice(0, 12)}...`);
}
