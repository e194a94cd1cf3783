import { resolve } from 'node:path';
import { Option } from '@commander-js/extra-typings';
import type { Command } from 'commander';
import { channelsNote } from '../diffusion/channels-last.ts';
import { openConditions } from '../diffusion/conditions.ts';
import { fromDiffusers } from '../diffusion/diffusers/read.ts';
import { batchNote, importDenoiser, parseForeignInfo } from '../diffusion/foreign.ts';
import { inputInWords } from '../diffusion/further-inputs.ts';
import { isOfLatents } from '../diffusion/info.ts';
import { saveModel } from '../diffusion/model.ts';
import { MOST_SAMPLER_STEPS } from '../diffusion/sampler-info.ts';
import { SeedbedError } from '../errors.ts';
import type { Graph } from '../graph/ir.ts';
import { parseModel } from '../graph/protobuf.ts';
import { DOUBLE_NOTE, usesDouble, widen } from '../graph/widen.ts';
import {
  baseName,
  exists,
  isDirectory,
  joinPath,
  listFiles,
  readBytes,
  readJson,
  writeAtomic,
} from '../runtime/files.ts';
import { readOnnxFile } from '../runtime/onnx-file.ts';
import { readNpy } from '../tensor/npy.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { optionFor } from './conditions.ts';
import { besideModel } from './files.ts';
import { type FlagsOf, options, withOptions } from './flags.ts';
import { type Done, type Frame, runReported } from './frame.ts';
import { autoencoderIn, hasAutoencoder } from './import-autoencoder.ts';
import { subjectOf } from './latents.ts';
import { whole } from './options.ts';
import { howMany, type TerminalFlags, withTerminal } from './terminal.ts';

const own = () =>
  options()
    .option('--config <model.json>', 'what the model is; of a diffusers folder, what it does not say itself')
    .option('--sampler-steps <n>', 'T, for a diffusers folder (default: 50)', whole(1, MOST_SAMPLER_STEPS))
    .option('--clip', "keep a diffusers scheduler's clipping of x0, though it has no inverse")
    .addOption(
      new Option(
        '--like <library>',
        "take diffusers' own steps where they do not lead to the scheduler's next timestep (default: from each timestep to the next)",
      ).choices(['diffusers']),
    )
    .option('--out <file>', 'the model to write', 'model.onnx');

type Flags = FlagsOf<typeof own> & TerminalFlags;

export function addImport(program: Command): void {
  withOptions(withTerminal(program.command('import')), own())
    .description('make a Seedbed model of a diffusion model that somebody exported to ONNX')
    .argument(
      '<model>',
      'an .onnx file, or a diffusers folder (unet/ or transformer/ exported to ONNX beside scheduler/, and vae_encoder/ and vae_decoder/ of latents)',
    )
    .addHelpText(
      'after',
      '\nExample: seedbed import unet.onnx --config model.json --out my.onnx\nThe guide: docs/bring-your-own-model.md',
    )
    .action((path: string, flags: Flags) => runReported('import', flags, frame => run(frame, path, flags)));
}

async function run({ terminal, report }: Frame, path: string, flags: Flags): Promise<Done> {
  const { out } = flags;
  const file = (await isDirectory(path)) ? await networkIn(path) : path;
  if (resolve(out) === resolve(file))
    throw new SeedbedError('BadArgument', `${file} would be written over; --out names another file`);
  const { bytes, files } = await readOnnxFile(file);
  const read = parseModel(bytes, file, files);
  if (usesDouble(read)) terminal.note(DOUBLE_NOTE);
  const graph = widen(read);
  const { said, sources } = await describe(path, file, graph, flags, terminal.note);
  const foreign = parseForeignInfo(said, sources.join(' and '));
  const fixed = await readFixed(foreign.fixedInputs, flags.config ?? path);
  const model = importDenoiser(graph, foreign, fixed, file);
  for (const note of [channelsNote(graph, foreign), batchNote(graph, model)]) if (note) terminal.note(note);
  const autoencoder = await autoencoderIn(path, model, terminal.note);
  await writeAtomic(out, saveModel(model));
  const { shape, predicts, level, schedule, sampler } = model.info;
  const results: object[] = [{ file: out, info: model.info }];
  const lines = [
    `${out}: '${model.info.name}', ${subjectOf(model)} [${shape}], predicts ${predicts}, told the ${level}, ${schedule.kind}, ${howMany(sampler.steps, 'steps')} of ${sampler.kind}`,
  ];
  if (autoencoder) {
    const beside = besideModel(out, 'autoencoder');
    await writeAtomic(beside, saveModel(autoencoder));
    const { info } = autoencoder;
    results.push({ file: beside, info });
    lines.push(`${beside}: pictures [${info.shape}] to latents [${info.latentShape}] and back`);
  }
  const conditions = openConditions(model);
  if (conditions.length > 0) lines.push(`its conditions: ${conditions.map(inputInWords).join(', ')}`);
  const options = conditions.map(condition => ` ${optionFor(condition, conditions)}`).join('');
  const given = isOfLatents(model.info) && !autoencoder ? ' LATENTS.npy' : ' PICTURES';
  lines.push(`Next: seedbed doctor ${out}${shape.length === 3 ? given : ''}${options}`);
  return { report: report({ model: model.hash, results }), lines };
}

