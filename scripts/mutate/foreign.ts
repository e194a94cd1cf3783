import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, StringStringEntryProtoSchema, TensorProto_DataLocation } from 'onnx-buf';
import { GraphBuilder } from '../../src/graph/builder.ts';
import { serializeModel } from '../../src/graph/protobuf.ts';
import { writeNpy } from '../../src/tensor/npy.ts';
import { float32 } from '../../src/tensor/tensor.ts';
import { json, oracle, SHAPE } from './samples.ts';

// Small sound folders of models that other programs export.

/** A graph with its weights in a file beside it. */
export const external = () => {
  const bytes = serializeModel(oracle.graph);
  const model = fromBinary(ModelProtoSchema, bytes);
  const data: Uint8Array[] = [];
  let offset = 0;
  for (const weight of model.graph!.initializer) {
    data.push(weight.rawData);
    const entries = { location: 'model.onnx.data', offset: `${offset}`, length: `${weight.rawData.length}` };
    weight.externalData = Object.entries(entries).map(([key, value]) =>
      create(StringStringEntryProtoSchema, { key, value }),
    );
    weight.dataLocation = TensorProto_DataLocation.EXTERNAL;
    offset += weight.rawData.length;
    weight.rawData = new Uint8Array(0);
  }
  return { 'model.onnx': toBinary(ModelProtoSchema, model), 'model.onnx.data': Buffer.concat(data) };
};

/** A graph from elsewhere that adds a further input, and its description. */
export const described = () => {
  const { seedbed: _, kind: __, ...info } = oracle.info;
  const b = new GraphBuilder('unet');
  const x = b.input(info.inputs.image, 'float32', ['N', ...SHAPE]);
  const level = b.input(info.inputs.level, 'float32', ['N', 1, 1, 1]);
  const text = b.input('text', 'float32', ['N', ...SHAPE]);
  const y = b.add(b.mul(x, level), text);
  return {
    'unet.onnx': serializeModel(b.build({ [info.output]: b.concat([y, y], 1) })),
    'text.npy': writeNpy(float32(SHAPE, new Float32Array(64))),
    'model.json': json({ ...info, outputChannels: [0], fixedInputs: { text: 'text.npy' } }),
  };
};

/** A diffusers folder. */
export const diffusers = () => {
  const b = new GraphBuilder('unet');
  const x = b.input('sample', 'float32', ['N', 1, 'height', 'width']);
  const step = b.reshape(b.cast(b.input('timestep', 'int64', ['N']), 'float32'), [0, 1, 1, 1]);
  return {
    'unet/model.onnx': serializeModel(b.build({ out_sample: b.add(x, step) })),
    'unet/config.json': json({ in_channels: 1, out_channels: 1, sample_size: [8, 8] }),
    'scheduler/scheduler_config.json': json({
      _class_name: 'DDIMScheduler',
      num_train_timesteps: 20,
      beta_schedule: 'linear',
      beta_start: 0.0001,
      beta_end: 0.02,
      prediction_type: 'epsilon',
      clip_sample: true,
      clip_sample_range: 1,
      steps_offset: 1,
      timestep_spacing: 'leading',
      trained_betas: null,
    }),
  };
};
