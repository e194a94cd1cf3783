import type { Command } from 'commander';
import { readModel } from '../diffusion/model.ts';
import { readSeeds } from '../embedding/seeds.ts';
import { parseModel } from '../graph/protobuf.ts';
import { countParameters } from '../nn/networks.ts';
import { readBytes } from '../runtime/files.ts';
import { readOnnxFile } from '../runtime/onnx-file.ts';
import { parseJson } from '../tensor/json.ts';
import { SHIPPED_MODEL } from './files.ts';
import { runReported } from './frame.ts';
import { type TerminalFlags, withTerminal } from './terminal.ts';

export function addInfo(program: Command): void {
  withTerminal(program.command('info'))
    .description('tell what a model, a graph or a seed file is')
    .argument('[file]', 'an .onnx, .safetensors, .npy or .npz file', SHIPPED_MODEL)
    .addHelpText('after', '\nExample: seedbed info out/seeds.safetensors')
    .action((file: string, flags: TerminalFlags) =>
      runReported('info', flags, async frame => {
        const about = file.endsWith('.onnx')
          ? describeGraph(await readOnnxFile(file), file)
          : describeSeeds(await readBytes(file), file);
        const lines = Object.entries(about).map(
          ([key, value]) => `${key.padEnd(14)} ${typeof value === 'string' ? value : JSON.stringify(value)}`,
        );
        return { report: frame.report({ results: [{ file, ...about }] }), lines };
      }),
    );
}

function describeGraph(
  { bytes, files }: Awaited<ReturnType<typeof readOnnxFile>>,
  file: string,
): Record<string, unknown> {
  const graph = parseModel(bytes, file, files);
  const values = (list: typeof graph.inputs) => list.map(v => `${v.name} ${v.dtype} [${v.shape}]`).join(', ');
  const counts = new Map<string, number>();
  for (const { op } of graph.nodes) counts.set(op, (counts.get(op) ?? 0) + 1);
  const plain = {
    'operator set': graph.opset,
    'graph takes': values(graph.inputs),
    'and gives': values(graph.outputs),
    nodes: [...counts]
      .sort(([, a], [, b]) => b - a)
      .map(([op, count]) => `${op} ${count}`)
      .join(', '),
  };
  const classifier = graph.metadata.get('classifier');
  if (classifier !== undefined)
    return { file: 'a classifier, for seedbed quality', ...plain, ...(parseJson(classifier) as object) };
  if (!graph.metadata.has('seedbed')) return { file: 'an ONNX graph', ...plain };
  const model = readModel(bytes, file, files);
  const { weights, statistics } = countParameters(model.graph);
  const { seedbed: _, ...info } = model.info;
  return {
    file: `a Seedbed ${model.info.kind}`,
    hash: model.hash,
    weights: `${weights}, and ${statistics} running statistics`,
    ...plain,
    ...info,
  };
}

function describeSeeds(bytes: Uint8Array, file: string): Record<string, unknown> {
  const { latent, pair, provenance } = readSeeds(bytes, file);
  const { images, ...rest } = provenance ?? { images: [] };
  return {
    file: 'seeds',
    shape: `[${latent.shape}]`,
    ...(pair && { states: 'two of each seed, float64: latent and latent2' }),
    ...(provenance
      ? { ...rest, images: images.map(i => i.name).join(', ') }
      : { origin: 'unknown: a bare array' }),
  };
}
