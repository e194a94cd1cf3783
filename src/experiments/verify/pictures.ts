import { frechetDistance, momentsOf } from '../../quality/frechet.ts';
import { linearError, seenBy } from '../../quality/linear.ts';
import { nearestDistances, shareWithin } from '../../quality/neighbours.ts';
import { average } from '../../tensor/statistics.ts';
import { type Floats, float32 } from '../../tensor/tensor.ts';
import { type Check, EXACT, near, nearly, nothing, SIGMAS, walsh } from './row.ts';

/** 64 points of mean m and covariance 64 / 63 M M'. */
function pointsOf([a, b, c, d]: readonly number[], [x, y]: readonly number[]): Floats {
  const { data } = walsh(2, [64]);
  const at = (i: number) => [
    a! * data[i]! + b! * data[64 + i]! + x!,
    c! * data[i]! + d! * data[64 + i]! + y!,
  ];
  return float32(
    [64, 2],
    Float32Array.from({ length: 128 }, (_, i) => at(i >> 1)[i % 2]!),
  );
}

export const frechet: Check = {
  title: 'the Frechet distance',
  run() {
    const one = momentsOf(pointsOf([2, 0, 1, 1], [0, 0]));
    const other = momentsOf(pointsOf([1, 1, 0, 2], [0.3, -0.4]));
    // C1 = [4 2; 2 2] and C2 = [2 2; 2 4] do not commute. In the plane the trace of the root of C1 C2 is
    // (tr C1 C2 + 2 (det C1 C2)^1/2)^1/2.
    const shared = Math.sqrt(24 + 2 * Math.sqrt(16));
    return [
      nearly(
        'of two sets in the plane',
        0.25 + (64 / 63) * (12 - 2 * shared),
        frechetDistance(one, other),
        EXACT,
      ),
      nothing('of a set and itself', frechetDistance(one, one), EXACT),
    ];
  },
};

export const neighbours: Check = {
  title: 'precision, recall and nearest neighbours',
  run() {
    // A line of points 1 apart, whose third neighbours are 2 away; above its middle points .1 apart, from .05 to 3.95.
    const line = float32(
      [41, 2],
      Float32Array.from({ length: 82 }, (_, i) => (i % 2 ? 0 : (i >> 1) - 20)),
    );
    const above = float32(
      [40, 2],
      Float32Array.from({ length: 80 }, (_, i) => (i % 2 ? (i >> 1) / 10 + 0.05 : 0)),
    );
    return [
      near('share of a column of points within a line of points', 0.5, shareWithin(above, line), EXACT),
      near('of the line within the column', 1 / 41, shareWithin(line, above), EXACT),
      near('mean distance of the column from the line', 2, average(nearestDistances(above, line)), EXACT),
    ];
  },
};

export const linear: Check = {
  title: 'the best linear denoiser: its error on Gaussian data',
  run(bench) {
    const [count, dims, known] = [400, 64, 32];
    // Of one variance along the first half of the axes, which the denoiser knows, and of another along the rest.
    const [variance, beyond] = [0.6, 0.1];
    const { data } = bench.noise([count, dims], 'verify linear data');
    const pictures = float32(
      [count, dims],
      data.map((z, i) => Math.sqrt(i % dims < known ? variance : beyond) * z),
    );
    const axes = float32(
      [known, dims],
      Float32Array.from({ length: known * dims }, (_, i) => (Math.floor(i / dims) === i % dims ? 1 : 0)),
    );
    const moments = {
      mean: float32([dims], new Float32Array(dims)),
      variances: new Float64Array(known).fill(variance),
      components: axes,
    };
    const seen = seenBy(moments, pictures);
    const noise = bench.noise([count, known], 'verify linear noise');
    return [0.95, 0.5, 0.1].map(noiseRate => {
      const rates = { noiseRate, signalRate: Math.sqrt(1 - noiseRate ** 2) };
      const within = (variance * noiseRate ** 2) / (rates.signalRate ** 2 * variance + noiseRate ** 2);
      const chance = SIGMAS * Math.hypot(within, beyond) * Math.sqrt(1 / (2 * count * known));
      const got = linearError(moments, seen, noise, rates);
      return near(`noise rate ${noiseRate}`, (within + beyond) / 2, got, chance);
    });
  },
};