/** The network's file in a diffusers folder. */
async function networkIn(folder: string): Promise<string> {
  for (const place of ['unet', 'transformer', '.']) {
    const at = joinPath(folder, place);
    if (!(await isDirectory(at))) continue;
    const found = (await listFiles(at)).filter(name => name.endsWith('.onnx'));
    if (found.length === 1) return joinPath(at, found[0]!);
    if (found.length > 1)
      throw new SeedbedError(
        'BadArgument',
        `${at} holds several models: ${found.join(', ')}. Name the one to import, with --config`,
      );
  }
  throw new SeedbedError('BadArgument', 'neither it nor its folder unet/ holds an .onnx file', {
    at: folder,
  });
}

/** What the model is: what its folder says, where it is one of diffusers, with what --config says besides or instead; and the files that say it. */
async function describe(
  path: string,
  file: string,
  graph: Graph,
  { config, samplerSteps, clip, like }: Flags,
  note: (text: string) => void,
): Promise<{ said: unknown; sources: string[] }> {
  const first = async (...places: string[]) => {
    for (const place of places) if (await exists(joinPath(path, place))) return joinPath(path, place);
    return undefined;
  };
  const own = config === undefined ? {} : await readJson(config);
  const scheduler = await first('scheduler/scheduler_config.json', 'scheduler_config.json');
  if (!scheduler) {
    if (config === undefined)
      throw new SeedbedError(
        'BadArgument',
        'nothing says what this model is. Give --config model.json (docs/bring-your-own-model.md), or a diffusers folder with scheduler/scheduler_config.json',
        { at: path },
      );
    if (samplerSteps !== undefined || clip || like)
      throw new SeedbedError(
        'BadArgument',
        `--sampler-steps, --clip and --like are for diffusers folders; ${config} says them, as sampler.steps, sampler.clipX0 and sampler.stride`,
      );
    return { said: own, sources: [config] };
  }
  const network = await first('unet/config.json', 'transformer/config.json', 'config.json');
  const python = (file: string) => readJson(file, { python: true });
  const index = await first('model_index.json');
  const said = fromDiffusers(graph, await python(scheduler), network && (await python(network)), {
    name: baseName(path),
    file,
    given: fields(own, config),
    index: index && (await python(index)),
    steps: samplerSteps,
    clip,
    like,
    autoencoder: await hasAutoencoder(path),
    note,
  });
  const sources = [config, scheduler, network].filter(source => source !== undefined);
  return { said, sources };
}

/** What --config says, field by field. */
function fields(own: unknown, config: string | undefined): Record<string, unknown> {
  if (typeof own === 'object' && own !== null && !Array.isArray(own)) return { ...own };
  throw new SeedbedError(
    'BadFile',
    'expected a JSON object of fields, as docs/bring-your-own-model.md explains',
    { at: config },
  );
}

/** The values of fixed inputs, in .npy files beside the description. */
async function readFixed(
  names: Readonly<Record<string, string>>,
  source: string,
): Promise<Map<string, Tensor>> {
  const folder = source.slice(0, Math.max(0, source.length - baseName(source).length));
  const fixed = new Map<string, Tensor>();
  for (const [input, name] of Object.entries(names)) {
    const path = joinPath(folder || '.', name);
    fixed.set(input, readNpy(await readBytes(path), path));
  }
  return fixed;
}
