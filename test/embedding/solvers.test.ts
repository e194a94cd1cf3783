import { describe, expect, test } from 'vitest';
import { solveFixedPoint } from '../../src/embedding/inversion/fixed-point.ts';
import { minimise, type Slope } from '../../src/embedding/inversion/lbfgs.ts';
import { solveByNewton } from '../../src/embedding/inversion/newton.ts';
import { createWhitener } from '../../src/embedding/inversion/renoise.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import { normals } from '../../src/tensor/random.ts';
import { combine, norms } from '../../src/tensor/rowwise.ts';
import { type Floats, float32, rows } from '../../src/tensor/tensor.ts';
import { relativeError } from '../support.ts';

const runtime = await createRuntime({ threads: 1 });

/** A function of rows from one of plain numbers. */
const rowwise =
  (f: (row: number[]) => { value: number; gradient: number[] }) =>
  async (x: Floats): Promise<Slope> => {
    const each = Array.from({ length: x.shape[0]! }, (_, row) => f(Array.from(rows(x, row, row + 1).data)));
    return {
      values: Float64Array.from(each, ({ value }) => value),
      gradient: float32(
        x.shape,
        each.flatMap(({ gradient }) => gradient),
      ),
    };
  };

describe('the limited-memory BFGS method', () => {
  const bends = [1, 3, 10, 40];
  const wells = [0.5, -2, 1, 3];
  const quadratic = rowwise(x => ({
    value: x.reduce((sum, v, i) => sum + (bends[i]! * (v - wells[i]!) ** 2) / 2, 7),
    gradient: x.map((v, i) => bends[i]! * (v - wells[i]!)),
  }));

  test('finds the minimum of a quadratic, and says its value', async () => {
    const start = normals({ seed: 1, purpose: 'start' }, [3, 4]);
    const { x, values } = await minimise(quadratic, start, { iterations: 40, memory: 4 });
    expect(relativeError(x, float32([3, 4], [...wells, ...wells, ...wells]))).toBeLessThan(1e-4);
    for (const value of values) expect(value).toBeCloseTo(7, 6);
  });

  test('goes down the valley of Rosenbrock from different sides, each row its own way', async () => {
    const rosenbrock = rowwise(([x = 0, y = 0]) => ({
      value: (1 - x) ** 2 + 100 * (y - x * x) ** 2,
      gradient: [-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)],
    }));
    const start = float32([3, 2], [-1.2, 1, 2, 2, 0, 0]);
    const all = await minimise(rosenbrock, start, { iterations: 150, memory: 10 });
    expect(relativeError(all.x, float32([3, 2], [1, 1, 1, 1, 1, 1]))).toBeLessThan(1e-3);
    const alone = await minimise(rosenbrock, rows(start, 0, 1), { iterations: 150, memory: 10 });
    expect(relativeError(alone.x, rows(all.x, 0, 1))).toBeLessThan(1e-3);
  });

  test('never ends above where it has been, and asks as often as it was told', async () => {
    // A saw tooth makes full steps overshoot.
    const rough = rowwise(x => ({
      value: x.reduce((sum, v) => sum + v * v + Math.sin(9 * v), 0),
      gradient: x.map(v => 2 * v + 9 * Math.cos(9 * v)),
    }));
    const start = normals({ seed: 2, purpose: 'start' }, [5, 4]);
    let asked = 0;
    const counted = (x: Floats) => {
      asked++;
      return rough(x);
    };
    const { x, values, history } = await minimise(counted, start, { iterations: 25, memory: 5 });
    expect(asked).toBe(25);
    expect(history).toHaveLength(25);
    const there = await rough(x);
    values.forEach((value, row) => {
      expect(value).toBe(Math.min(...history.map(at => at[row]!)));
      expect(there.values[row]).toBeCloseTo(value, 9);
    });
  });

  test('leaves a row alone whose function gives no numbers away from its start', async () => {
    const cliff = rowwise(x => ({
      value: x[0] === 4 ? 1 : Number.NaN,
      gradient: [1, 1, 1, 1],
    }));
    const start = float32([1, 4], [4, 0, 0, 0]);
    const { x, values } = await minimise(cliff, start, { iterations: 10, memory: 5 });
    expect(x).toEqual(start);
    expect(values[0]).toBe(1);
  });
});

