import { parseHTML } from 'linkedom/worker';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { scaleOf } from '../../src/figures/axes.ts';
import { type LineFigure, lineFigure } from '../../src/figures/line.ts';
import { type ScatterFigure, scatterFigure } from '../../src/figures/scatter.ts';
import { svgToPng } from '../../src/runtime/svg.ts';

const evaluations = { label: 'network evaluations per picture', log: true };
const error = { label: 'mean squared error of pixels in [0, 1]', log: true };

const METHODS: ScatterFigure = {
  title: 'Distortion against network evaluations',
  x: evaluations,
  y: error,
  points: (
    [
      ['network', 11, 1.1e-2],
      ['naive inversion', 20, 6.3e-3],
      ['fixed points', 60, 2.4e-3],
      ['split inversion', 112, 4.1e-6],
      ['split inversion, accelerated', 150, 1.6e-6],
      ['network + descent', 1211, 8.5e-4],
      ['descent, 100 steps', 2000, 9.5e-4],
      ['descent, 1,000 steps', 20_000, 1.3e-4],
      ['descent, 1,500 steps', 30_000, 1.1e-4],
      ['descent <from & to> "noise"', 27_000, 1.2e-4],
    ] as const
  ).map(([name, x, y]) => ({ name, x, y, yLow: y / 1.3, yHigh: y * 1.3 })),
  notes:
    'First hundred test pictures, ten-step sampler; the bars are 95% bootstrap intervals of the mean. '.repeat(
      3,
    ),
};
const FAMILIES: ScatterFigure = {
  ...METHODS,
  points: METHODS.points.map(point => ({
    ...point,
    group: point.name.startsWith('descent') ? 'descent' : 'others',
  })),
  joined: true,
};
const CURVES: LineFigure = {
  title:
    'Loss on held-out pictures, a title that is so long that it needs more than the one line that there is',
  x: { label: 'training step' },
  y: error,
  series: ['U-Net', 'convolutions only', 'ridge regression', 'a network whose name needs several lines'].map(
    (name, k) => {
      const loss = (step: number) => 0.004 * (k / 10 + 1) + 0.2 * Math.exp(-step / (2000 + 900 * k));
      const steps = Array.from({ length: 21 }, (_, i) => i * 1000);
      return {
        name,
        points: steps.map(step => [step, loss(step)] as const),
        band: steps.map(step => [step, loss(step) * 0.9, loss(step) * 1.1] as const),
        dashed: k === 2,
      };
    },
  ),
};
const SVGS: Readonly<Record<string, () => string>> = {
  methods: () => scatterFigure(METHODS),
  families: () => scatterFigure(FAMILIES),
  curves: () => lineFigure(CURVES),
  'many curves': () =>
    lineFigure({
      ...CURVES,
      series: Array.from({ length: 30 }, () => CURVES.series)
        .flat()
        .slice(0, 30),
    }),
  'a small figure': () => lineFigure({ ...CURVES, width: 360, height: 360 }),
};

const parse = (svg: string) => parseHTML(`<body>${svg}</body>`).document;

