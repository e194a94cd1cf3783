import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom/worker';
import { SeedbedError } from '../errors.ts';
import { type Axis, pixelOn, type Scale } from './axes.ts';
import { type Box, escapeText, FONTS, textElement, textWidth, wrap } from './text.ts';

/** What every figure says of itself. */
export interface FigureOptions {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  /** Small print below the figure, such as where the numbers are from. */
  readonly notes?: string;
  /** In pixels; 720 if left out. */
  readonly width?: number;
  /** In pixels; 480 if left out. A key of many curves makes it more. */
  readonly height?: number;
  /** Where Plot makes its elements: a page's own document, or else one in memory. */
  readonly document?: Document;
}

/** A colour and a symbol, so that colours need not be told apart. */
export interface Look {
  readonly colour: string;
  readonly symbol: Plot.SymbolType;
}

/** A figure laid out: its pixels, and what is drawn besides the data. */
export interface Frame {
  readonly options: FigureOptions;
  readonly width: number;
  readonly height: number;
  /** Where the data are drawn. */
  readonly area: Box;
  readonly x: Scale;
  readonly y: Scale;
  readonly toX: (value: number) => number;
  readonly toY: (value: number) => number;
}

export const TICK_SIZE = 14;
export const LABEL_SIZE = 15;
const TITLE_SIZE = 18;
const NOTES_SIZE = 12.5;
/** Between all that is drawn and the figure's edge, in pixels. */
export const PAD = 18;
/** Data in less than this, across or upright, cannot be made out. */
const LEAST_AREA = 80;
/** Of lines of text, in parts of their size. */
export const LEADING = 1.3;

/** Okabe and Ito's colours, which the colour-blind tell apart, without the yellow that white swallows. */
const COLOURS = ['#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#222222'];
const SYMBOLS: readonly Plot.SymbolType[] = ['circle', 'square', 'triangle', 'diamond', 'star', 'cross'];
/** Of symbols, in pixels; Plot draws all of them with the area of the circle. */
export const RADIUS = 5.5;

/** The look of the n-th series of a figure; 42 differ. */
export const lookOf = (n: number): Look => ({
  colour: COLOURS[n % COLOURS.length]!,
  symbol: SYMBOLS[n % SYMBOLS.length]!,
});

/** Lays a figure out, with room for a key of so many pixels above the data, or to the right of them. */
export function layOut(
  options: FigureOptions,
  scales: { readonly x: Scale; readonly y: Scale },
  key: { readonly above?: number; readonly right?: number },
): Frame {
  const { width, height } = sizeOf(options);
  const ticks = Math.max(...scales.y.ticks.map(({ text }) => textWidth(text, TICK_SIZE)));
  const lastTick = textWidth(scales.x.ticks.at(-1)?.text ?? '', TICK_SIZE);
  const lines = (text: string, size: number, bold = false) =>
    wrap(text, width - 2 * PAD, size, bold).length * size * LEADING;
  const top = PAD + lines(options.title, TITLE_SIZE, true) + 8 + (key.above ?? 0);
  const bottom = PAD + notesHeight(options, width) + lines(options.x.label, LABEL_SIZE) + 8 + TICK_SIZE + 10;
  const area = {
    left: Math.ceil(PAD + ticks + 12),
    top: Math.ceil(top + lines(options.y.label, LABEL_SIZE) + 10),
    right: Math.floor(width - PAD - Math.max(lastTick / 2 - PAD / 2, key.right ?? 0)),
    bottom: Math.floor(height - bottom),
  };
  if (!(area.right - area.left >= LEAST_AREA && area.bottom - area.top >= LEAST_AREA)) {
    throw new SeedbedError(
      'BadArgument',
      `figure '${options.title}': ${width} x ${height} pixels leave too little room for the data; make it larger`,
    );
  }
  const toX = pixelOn(scales.x, area.left, area.right);
  return { options, width, height, area, ...scales, toX, toY: pixelOn(scales.y, area.bottom, area.top) };
}

export function sizeOf({ width = 720, height = 480 }: FigureOptions) {
  return { width, height };
}

function notesHeight({ notes = '' }: FigureOptions, width: number): number {
  const lines = wrap(notes, width - 2 * PAD, NOTES_SIZE).length;
  return lines > 0 ? lines * NOTES_SIZE * LEADING + 10 : 0;
}

/**
 * The SVG of a figure: what Plot draws of the marks on the axes, below the texts and what else is given as elements.
 */