describe("Newton's method", () => {
  const factors = [0.3, -0.8, 1.6, -2];
  const b = normals({ seed: 1, purpose: 'b' }, [2, 4]);
  const scaled = (x: Floats, by: (factor: number) => number) =>
    float32(
      x.shape,
      x.data.map((value, i) => by(factors[i % 4]!) * value),
    );
  const options = { tolerance: 1e-6, outer: 6, krylov: 4 };
  const exact = float32(
    b.shape,
    b.data.map((value, i) => value / (1 - factors[i % 4]!)),
  );

  test('solves a linear map that repels in one step of as many dimensions, and counts', async () => {
    let passes = 0;
    const g = async (x: Floats) => {
      passes++;
      return combine([1, scaled(x, factor => factor)], [1, b]);
    };
    const slope = async (_: Floats, v: Floats) => {
      passes += 2;
      return scaled(v, factor => 1 - factor);
    };
    const once = await solveByNewton(g, slope, b, { ...options, outer: 1 });
    expect(relativeError(once.x, exact)).toBeLessThan(1e-4);
    passes = 0;
    const found = await solveByNewton(g, slope, b, options);
    expect(relativeError(found.x, exact)).toBeLessThan(1e-5);
    expect(Math.max(...found.residuals)).toBeLessThanOrEqual(1e-6);
    expect(found.evaluations).toBe(passes);
    // With fewer dimensions it takes more steps.
    const short = await solveByNewton(g, slope, b, { ...options, krylov: 2, outer: 1 });
    expect(relativeError(short.x, exact)).toBeGreaterThan(1e-2);
  });

  test('takes no step that makes a residual larger', async () => {
    // Where the slope is wrong in sign, full steps lead away.
    const g = async (x: Floats) => combine([1, scaled(x, factor => factor)], [1, b]);
    const wrong = async (_: Floats, v: Floats) => scaled(v, factor => factor - 1);
    const found = await solveByNewton(g, wrong, b, options);
    const guess = await g(b);
    const lengths = norms(guess);
    const start = norms(combine([1, await g(guess)], [-1, guess])).map((norm, row) => norm / lengths[row]!);
    found.residuals.forEach((residual, row) => {
      expect(residual).toBeLessThanOrEqual(start[row]!);
    });
  });

  test('and the fixed-point iteration call no row solved whose map gives no number', async () => {
    const g = async (x: Floats) =>
      float32(
        x.shape,
        x.data.map((value, i) => (i < 4 ? Number.NaN : value / 2)),
      );
    const slope = async (_: Floats, v: Floats) => combine([0.5, v]);
    for (const { residuals } of [
      await solveByNewton(g, slope, b, options),
      await solveFixedPoint(g, { state: b }, { memory: 4, damping: 0.5, tolerance: 1e-6, iterations: 60 }),
    ]) {
      expect(residuals[0]).toBe(Number.POSITIVE_INFINITY);
      expect(residuals[1]).toBeLessThan(1);
    }
  });
});

test('the evaluations of a fixed-point iteration are its calls', async () => {
  let calls = 0;
  const halved = async (x: Floats) => {
    calls++;
    return combine([0.5, x], [1, float32(x.shape, new Array(x.data.length).fill(1))]);
  };
  const start = normals({ seed: 3, purpose: 'start' }, [2, 4]);
  const plain = { memory: 0, damping: 1, tolerance: 1e-6, iterations: 100 };
  expect((await solveFixedPoint(halved, { state: start }, plain)).evaluations).toBe(calls);
  expect(calls).toBeLessThan(30);
  const hasty = await solveFixedPoint(halved, { state: start }, { ...plain, iterations: 1 });
  expect([hasty.evaluations, hasty.x]).toEqual([1, await halved(start)]);
});

