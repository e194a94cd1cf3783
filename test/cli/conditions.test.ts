import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { saveModel } from '../../src/diffusion/model.ts';
import { classDenoiser, gaussianDenoiser } from '../../src/diffusion/oracle.ts';
import { readSeeds } from '../../src/embedding/seeds.ts';
import { readNpy, writeNpy } from '../../src/tensor/npy.ts';
import { readSafetensors } from '../../src/tensor/safetensors.ts';
import { type Floats, float32, int64 } from '../../src/tensor/tensor.ts';
import { relativeError } from '../support.ts';
import { seedbed as run } from './in-process.ts';

const FIXTURES = fileURLToPath(new URL('../fixtures/diffusers', import.meta.url));

let folder: string;
let classes: string;
let plain: string;
const at = (...names: string[]) => join(folder, ...names);
const seedbed = (...args: string[]) => run(...args, '--threads', '1');
const npyIn = async (...names: string[]) => readNpy(await readFile(join(...names)), 'x.npy') as Floats;

/** What a command says that is refused. */
async function refusal(...args: string[]): Promise<string> {
  const { code, err } = await seedbed(...args, '--out', at('refused'));
  expect([2, 3]).toContain(code);
  expect(err).not.toMatch(/\n\s+at /);
  return err;
}

async function done(...args: string[]): Promise<string> {
  const { code, out, err } = await (args[0] === 'import' ? run : seedbed)(...args);
  expect({ code, err }).toMatchObject({ code: 0 });
  return out;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'seedbed-conditions-'));
  classes = at('classes.onnx');
  plain = at('plain.onnx');
  const means = [0, 1, 2].map(k => Array.from({ length: 64 }, (_, i) => Math.sin(i * (k + 1))));
  await writeFile(classes, saveModel(classDenoiser({ means, variance: 0.2 }, [1, 8, 8], { steps: 4 })));
  await writeFile(plain, saveModel(gaussianDenoiser(1, [1, 8, 8], 4)));
  await writeFile(at('two.npy'), writeNpy(int64([2], [])));
  await done('sample', '--model', classes, '--class', '1', '--count', '2', '--out', at('one'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('a conditional model', () => {
  test('grows another picture of a seed under each class, and further on with guidance', async () => {
    const seeds = at('one', 'seeds.safetensors');
    const grown = async (out: string, ...conditions: string[]) => {
      await done('decode', seeds, '--model', classes, ...conditions, '--out', at(out));
      return npyIn(at(out, 'pictures.npy'));
    };
    const one = await npyIn(at('one', 'pictures.npy'));
    expect(await grown('same', '--class', '1')).toEqual(one);
    const two = await grown('two', '--class', '2', '--force');
    expect(await grown('file', '--condition', `class_labels=${at('two.npy')}`, '--force')).toEqual(two);
    const led = await grown('led', '--class', '1', '--unclass', '2', '--guidance', '0', '--force');
    expect(relativeError(led, two)).toBeLessThan(1e-5);
    const half = await grown('half', '--class', '1', '--unclass', '2', '--guidance', '.5', '--force');
    const middle = one.data.map((value, i) => (value + two.data[i]!) / 2);
    expect(relativeError(half, float32(one.shape, middle))).toBeLessThan(0.02);
  });

  test('leaves what it was bound to in seeds and reports', async () => {
    const out = at('embedded');
    const given = ['--class', '1', '--unclass', '3', '--guidance', '2'];
    const pictures = at('one', 'pictures.npy');
    const said = await done('embed', pictures, '--model', classes, ...given, '--json', '--out', out);
    const report = JSON.parse(said);
    expect(report.conditions).toMatchObject({
      values: { class_labels: { number: 1 } },
      unconditional: { class_labels: { number: 3 } },
      guidance: 2,
    });
    const { provenance } = readSeeds(await readFile(join(out, 'seeds.safetensors')), 'seeds');
    expect(provenance).toMatchObject({ model: report.model, conditions: report.conditions });
    expect(
      await refusal('decode', join(out, 'seeds.safetensors'), '--model', classes, '--class', '1'),
    ).toContain(
      "seeds found under other conditions: unconditional 'class_labels' is 3 there, not given here; guidance is 2 there, 1 here. Give those, or --force",
    );
  });

  test('is shared by shards, which are told the same class', async () => {
    const shard = (i: number, n: string, ...more: string[]) =>
      seedbed(
        ...['embed', at('one', 'pictures.npy'), '--model', classes, '--class', n, '--method', 'naive'],
        ...['--shard', `${i}/2`, '--out', at('shards'), ...more],
      );
    expect((await shard(0, '1')).code).toBe(0);
    expect(await shard(1, '2')).toMatchObject({
      code: 3,
      err: expect.stringContaining('is of another run: its conditions'),
    });
    expect((await shard(1, '1')).code).toBe(0);
    const { conditions, results } = JSON.parse(await done('merge', at('shards'), '--json'));
    expect(conditions.values.class_labels.number).toBe(1);
    expect(results.length).toBe(2);
  });

  test('does not go on with what was begun under another class', async () => {
    // What is grown cannot be written, and stays unfinished.
    await mkdir(at('begun', 'pictures.npy'), { recursive: true });
    const sample = (n: string, ...more: string[]) =>
      seedbed('sample', '--model', classes, '--class', n, '--out', at('begun'), ...more);
    expect((await sample('1')).code).toBe(2);
    const { code, err } = await sample('2', '--resume');
    expect(code).toBe(3);
    expect(err).toContain('conditions');
  });

  test.each([
    ['embed'],
    ['sample'],
    ['cloud'],
    ['evaluate'],
    ['interpolate', 'a.png', 'b.png'],
    ['edit', '--scribbled', 'a.png'],
    ['compare', 'MODEL', 'MODEL'],
    ['race', 'MODEL'],
    ['frontier', 'MODEL'],
    ['recover', 'MODEL', '--data', 'fashion-mnist'],
    ['quality', 'MODEL'],
  ])('%s asks for its value, with what to give', async (command, ...rest) => {
    const named = rest.includes('MODEL') ? [] : ['--model', classes];
    const args = rest.map(arg => (arg === 'MODEL' ? classes : arg));
    expect(await refusal(command!, ...args, ...named)).toContain(
      `${classes}: is conditional. Give --class N for 'class_labels' int64 [N]`,
    );
  });

  test('one that is misspelt is named', async () => {
    const file = at('label.npy');
    await writeFile(file, writeNpy(int64([1])));
    expect(await refusal('sample', '--model', classes, '--condition', `class_label=${file}`)).toContain(
      "has no condition 'class_label'. Give --class N for 'class_labels' int64 [N]",
    );
  });

  test('doctor asks for it, and examines the class', async () => {
    const { code, err } = await seedbed('doctor', classes);
    expect(code).toBe(2);
    expect(err).toContain("is conditional. Give --class N for 'class_labels' int64 [N]");
    const report = JSON.parse(await done('doctor', classes, '--class', '1', '--json', '--no-round-trip'));
    expect(report.conditions.values.class_labels.number).toBe(1);
    expect(report.results[0].findings).toEqual([]);
  });

  test.each<[string[], string]>([
    [
      ['--condition', 'txt=two.npy', '--class', '1'],
      "has no condition 'txt'; it has 'class_labels' int64 [N]",
    ],
    [
      ['--condition', 'class_labels=two.npy', '--class', '1'],
      "'class_labels' is given twice: by --class and by its",
    ],
    [['--condition', 'class_labels'], 'expected NAME=FILE.npy'],
    [['--condition', 'a=two.npy', '--condition', 'a=two.npy'], "'a' is given twice"],
    [['--class', '1', '--guidance', '2'], 'guidance 2 needs unconditional values (of the command line --unc'],
    [['--class', '1', '--unclass', '3'], 'guidance 1 takes no unconditional values'],
    [['--class', '1.5'], 'expected a whole number'],
    [['--class', '1', '--unclass', '3', '--guidance', 'much'], 'expected a number'],
    [['--class', '9'], "classes bound to 'class_labels' 9: Gather 'Gather': index 9 is outside an axis of 4"],
  ])('refuses %j', async (given, message) => {
    const files = given.map(arg => arg.replace('two.npy', at('two.npy')));
    expect(await refusal('sample', '--model', classes, ...files)).toContain(message);
  });

  test('without conditions refuses values', async () => {
    const given = ['--class', '1', '--guidance', '2'];
    expect(await refusal('sample', '--model', plain, ...given)).toContain(
      `${plain}: has no conditions; leave out --class, --guidance`,
    );
  });
});

describe('diffusers folders with conditions', () => {
  const recorded = async (name: string) => {
    const { tensors } = readSafetensors(
      await readFile(join(FIXTURES, 'conditional.safetensors')),
      'recorded',
    );
    return tensors.get(name) as Floats;
  };

  test.each([
    ['classes', "'class_labels' int64 [N]", '--class N'],
    ['text', "'encoder_hidden_states' float32 [N,3,8]", '--condition encoder_hidden_states=FILE.npy'],
  ])('%s: further inputs become conditions, with a note and what to give', async (name, input, option) => {
    const model = at(`${name}.onnx`);
    const { code, out, err } = await run('import', join(FIXTURES, name), '--out', model);
    expect(code).toBe(0);
    expect(err).toContain(`its further inputs become conditions, which every command is given: ${input}`);
    expect(out).toContain(`Next: seedbed doctor ${model} PICTURES ${option}`);
  });

  test('a text is given as its array', async () => {
    const text = `encoder_hidden_states=${join(FIXTURES, 'text', 'text.npy')}`;
    const args = ['--model', at('text.onnx'), '--condition', text, '--count', '2', '--sampler-steps', '5'];
    const report = JSON.parse(await done('sample', ...args, '--json', '--out', at('text')));
    expect(Object.keys(report.conditions.values)).toEqual(['encoder_hidden_states']);
  });

  test('a value that is fixed is no condition', async () => {
    const config = at('fixed.json');
    await writeFile(config, JSON.stringify({ fixedInputs: { class_labels: 'two.npy' } }));
    const model = at('fixed.onnx');
    const args = [
      'import',
      join(FIXTURES, 'classes'),
      '--sampler-steps',
      '10',
      '--out',
      model,
      '--config',
      config,
    ];
    expect(await done(...args)).not.toContain('--class');
    await writeFile(at('seeds.npy'), writeNpy(await recorded('seeds')));
    await done('decode', at('seeds.npy'), '--model', model, '--out', at('fixed'));
    const theirs = (await recorded('classes 1')).data.map(v => Math.min(1, Math.max(0, (v + 1) / 2)));
    const grown = await npyIn(at('fixed', 'pictures.npy'));
    expect(Math.max(...grown.data.map((value, i) => Math.abs(value - theirs[i]!)))).toBeLessThan(1e-4);
  });
});