interface Text {
  readonly text: string;
  readonly x: number;
  readonly y: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** What is inherited in SVG: from the element, or the nearest around it that says. */
function inherited(element: Element, name: string): string {
  for (let at: Element | null = element; at; at = at.parentElement)
    if (at.hasAttribute(name)) return at.getAttribute(name)!;
  return '';
}

/** How far an element is moved by its own transform and those around it. */
function moved(element: Element): [number, number] {
  let [x, y] = [0, 0];
  for (let at: Element | null = element; at; at = at.parentElement) {
    const [, dx = 0, dy = 0] =
      /translate\(([-\d.]+),([-\d.]+)\)/.exec(at.getAttribute('transform') ?? '') ?? [];
    x += +dx;
    y += +dy;
  }
  return [x, y];
}

/** Every text of the picture with about the box it takes: letters of half an em, which is about Helvetica's mean. */
function textsOf(svg: string): Text[] {
  return [...parse(svg).querySelectorAll('text')].map(element => {
    const text = element.textContent ?? '';
    const size = +inherited(element, 'font-size');
    const length = (value: string | null) =>
      value?.endsWith('em') ? parseFloat(value) * size : +(value ?? 0);
    const [dx, dy] = moved(element);
    const x = dx + length(element.getAttribute('x'));
    const y = dy + length(element.getAttribute('y'));
    const width = text.length * size * 0.5;
    const left = x - width * ({ start: 0, middle: 0.5, end: 1 }[inherited(element, 'text-anchor')] ?? 0);
    return { text, x, y, left, right: left + width, top: y - 0.75 * size, bottom: y + 0.2 * size };
  });
}

/** The value that the axis says a pixel is, from two of its numbers. */
function inverse(svg: string, axis: 'x' | 'y', log: boolean): (pixel: number) => number {
  const elements = [...parse(svg).querySelectorAll(`[aria-label="${axis}-axis tick label"] text`)];
  const digits = '⁰¹²³⁴⁵⁶⁷⁸⁹';
  const numberOf = (text: string) => {
    const [, power] = /^10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)$/u.exec(text) ?? [];
    if (!power) return Number(text.replaceAll(',', '').replace('−', '-'));
    return Number(`1e${Array.from(power, sign => (sign === '⁻' ? '-' : digits.indexOf(sign))).join('')}`);
  };
  const ticks = elements.map(element => {
    const at = /translate\(([-\d.]+),([-\d.]+)\)/.exec(element.getAttribute('transform')!)!;
    const value = numberOf(element.textContent!);
    return { pixel: +at[axis === 'x' ? 1 : 2]!, along: log ? Math.log(value) : value };
  });
  const [a, b] = [ticks[0]!, ticks.at(-1)!];
  return pixel => {
    const along = a.along + ((pixel - a.pixel) / (b.pixel - a.pixel)) * (b.along - a.along);
    return log ? Math.exp(along) : along;
  };
}

/** Where the symbols of the first group or series are. */
function dots(svg: string): [number, number][] {
  const group = [...parse(svg).querySelectorAll('[aria-label="dot"]')].find(it =>
    it.querySelector('circle'),
  )!;
  return [...group.querySelectorAll('circle')].map(circle => [
    Number(circle.getAttribute('cx')),
    Number(circle.getAttribute('cy')),
  ]);
}

const shared = (a: Text, b: Text) =>
  Math.min(a.right, b.right) > Math.max(a.left, b.left) &&
  Math.min(a.bottom, b.bottom) > Math.max(a.top, b.top);