describe('whitening', () => {
  const shape = [2, 2, 16, 16];
  const [count, channels, side] = [2, 2, 16];
  const noise = (purpose: string) => normals({ seed: 4, purpose }, shape);
  const at = (row: number, channel: number, i: number, j: number) =>
    ((row * channels + channel) * side + ((i + side) % side)) * side + ((j + side) % side);
  /** Correlation of neighbours along a row, as a share of the variance. */
  const correlation = ({ data }: Floats) => {
    let [together, alone] = [0, 0];
    for (let row = 0; row < count; row++)
      for (let c = 0; c < channels; c++)
        for (let i = 0; i < side; i++)
          for (let j = 0; j < side; j++) {
            const value = data[at(row, c, i, j)]!;
            together += value * data[at(row, c, i, j + 1)]!;
            alone += value ** 2;
          }
    return together / alone;
  };
  const blurred = (x: Floats) =>
    float32(
      shape,
      x.data.map((_, index) => {
        const [j, i] = [index % side, Math.floor(index / side) % side];
        const c = Math.floor(index / side ** 2) % channels;
        const row = Math.floor(index / (channels * side ** 2));
        const near = [-1, 0, 1].flatMap(di => [-1, 0, 1].map(dj => x.data[at(row, c, i + di, j + dj)]!));
        return near.reduce((sum, value) => sum + value, 0) / 3;
      }),
    );

  test('lowers the correlation of blurred noise and leaves white noise nearly alone', async () => {
    const whitener = await createWhitener(runtime, shape);
    const [white, reference] = [noise('white'), noise('reference')];
    const smooth = blurred(white);
    const whitened = await whitener.whiten(smooth, reference);
    expect(correlation(smooth)).toBeGreaterThan(0.5);
    expect(correlation(whitened)).toBeLessThan(0.9 * correlation(smooth));
    const moved = relativeError(await whitener.whiten(white, reference), white);
    expect(moved).toBeLessThan(relativeError(whitened, smooth) / 2);
    expect(moved).toBeLessThan(0.1);
    await whitener.dispose();
  });

  test('leaves the rows of a batch to themselves', async () => {
    const [both, one] = await Promise.all([2, 1].map(n => createWhitener(runtime, [n, ...shape.slice(1)])));
    const [smooth, reference] = [blurred(noise('white')), noise('reference')];
    const alone = await one!.whiten(rows(smooth, 1, 2), rows(reference, 1, 2));
    expect(relativeError(rows(await both!.whiten(smooth, reference), 1, 2), alone)).toBeLessThan(1e-5);
    await Promise.all([both!.dispose(), one!.dispose()]);
  });

  test('steps down the gradient of its two energies', async () => {
    // Both written down anew in double precision, for one picture of one channel, and differentiated by differences.
    const side = 16;
    const pooled = (e: number[], size: number) =>
      Array.from({ length: (size / 2) ** 2 }, (_, k) => {
        const [i, j] = [2 * Math.floor(k / (size / 2)), 2 * (k % (size / 2))];
        return (
          (e[i * size + j]! + e[i * size + j + 1]! + e[(i + 1) * size + j]! + e[(i + 1) * size + j + 1]!) / 4
        );
      });
    const pairs = (e: number[], size: number) => {
      const along = (di: number, dj: number) =>
        e.reduce((sum, value, k) => {
          const [i, j] = [Math.floor(k / size), k % size];
          return sum + value * e[((i + di) % size) * size + ((j + dj) % size)]!;
        }, 0) / e.length;
      return (e.length / 2) * (along(0, 1) ** 2 + along(1, 0) ** 2);
    };
    const moments = (e: number[], k: number) => {
      const [i, j] = [4 * Math.floor(k / 4), 4 * (k % 4)];
      const patch = Array.from({ length: 16 }, (_, p) => e[(i + Math.floor(p / 4)) * side + j + (p % 4)]!);
      const mean = patch.reduce((sum, value) => sum + value, 0) / 16;
      return { mean, variance: patch.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 16 + 1e-6 };
    };
    const divergence = (e: number[], reference: number[]) =>
      Array.from({ length: 16 }, (_, k) => {
        const [own, other] = [moments(e, k), moments(reference, k)];
        const apart = (own.variance + (own.mean - other.mean) ** 2) / other.variance;
        return Math.abs(Math.log(other.variance / own.variance) + apart - 1);
      }).reduce((sum, value) => sum + value, 0);
    const energy = (e: number[], reference: number[]) =>
      0.05 * (pairs(e, 16) + pairs(pooled(e, 16), 8)) + 0.065 * divergence(e, reference);

    const [start, likeness] = ['e', 'reference'].map(purpose =>
      normals({ seed: 6, purpose }, [1, 1, 16, 16]),
    );
    const reference = Array.from(likeness!.data);
    let e = Array.from(start!.data);
    for (let step = 0; step < 4; step++)
      e = e.map((value, k) => {
        const [up, down] = [1e-4, -1e-4].map(by => energy(e.with(k, value + by), reference));
        return value - (up! - down!) / 2e-4;
      });
    const whitener = await createWhitener(runtime, [1, 1, 16, 16]);
    const whitened = await whitener.whiten(start!, likeness!);
    await whitener.dispose();
    const moved = (to: ArrayLike<number>) =>
      float32(
        start!.shape,
        start!.data.map((value, k) => to[k]! - value),
      );
    expect(relativeError(moved(whitened.data), moved(e))).toBeLessThan(1e-3);
  });
});
