import type { Value } from '../graph/builder.ts';
import type { Layers } from './layers.ts';

/** What a U-Net's blocks attend with: nothing, pixels (spatial), channels (se), or NAFNet's blocks throughout. */
export type Attention = null | 'spatial' | 'se' | 'naf';

/**
 * The residual block of Asperti et al. 2023 (code): shortcut(x) + conv(swish(conv(norm(x)))), 3x3 convolutions and a
 * 1x1 shortcut where the number of channels changes.
 */
export function residualBlock(
  layers: Layers,
  name: string,
  x: Value,
  channels: number,
  attention: Attention,
): Value {
  const { b } = layers;
  if (attention === 'naf') return nafBlock(layers, name, x, channels);
  const shortcut = layers.channels(x) === channels ? x : layers.conv(`${name}.shortcut`, x, channels, 1);
  const hidden = b.swish(layers.conv(`${name}.conv1`, layers.batchNorm(`${name}.norm`, x), channels, 3));
  const output = layers.conv(`${name}.conv2`, hidden, channels, 3);
  return b.add(shortcut, attention === 'se' ? squeezeExcite(layers, `${name}.se`, output) : output);
}

/** Squeeze-and-excitation, ratio 8 (Hu et al. 2020): channels weighted by a small network of their means. */
export function squeezeExcite(layers: Layers, name: string, x: Value): Value {
  const { b } = layers;
  const channels = layers.channels(x);
  const squeezed = b.mean(x, [2, 3]);
  const hidden = b.op('Relu', [
    layers.conv(`${name}.squeeze`, squeezed, Math.max(1, Math.floor(channels / 8)), 1),
  ]);
  return b.mul(x, b.sigmoid(layers.conv(`${name}.excite`, hidden, channels, 1)));
}

/** x + out(attention over all pixels), one head: softmax(q k^T / sqrt(c)) v (Vaswani et al. 2017). */
export function spatialAttention(layers: Layers, name: string, x: Value): Value {
  const { b } = layers;
  const [, c, h, w] = b.type(x).shape as [unknown, number, number, number];
  const normal = layers.batchNorm(`${name}.norm`, x);
  const pixels = (part: string) => b.reshape(layers.conv(`${name}.${part}`, normal, c, 1), [0, c, h * w]);
  const [q, k, v] = [pixels('query'), pixels('key'), pixels('value')];
  const scores = b.mul(b.matmul(b.transpose(q, [0, 2, 1]), k), b.scalar(1 / Math.sqrt(c)));
  const mixed = b.matmul(v, b.transpose(b.op('Softmax', [scores], { axis: -1 }), [0, 2, 1]));
  return b.add(x, layers.conv(`${name}.out`, b.reshape(mixed, [0, c, h, w]), c, 1, { initialiser: 'zeros' }));
}

/**
 * NAFNet's block (Chen et al. 2022): layer norm, 1x1 to 2c, depthwise 3x3, simple gate, channel attention, 1x1;
 * then the gated feed-forward part; each added with a learned scale that starts at zero.
 */
export function nafBlock(layers: Layers, name: string, x: Value, channels: number): Value {
  const { b } = layers;
  const input = layers.channels(x) === channels ? x : layers.conv(`${name}.shortcut`, x, channels, 1);
  const gate = (v: Value) => {
    const [left, right] = b.split(v, 1, [channels, channels]) as [Value, Value];
    return b.mul(left, right);
  };
  const wide = layers.conv(`${name}.expand`, layers.layerNorm(`${name}.norm1`, input), 2 * channels, 1);
  const gated = gate(layers.conv(`${name}.depthwise`, wide, 2 * channels, 3, { group: 2 * channels }));
  const attended = b.mul(gated, layers.conv(`${name}.attend`, b.mean(gated, [2, 3]), channels, 1));
  const mixed = b.mul(
    layers.conv(`${name}.project`, attended, channels, 1),
    layers.weight(`${name}.beta.weight`, [1, channels, 1, 1], 'zeros'),
  );
  const middle = b.add(input, mixed);
  const forward = gate(
    layers.conv(`${name}.feed`, layers.layerNorm(`${name}.norm2`, middle), 2 * channels, 1),
  );
  const fed = layers.conv(`${name}.forward`, forward, channels, 1);
  return b.add(middle, b.mul(fed, layers.weight(`${name}.gamma.weight`, [1, channels, 1, 1], 'zeros')));
}
