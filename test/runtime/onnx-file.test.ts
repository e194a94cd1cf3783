import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GraphBuilder } from '../../src/graph/builder.ts';
import { parseModel, serializeModel } from '../../src/graph/protobuf.ts';
import { readOnnx } from '../../src/runtime/node.ts';
import { readOnnxFile } from '../../src/runtime/onnx-file.ts';
import { float32, toNumbers } from '../../src/tensor/tensor.ts';
import { HAS_ONNX, python } from '../python.ts';
import { runGraph } from '../support.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'seedbed-onnx-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** y = x w with a weight of three rows. */
function product() {
  const b = new GraphBuilder('product');
  const weight = b.constant(float32([3, 2], [1, 2, 3, 4, 5, 6]), 'w');
  return b.build({ y: b.matmul(b.input('x', 'float32', ['N', 3]), weight) });
}

test('a model in one file, by its path, its URL or its bytes', async () => {
  const path = join(folder, 'whole.onnx');
  const bytes = serializeModel(product());
  await writeFile(path, bytes);
  for (const source of [path, pathToFileURL(path), bytes]) {
    const read = await readOnnx(source);
    expect(parseModel(read.bytes, read.name, read.files)).toEqual(product());
    expect(read.files.size).toBe(0);
  }
});

describe.skipIf(!HAS_ONNX)("weights in other files (needs Debian's python3-onnx)", () => {
  const SAVE = `
import onnx, sys
model = onnx.load(sys.argv[1])
onnx.save_model(model, sys.argv[2], save_as_external_data=True, all_tensors_to_one_file=sys.argv[3] == 'one',
                location='weights.bin' if sys.argv[3] == 'one' else None, size_threshold=0)
`;

  /** The model as ONNX's own library saves it with its weights elsewhere, in a folder of its own. */
  async function saved(name: string, how: 'one' | 'each'): Promise<string> {
    const inside = join(folder, name);
    await mkdir(inside);
    await writeFile(join(folder, `${name}.onnx`), serializeModel(product()));
    python(SAVE, join(folder, `${name}.onnx`), join(inside, 'model.onnx'), how);
    return join(inside, 'model.onnx');
  }

  test.each(['one', 'each'] as const)('that onnx.save_model wrote: %s', async how => {
    const path = await saved(`saved-${how}`, how);
    const { bytes, files } = await readOnnxFile(path);
    expect([...files.keys()]).toEqual([how === 'one' ? 'weights.bin' : 'w']);
    const graph = parseModel(bytes, path, files);
    expect(graph).toEqual(product());
    const [results] = await runGraph(graph, [{ x: float32([1, 3], [1, 1, 1]) }]);
    expect(toNumbers(results!.y!)).toEqual([9, 12]);
  });

  test('are named where they are not read with the model', async () => {
    const path = await saved('apart', 'one');
    const { bytes } = await readOnnxFile(path);
    expect(() => parseModel(bytes, 'apart.onnx')).toThrow(
      /^apart\.onnx: initializer 'w': .* 'weights\.bin', which was not read with it/,
    );
  });

  test('that are missing are named with the model', async () => {
    const path = await saved('missing', 'one');
    await rm(path.replace('model.onnx', 'weights.bin'));
    await expect(readOnnxFile(path)).rejects.toMatchObject({
      name: 'SeedbedError',
      kind: 'BadArgument',
      message: expect.stringMatching(
        /weights\.bin, where weights of .*model\.onnx lie: there is no such file/,
      ),
    });
  });

  test('of more than 2 GiB are refused before they are read', async () => {
    const path = await saved('huge', 'one');
    await truncate(path.replace('model.onnx', 'weights.bin'), 2 ** 31);
    await expect(readOnnxFile(path)).rejects.toMatchObject({
      kind: 'Unsupported',
      message: expect.stringMatching(/model\.onnx holds 2147\d+ bytes with the files beside it/),
    });
  });

  describe.skipIf(process.platform === 'win32')('behind links', () => {
    test('that lead out of the folder are refused', async () => {
      const path = await saved('outward', 'one');
      const weights = path.replace('model.onnx', 'weights.bin');
      await writeFile(join(folder, 'secret.bin'), new Uint8Array(24));
      await rm(weights);
      await symlink('../secret.bin', weights);
      await expect(readOnnxFile(path)).rejects.toMatchObject({
        kind: 'BadFile',
        message: expect.stringMatching(/'weights\.bin', a link to .*secret\.bin, outside its folder/),
      });
    });

    test('that lead where the model is linked to, too, are followed', async () => {
      // A cache of downloads keeps its files so: by hash in one folder, by name as links in another.
      const kept = await saved('kept', 'one');
      const named = join(folder, 'named');
      await mkdir(named);
      for (const name of ['model.onnx', 'weights.bin'])
        await symlink(kept.replace('model.onnx', name), join(named, name));
      const { bytes, files } = await readOnnxFile(join(named, 'model.onnx'));
      expect(parseModel(bytes, 'linked', files)).toEqual(product());
    });
  });
});
