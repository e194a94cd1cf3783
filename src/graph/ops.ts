/**
 * The operators that Seedbed's graphs are made of. Each has a row in the table of shapes (infer.ts) and one in the
 * table of gradient rules (autodiff/rules.ts); composite operators are rewritten into these (lower.ts).
 */
export const OPS = [
  // elementwise, one operand
  'Abs',
  'Cast',
  'Ceil',
  'Clip',
  'Cos',
  'Elu',
  'Erf',
  'Exp',
  'Floor',
  'Identity',
  'LeakyRelu',
  'Log',
  'Neg',
  'Not',
  'Reciprocal',
  'Relu',
  'Round',
  'Sigmoid',
  'Sign',
  'Sin',
  'Softplus',
  'Sqrt',
  'Tanh',
  // elementwise with broadcasting
  'Add',
  'And',
  'Div',
  'Equal',
  'Greater',
  'GreaterOrEqual',
  'Less',
  'LessOrEqual',
  'Max',
  'Min',
  'Mul',
  'Or',
  'Pow',
  'Sub',
  'Where',
  // linear maps and pooling
  'AveragePool',
  'Conv',
  'ConvTranspose',
  'MatMul',
  'MaxPool',
  'Resize',
  // normalisation over an axis
  'BatchNormalization',
  'LogSoftmax',
  'Softmax',
  // reductions
  'ReduceMax',
  'ReduceMean',
  'ReduceMin',
  'ReduceProd',
  'ReduceSum',
  // shape and place
  'Concat',
  'ConstantOfShape',
  'Expand',
  'Flatten',
  'Gather',
  'GatherElements',
  'Pad',
  'Range',
  'Reshape',
  'ScatterElements',
  'Shape',
  'Slice',
  'Split',
  'Squeeze',
  'Tile',
  'Transpose',
  'Unsqueeze',
] as const;

/**
 * An operator that graphs are made of, by its ONNX name.
 * @group Graphs and gradients
 * @useDeclaredType
 */
export type Op = (typeof OPS)[number];

const known: ReadonlySet<string> = new Set(OPS);

export function isOp(op: string): op is Op {
  return known.has(op);
}
