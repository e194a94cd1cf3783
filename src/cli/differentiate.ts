import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { differentiate } from '../autodiff/differentiate.ts';
import { SeedbedError } from '../errors.ts';
import { parseModel, serializeModel } from '../graph/protobuf.ts';
import { DOUBLE_NOTE, usesDouble, widen } from '../graph/widen.ts';
import { writeAtomic } from '../runtime/files.ts';
import { readOnnxFile } from '../runtime/onnx-file.ts';
import { type FlagsOf, options, withOptions } from './flags.ts';
import { runReported } from './frame.ts';
import { type TerminalFlags, withTerminal } from './terminal.ts';

const own = () =>
  options()
    .requiredOption('--of <output>', 'the output to differentiate')
    .requiredOption('--wrt <inputs>', 'the inputs with respect to which, separated by commas', text =>
      text.split(',').filter(Boolean),
    )
    .option('--bind <name=size>', 'give an open dimension a size; may be repeated', bindings, {})
    .option('--out <file>', 'where to write', 'grad.onnx');

type Flags = FlagsOf<typeof own> & TerminalFlags;

export function addDifferentiate(program: Command): void {
  withOptions(withTerminal(program.command('differentiate')), own())
    .description('write the gradient of an ONNX graph as another ONNX graph')
    .argument('<graph.onnx>', 'a graph of operator set 13 to 26')
    .addHelpText(
      'after',
      '\nExample: seedbed differentiate unet.onnx --of epsilon --wrt x --bind N=1 --out unet-grad.onnx',
    )
    .action((file: string, flags: Flags) =>
      runReported('differentiate', flags, async ({ terminal, report }) => {
        const { bytes, files } = await readOnnxFile(file);
        const read = parseModel(bytes, file, files);
        if (usesDouble(read)) terminal.note(DOUBLE_NOTE);
        const { of, wrt, bind, out } = flags;
        if (resolve(out) === resolve(file))
          throw new SeedbedError('BadArgument', `--out ${out} is the graph itself: give another file`);
        const gradient = differentiate(widen(read), { of, wrt, bind, file });
        await writeAtomic(out, serializeModel(gradient));
        const inputs = gradient.inputs.map(i => `${i.name} [${i.shape}]`);
        const outputs = gradient.outputs.map(o => `${o.name} [${o.shape}]`);
        const nodes = gradient.nodes.length;
        return {
          report: report({ results: [{ file: out, nodes, inputs, outputs }] }),
          lines: [
            `${out}: ${nodes} nodes`,
            `  inputs  ${inputs.join(', ')}`,
            `  outputs ${outputs.join(', ')}`,
          ],
        };
      }),
    );
}

function bindings(text: string, previous: Record<string, number>): Record<string, number> {
  const found = /^([^=]+)=(\d+)$/.exec(text);
  if (!found) throw new InvalidArgumentError('expected NAME=SIZE, such as N=1.');
  return { ...previous, [found[1]!]: Number(found[2]) };
}