describe.each(Object.entries(SVGS))('%s', (_, make) => {
  const svg = make();

  test('is the same bytes each time, also on a document that is passed', () => {
    expect(make()).toBe(svg);
    const { document } = parseHTML('<html></html>');
    expect(scatterFigure({ ...METHODS, document })).toBe(scatterFigure(METHODS));
  });

  test('stands alone: sized, on white, without styles, ids or links', () => {
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" width="\d+" height="\d+" /);
    expect(svg).toMatch(/<rect width="\d+" height="\d+" fill="#fff"\/>/);
    expect(svg).not.toMatch(/<style|\bid=|href|url\(/);
  });

  test('has all its text inside', () => {
    const [, width, height] = /width="(\d+)" height="(\d+)"/.exec(svg)!.map(Number);
    const outside = textsOf(svg).filter(
      ({ left, right, top, bottom }) => left < 0 || right > width! || top < 0 || bottom > height!,
    );
    expect(outside).toEqual([]);
  });

  test('has no text on another', () => {
    const texts = textsOf(svg).filter(({ text }) => text !== '');
    expect(texts.length).toBeGreaterThan(10);
    const pairs = texts.flatMap((a, i) => texts.slice(i + 1).map(b => [a, b] as const));
    expect(pairs.filter(([a, b]) => shared(a, b)).map(([a, b]) => `${a.text} | ${b.text}`)).toEqual([]);
  });

  test('is well-formed XML that becomes a PNG of its size', async () => {
    const [, width, height] = /width="(\d+)" height="(\d+)"/.exec(svg)!.map(Number);
    const png = await svgToPng(svg, 2);
    const { format, hasAlpha, ...size } = await sharp(png).metadata();
    expect([format, hasAlpha, size.width, size.height]).toEqual(['png', false, width! * 2, height! * 2]);
    const { data } = await sharp(png).extract({ left: 0, top: 0, width: 1, height: 1 }).raw().toBuffer({
      resolveWithObject: true,
    });
    expect([...data]).toEqual([255, 255, 255]);
    expect((await sharp(png).stats()).channels[0]!.stdev).toBeGreaterThan(5);
  });
});

describe('the data lie where the axes say', () => {
  test('on logarithmic axes', () => {
    const svg = scatterFigure(METHODS);
    const [toX, toY] = [inverse(svg, 'x', true), inverse(svg, 'y', true)];
    const found = dots(svg).map(([x, y]) => [toX(x), toY(y)]);
    expect(found).toHaveLength(METHODS.points.length);
    for (const [i, { x, y }] of METHODS.points.entries()) {
      expect(found[i]![0]! / x).toBeCloseTo(1, 3);
      expect(found[i]![1]! / y).toBeCloseTo(1, 3);
    }
  });

  test('an axis of one number but for rounding tells no two apart', () => {
    const axis = { label: 'y', log: true };
    for (const log of [false, true]) {
      const texts = scaleOf({ ...axis, log }, [0.3, 0.1 + 0.2], 6, true).ticks.map(({ text }) => text);
      expect(new Set(texts).size).toBe(texts.length);
      expect(texts.length).toBeGreaterThan(1);
    }
  });

  test.each([
    [[[-3, -1.5] as const, [0, 0.25] as const, [10, 4] as const]],
    [[[1, 1e-3] as const, [2, 1.5e-3] as const]],
    [[[0, 120_000] as const, [1, 480_000] as const]],
    [[[5, 7] as const]],
    // One number but for rounding.
    [[[0, 0.3] as const, [1, 0.1 + 0.2] as const]],
  ])('on linear axes: %j', points => {
    const svg = lineFigure({
      title: 'A line',
      x: { label: 'x (s)' },
      y: { label: 'y (m)' },
      series: [{ name: 'one', points }],
    });
    const [toX, toY] = [inverse(svg, 'x', false), inverse(svg, 'y', false)];
    const spread = Math.max(...points.map(point => Math.abs(point[1])));
    for (const [i, [x, y]] of dots(svg).slice(0, points.length).entries()) {
      expect(toX(x)).toBeCloseTo(points[i]![0], 2);
      expect(toY(y) / spread).toBeCloseTo(points[i]![1] / spread, 3);
    }
  });

  test('and a name stands nearer to its point than any other name', () => {
    const svg = scatterFigure(METHODS);
    const texts = textsOf(svg);
    const away = ([x, y]: [number, number], it: Text) =>
      Math.hypot(Math.max(it.left - x, 0, x - it.right), Math.max(it.top - y, 0, y - it.bottom));
    // Where a line leads to a name it may stand further away; here the last three points are that near to each other.
    for (const [i, dot] of dots(svg).slice(0, 7).entries()) {
      const names = texts.filter(({ text }) => METHODS.points.some(({ name }) => name === text));
      const [nearest] = names.sort((a, b) => away(dot, a) - away(dot, b));
      expect(nearest!.text).toBe(METHODS.points[i]!.name);
    }
  });
});

test('numbers on an axis are as people write them', () => {
  const numbers = (low: number, high: number, log = false) => {
    const points = [[1, low] as const, [2, high] as const];
    const svg = lineFigure({
      title: 'Numbers',
      x: { label: 'x' },
      y: { label: 'y', log },
      series: [{ name: '', points }],
    });
    const labels = parse(svg).querySelectorAll('[aria-label="y-axis tick label"] text');
    return [...labels].map(element => element.textContent);
  };
  expect(numbers(0, 1)).toEqual(['0.0', '0.2', '0.4', '0.6', '0.8', '1.0']);
  expect(numbers(-2, 2)).toEqual(['−2', '−1', '0', '1', '2']);
  expect(numbers(0, 5e6)).toEqual(['0', '10⁶', '2×10⁶', '3×10⁶', '4×10⁶', '5×10⁶']);
  expect(numbers(0, 4e-5)).toEqual(['0', '10⁻⁵', '2×10⁻⁵', '3×10⁻⁵', '4×10⁻⁵']);
  expect(numbers(0.02, 0.5, true)).toEqual(['0.02', '0.05', '0.1', '0.2', '0.5']);
  expect(numbers(2.1, 4.8, true)).toEqual(['2', '5']);
  expect(numbers(1.05, 1.9, true)).toEqual(['1', '2']);
  expect(numbers(0.2, 0.7)).toEqual(['0.2', '0.3', '0.4', '0.5', '0.6', '0.7']);
  expect(numbers(1e-6, 1e-2, true)).toEqual(['10⁻⁶', '10⁻⁵', '10⁻⁴', '10⁻³', '10⁻²']);
  expect(numbers(1, 1e4, true)).toEqual(['1', '10', '100', '1,000', '10,000']);
});

describe('what cannot be drawn is refused in words', () => {
  const line = (series: LineFigure['series'], more: Partial<LineFigure> = {}) => {
    return () => lineFigure({ title: 'Loss', x: evaluations, y: error, series, ...more });
  };
  const scatter = (points: ScatterFigure['points']) => () =>
    scatterFigure({ ...METHODS, title: 'Loss', points });
  const one = [{ name: 'a', points: [[1, 1] as const] }];

  test.each<[string, () => string, string]>([
    ['no series', line([]), "figure 'Loss' has no series"],
    ['no points', scatter([]), "figure 'Loss' has no points"],
    ['an empty series', line([{ name: 'U-Net', points: [] }]), "series 'U-Net' has no points"],
    [
      'zero on a logarithmic axis',
      line([{ name: 'U-Net', points: [[1, 0]] }]),
      "figure 'Loss': series 'U-Net', point 1: y is 0; a logarithmic axis shows numbers above 0",
    ],
    [
      'a negative number on a logarithmic axis',
      scatter([{ name: 'descent', x: -3, y: 1 }]),
      "figure 'Loss': point 'descent': x is -3; a logarithmic axis",
    ],
    [
      'a bar down to zero on a logarithmic axis',
      scatter([{ name: 'descent', x: 3, y: 1, yLow: 0 }]),
      "point 'descent': yLow is 0; a logarithmic axis",
    ],
    [
      'a band down to zero on a logarithmic axis',
      line([{ name: 'U-Net', points: [[1, 1]], band: [[1, 0, 2]] }]),
      "series 'U-Net', band 1: the lower end is 0; a logarithmic axis",
    ],
    [
      'what is not a number',
      line([
        {
          name: 'U-Net',
          points: [
            [1, 1],
            [2, Number.NaN],
          ],
        },
      ]),
      "series 'U-Net', point 2: y is NaN; a figure shows finite numbers only",
    ],
    [
      'no room',
      line(one, { width: 120, height: 100 }),
      '120 x 100 pixels leave too little room for the data',
    ],
  ])('%s', (_, make, message) => {
    expect(make).toThrowError(
      expect.objectContaining({ kind: 'BadArgument', message: expect.stringContaining(message) }),
    );
  });

  test('a PNG of what is no SVG, or of no size', async () => {
    await expect(svgToPng('<svg')).rejects.toMatchObject({ name: 'SeedbedError', kind: 'BadArgument' });
    await expect(svgToPng(lineFigure({ ...CURVES }), 0)).rejects.toThrow(
      'the scale of a figure is from 0.1 to 16, got 0',
    );
  });
});
