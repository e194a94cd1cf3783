/** Why operators are left out and what to do instead, and which. */
const REASONS: readonly (readonly [reason: string, ops: string])[] = [
  [
    'it repeats a part of the graph as often as the data say; write the loop out before the export',
    'Loop Scan SequenceMap',
  ],
  ['no denoiser that we know has recurrent layers; write its steps out before the export', 'GRU LSTM RNN'],
  [
    'it draws random numbers, and one seed must always grow one picture; make them an input',
    'Bernoulli Multinomial RandomNormal RandomNormalLike RandomUniform RandomUniformLike',
  ],
  [
    'it computes in 8 bits; export the model in float32 or float16, or store its weights alone in 8 bits',
    'ConvInteger DynamicQuantizeLinear MatMulInteger QLinearConv QLinearMatMul QuantizeLinear',
  ],
  ['how much it gives depends on data; use a mask in its place', 'Compress NonMaxSuppression NonZero Unique'],
  [
    'lists and optional values are not supported; export tensors',
    'ConcatFromSequence Optional OptionalGetElement OptionalHasElement SequenceAt SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength SplitToSequence',
  ],
  [
    'text and files are no input of a denoiser; give it numbers',
    'ImageDecoder RegexFullMatch StringConcat StringNormalizer StringSplit TfIdfVectorizer',
  ],
  [
    'it is a loss of training; export the network alone, after model.eval() in PyTorch',
    'NegativeLogLikelihoodLoss SoftmaxCrossEntropyLoss',
  ],
  ['only language models keep a cache of keys and values', 'TensorScatter'],
  [
    'spectra are not supported; write the transform as a product with a matrix of cosines and sines',
    'BlackmanWindow DFT HammingWindow HannWindow MelWeightMatrix STFT',
  ],
  ['ONNX replaced it before operator set 13; export the model again', 'Scatter Upsample'],
  [
    'no denoiser that we know has it; write it with operators that are supported',
    'AffineGrid BitCast BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor CumProd DeformConv Det GlobalLpPool Hardmax LRN LpPool MaxRoiPool MaxUnpool ReverseSequence RoiAlign',
  ],
];

/** The operators of ONNX that Seedbed leaves out, and why. */
export const REFUSED: ReadonlyMap<string, string> = new Map(
  REASONS.flatMap(([reason, ops]) => ops.split(' ').map(op => [op, reason] as const)),
);