export function draw(frame: Frame, marks: readonly Plot.Markish[], elements: readonly string[]): string {
  const { options, width, height, area, x, y } = frame;
  const svg = Plot.plot({
    document: options.document ?? parseHTML('<html></html>').document,
    width,
    height,
    marginLeft: area.left,
    marginTop: area.top,
    marginRight: width - area.right,
    marginBottom: height - area.bottom,
    x: { type: x.log ? 'log' : 'linear', domain: x.domain, range: [area.left, area.right], axis: null },
    y: { type: y.log ? 'log' : 'linear', domain: y.domain, range: [area.bottom, area.top], axis: null },
    marks: [...axes(frame), ...marks],
  });
  const drawn = svg.innerHTML.replace(/<style>.*?<\/style>/s, '');
  const title = escapeText(options.title);
  const body = [
    `<title>${title}</title>`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    drawn,
    ...texts(frame),
    ...elements,
  ].join('\n');
  const attributes = [
    'xmlns="http://www.w3.org/2000/svg"',
    `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img"`,
    `font-family="${FONTS}" font-size="${TICK_SIZE}" fill="currentColor" color="#222" text-anchor="middle"`,
  ];
  return `<svg ${attributes.join(' ')}>\n${shortNumbers(body)}\n</svg>\n`;
}

/** Numbers in tags with three decimals at most: no machine's last bit shows. */
const shortNumbers = (svg: string) =>
  svg.replace(/<[^>]*>/g, tag => tag.replace(/-?\d+\.\d{4,}(e-\d+)?/g, number => `${+(+number).toFixed(3)}`));

/** Lines behind the data at the numbers, the axes themselves, and their marks. */
function axes({ x, y }: Frame): Plot.Markish[] {
  const grid = { stroke: '#e4e4e4', strokeOpacity: 1 };
  const line = { stroke: '#444', strokeWidth: 1.2 };
  const axis = (scale: Scale) => ({
    color: '#444',
    ticks: scale.ticks.map(tick => tick.value),
    // Not as tickFormat, of which Plot leaves out some on a logarithmic axis.
    text: scale.ticks.map(tick => tick.text),
    fontSize: TICK_SIZE,
    fill: '#222',
    stroke: '#444',
    label: null,
  });
  const minor = (scale: Scale) => ({
    ticks: [...scale.minor],
    tickSize: 3,
    stroke: '#444',
    fill: 'none',
    label: null,
  });
  return [
    Plot.gridX({ ticks: x.ticks.map(tick => tick.value), ...grid }),
    Plot.gridY({ ticks: y.ticks.map(tick => tick.value), ...grid }),
    Plot.axisX(axis(x)),
    Plot.axisY(axis(y)),
    ...(x.minor.length > 0 ? [Plot.axisX(minor(x))] : []),
    ...(y.minor.length > 0 ? [Plot.axisY(minor(y))] : []),
    Plot.ruleY([y.domain[0]], line),
    Plot.ruleX([x.domain[0]], line),
  ];
}

/** The title, what the axes show, and the notes. */
function texts({ options, width, height, area }: Frame): string[] {
  const room = width - 2 * PAD;
  const block = (text: string, size: number, top: number, bold = false, colour = '#222') =>
    wrap(text, room, size, bold).map((line, i) =>
      textElement(line, PAD, top + i * size * LEADING + size, { size, bold, colour }),
    );
  const labelLines = wrap(options.y.label, room, LABEL_SIZE).length;
  const xLabel = wrap(options.x.label, room, LABEL_SIZE).map((line, i) => {
    const half = textWidth(line, LABEL_SIZE) / 2;
    const x = Math.min(width - PAD - half, Math.max(PAD + half, (area.left + area.right) / 2));
    const y = area.bottom + TICK_SIZE + 14 + LABEL_SIZE + i * LABEL_SIZE * LEADING;
    return textElement(line, x, y, { size: LABEL_SIZE, anchor: 'middle' });
  });
  return [
    ...block(options.title, TITLE_SIZE, PAD - 4, true),
    ...block(options.y.label, LABEL_SIZE, area.top - 12 - labelLines * LABEL_SIZE * LEADING),
    ...xLabel,
    ...block(
      options.notes ?? '',
      NOTES_SIZE,
      height - PAD - notesHeight(options, width) + 10,
      false,
      '#595959',
    ),
  ];
}
