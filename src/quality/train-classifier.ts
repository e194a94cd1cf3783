import type { Dataset } from '../data/dataset.ts';
import { padImages } from '../data/pixels.ts';
import { Batches } from '../diffusion/batches.ts';
import { type ClassifierConfig, timeless } from '../diffusion/config.ts';
import { paddedShape } from '../diffusion/denoiser-problem.ts';
import { halveWeights } from '../diffusion/model.ts';
import { SeedbedError } from '../errors.ts';
import type { GraphBuilder, Value } from '../graph/builder.ts';
import type { Graph } from '../graph/ir.ts';
import { serializeModel } from '../graph/protobuf.ts';
import { bind } from '../graph/replay.ts';
import { buildClassifier } from '../nn/networks.ts';
import type { TrainingTask } from '../nn/trainer.ts';
import { joinPath, writeAtomic } from '../runtime/files.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { filledRows } from '../tensor/rowwise.ts';
import { type Floats, float32, type Tensor, unstack } from '../tensor/tensor.ts';

/** Held-out pictures on which a classifier is measured, at most, and those that are classified at once. */
const HELD_OUT_IMAGES = 2000;
const BATCH = 50;

export interface ClassifierTraining {
  readonly config: ClassifierConfig;
  readonly dataset: Dataset;
  readonly rng: number;
  readonly out: string;
  /** Goes on from these weights, of a file with this hash. */
  readonly init?: { readonly weights: ReadonlyMap<string, Tensor>; readonly hash: string } | undefined;
}

/**
 * The training of a classifier, whose layer before the scores gives features of pictures: the mean of -log p(class).
 * @throws {SeedbedError} BadArgument when the set's classes are not known, or it is too small.
 */
export async function classifierTask(
  runtime: Runtime,
  { config, dataset, rng, out, init }: ClassifierTraining,
): Promise<TrainingTask> {
  const { heldOut, training } = config;
  const { padding } = config.image;
  const { batch } = training;
  const labels = await labelsOf(dataset, heldOut + batch);
  const classes = labels.reduce((most, label) => Math.max(most, label + 1), 0);
  const shape = paddedShape(dataset, padding);
  const read = async (indices: readonly number[]) => {
    const pixels = await dataset.read(indices);
    return padding > 0 ? padImages(pixels, padding) : pixels;
  };
  const first = dataset.length - heldOut;
  const batches = new Batches(first, rng, batch);
  const kept = Math.min(heldOut, HELD_OUT_IMAGES);
  const name = `${dataset.name.split(':')[0]}-classifier`;
  const measure = async (graph: Graph) =>
    classify(
      runtime,
      graph,
      await read(Array.from({ length: kept }, (_, i) => first + i)),
      labels.subarray(first),
    );
  return {
    network: buildClassifier(config.network, { name, shape, classes }, rng, init?.weights),
    batch,
    about: {
      data: dataset.name,
      items: dataset.length,
      rng,
      init: init?.hash ?? null,
      config: timeless(config),
    },
    loss({ b, network }) {
      const pixels = b.input('pixels', 'float32', [batch, ...shape]);
      const classesOf = b.input('classes', 'float32', [batch, classes]);
      return crossEntropy(b, network({ pixels }).scores!, classesOf);
    },
    async feeds(step) {
      const indices = batches.indices(step);
      return {
        pixels: await read(indices),
        classes: oneHot(
          indices.map(i => labels[i]!),
          classes,
        ),
      };
    },
    async evaluate(graph) {
      const { loss, accuracy } = await measure(graph);
      return { heldOut: loss, details: { accuracy } };
    },
    async save(graph, step) {
      const { accuracy } = await measure(graph);
      const about = { data: dataset.name, classes, steps: step, rng, accuracy, config };
      const file = { ...halveWeights(graph), metadata: new Map([['classifier', JSON.stringify(about)]]) };
      await writeAtomic(joinPath(out, 'model.onnx'), serializeModel(file));
    },
  };
}

/** The classes of a set of at least so many items. */
async function labelsOf(dataset: Dataset, least: number): Promise<Uint8Array> {
  if (!dataset.labels)
    throw new SeedbedError(
      'BadArgument',
      `the classes of ${dataset.name} are not known: a classifier learns from MNIST and its like with their files of labels, from CIFAR-10, or from pictures in folders of their classes (CLASS/NAME.png)`,
    );
  if (dataset.length < least)
    throw new SeedbedError(
      'BadArgument',
      `${dataset.name} has ${dataset.length} items; heldOut and a batch need ${least}. Lower them in the configuration`,
    );
  return dataset.labels();
}

/** The mean of -log p of each picture's class. @param classes [N, K], one 1 per row. */
function crossEntropy(b: GraphBuilder, scores: Value, classes: Value): Value {
  const logarithms = b.op('LogSoftmax', [scores], { axis: -1 });
  const count = b.shape(classes)[0]!;
  return b.mul(b.sumAll(b.mul(logarithms, classes)), b.scalar(-1 / count));
}

function oneHot(labels: readonly number[], classes: number): Floats {
  const rows = new Float32Array(labels.length * classes);
  labels.forEach((label, row) => {
    rows[row * classes + label] = 1;
  });
  return float32([labels.length, classes], rows);
}

/** How well a classifier knows pictures: the mean of -log p of their classes, and the share whose class it scores highest. */
async function classify(runtime: Runtime, graph: Graph, pixels: Floats, labels: Uint8Array) {
  const session = await runtime.load(bind(graph, { N: BATCH }));
  const count = pixels.shape[0]!;
  let [loss, right] = [0, 0];
  try {
    for (let first = 0; first < count; first += BATCH) {
      const { scores } = await session.run({ pixels: filledRows(pixels, first, BATCH) });
      const known = unstack(scores as Floats).slice(0, count - first);
      known.forEach(({ data }, i) => {
        const label = labels[first + i]!;
        const most = data.reduce((a, b) => Math.max(a, b));
        const total = data.reduce((sum, score) => sum + Math.exp(score - most), 0);
        loss += Math.log(total) + most - data[label]!;
        // Classes that score alike share the answer.
        if (data[label] === most) right += 1 / data.filter(score => score === most).length;
      });
    }
  } finally {
    await session.dispose();
  }
  return { loss: loss / count, accuracy: right / count };
}
