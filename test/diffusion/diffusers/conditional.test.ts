import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { withConditions } from '../../../src/diffusion/conditions.ts';
import { fromDiffusers } from '../../../src/diffusion/diffusers/read.ts';
import { importDenoiser, parseForeignInfo } from '../../../src/diffusion/foreign.ts';
import { toPixels } from '../../../src/diffusion/pictures.ts';
import { embed } from '../../../src/embedding/embed.ts';
import { decode } from '../../../src/embedding/sampling.ts';
import { parseModel } from '../../../src/graph/protobuf.ts';
import { createRuntime } from '../../../src/runtime/node.ts';
import { readSafetensors } from '../../../src/tensor/safetensors.ts';
import { type Floats, int64, rows, type Tensor } from '../../../src/tensor/tensor.ts';

const runtime = await createRuntime({ threads: 1 });
/** Two tiny models, and what diffusers grows of them: conditional.py beside the files. */
const fixture = (path: string) => readFileSync(new URL(`../../fixtures/diffusers/${path}`, import.meta.url));
const recorded = readSafetensors(fixture('conditional.safetensors'), 'recorded').tensors;
const texts = recorded.get('texts') as Floats;

function imported(folder: string) {
  const graph = parseModel(fixture(`${folder}/unet/model.onnx`), 'model.onnx');
  const json = (path: string) => JSON.parse(fixture(`${folder}/${path}`).toString());
  const config = [json('scheduler/scheduler_config.json'), json('unet/config.json')] as const;
  const said = fromDiffusers(graph, ...config, { name: folder, file: 'model.onnx', steps: 10 });
  return importDenoiser(graph, parseForeignInfo(said, 'said'), new Map(), 'model.onnx');
}

const VALUES: Record<string, (n: number) => Record<string, Tensor>> = {
  classes: n => ({ class_labels: int64([n]) }),
  text: n => ({ encoder_hidden_states: rows(texts, n, n + 1) }),
};
/** The class that is recorded, and none. */
const [CLASS, NONE] = [2, 4];

test.each(['classes', 'text'])(
  '%s: pictures are those of diffusers, with guidance and without, and come back',
  async name => {
    const open = imported(name);
    const values = VALUES[name]!;
    for (const guidance of [1, 3]) {
      const guided = guidance !== 1 && { unconditional: values(NONE), guidance };
      const model = withConditions(open, { values: values(CLASS), ...guided });
      const grown = await decode(model, recorded.get('seeds') as Floats, { runtime, batch: 3 });
      const theirs = toPixels(recorded.get(`${name} ${guidance}`) as Floats, model.info);
      expect(Math.max(...grown.data.map((value, i) => Math.abs(value - theirs.data[i]!)))).toBeLessThan(1e-4);
      if (guidance === 1) continue;
      const { results } = await embed(model, rows(grown, 1, 2), { runtime, method: 'fixed-point' });
      expect(results[0]!.mse).toBeLessThan(1e-4);
    }
  },
);
