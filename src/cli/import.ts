import type { Command } from 'commander';
import { fromDiffusers } from '../diffusion/diffusers.ts';
import { importDenoiser, parseForeignInfo } from '../diffusion/foreign.ts';
import { MOST_SAMPLER_STEPS } from '../diffusion/info.ts';
import { saveModel } from '../diffusion/model.ts';
import { SeedbedError } from '../errors.ts';
import type { Graph } from '../graph/ir.ts';
import { parseModel } from '../graph/protobuf.ts';
import { widen } from '../graph/widen.ts';
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
import { openConsole, withConsole } from './console.ts';
import { version } from './files.ts';
import { whole } from './options.ts';

interface Flags {
  config?: string;
  clip?: boolean;
  samplerSteps?: number;
  out: string;
  json?: boolean;
  quiet?: boolean;
}

export function addImport(program: Command): void {
  withConsole(program.command('import'))
    .description('make a Seedbed model of a diffusion model that somebody exported to ONNX')
    .argument('<model>', 'an .onnx file, or a diffusers folder (unet/ exported to ONNX beside scheduler/)')
    .option('--config <model.json>', 'what the model is; a diffusers folder says it itself')
    .option('--sampler-steps <n>', 'T, for a diffusers folder (default: 50)', whole(1, MOST_SAMPLER_STEPS))
    .option('--clip', "keep a diffusers scheduler's clipping of x0, though it has no inverse")
    .option('--out <file>', 'the model to write', 'model.onnx')
    .addHelpText(
      'after',
      '\nExample: seedbed import unet.onnx --config model.json --out my.onnx\nThe guide: docs/bring-your-own-model.md',
    )
    .action(async (path: string, flags: Flags) => {
      const started = performance.now();
      const console = openConsole(flags);
      const file = (await isDirectory(path)) ? await networkIn(path) : path;
      const { bytes, files } = await readOnnxFile(file);
      const graph = widen(parseModel(bytes, file, files));
      const { described, source } = flags.config
        ? { described: await readJson(flags.config), source: flags.config }
        : { described: await describeFolder(path, file, graph, flags, console.note), source: path };
      const foreign = parseForeignInfo(described, source);
      const model = importDenoiser(graph, foreign, await readFixed(foreign.fixedInputs, source), file);
      await writeAtomic(flags.out, saveModel(model));
      const { shape, predicts, level, schedule, sampler } = model.info;
      console.line(
        `${flags.out}: '${model.info.name}', pictures [${shape}], predicts ${predicts}, told the ${level}, ${schedule.kind}, ${sampler.steps} steps of ${sampler.kind}`,
      );
      console.line(`Next: seedbed doctor ${flags.out} PICTURES`);
      console.json({
        seedbed: await version(),
        command: 'import',
        model: model.hash,
        seconds: (performance.now() - started) / 1000,
        results: [{ file: flags.out, info: model.info }],
      });
    });
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
  throw new SeedbedError('BadArgument', `${folder}: neither it nor its folder unet/ holds an .onnx file`);
}

async function describeFolder(
  path: string,
  file: string,
  graph: Graph,
  { samplerSteps, clip }: Flags,
  note: (text: string) => void,
): Promise<unknown> {
  const first = async (...places: string[]) => {
    for (const place of places) if (await exists(joinPath(path, place))) return joinPath(path, place);
    return undefined;
  };
  const folder = await isDirectory(path);
  const scheduler = folder
    ? await first('scheduler/scheduler_config.json', 'scheduler_config.json')
    : undefined;
  if (!scheduler)
    throw new SeedbedError(
      'BadArgument',
      `${path}: nothing says what this model is. Give --config model.json (docs/bring-your-own-model.md), or a diffusers folder with scheduler/scheduler_config.json`,
    );
  const network = await first('unet/config.json', 'transformer/config.json', 'config.json');
  const config = (await readJson(scheduler)) as Record<string, unknown>;
  if (config.clip_sample !== false && !clip)
    note('its scheduler clips x0; left out, since a clipped step has no inverse (--clip keeps it)');
  return fromDiffusers(graph, config, network && (await readJson(network)), {
    name: baseName(path),
    file,
    ...(samplerSteps && { steps: samplerSteps }),
    ...(clip && { clip }),
  });
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
