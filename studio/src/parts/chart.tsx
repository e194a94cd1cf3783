import * as Plot from '@observablehq/plot';
import { createEffect, createSignal, onCleanup } from 'solid-js';
import { figure } from './figures.ts';

export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  readonly dots?: boolean;
}

/** The widest that a chart is drawn, in pixels. */
const WIDEST = 720;

/** Lines or dots over an axis; what they say is told in words by `label`. */
export function Chart(props: {
  readonly label: string;
  readonly x: string;
  readonly y: string;
  readonly log?: boolean;
  readonly height?: number;
  readonly series: readonly Series[];
}) {
  const holder = (<div class="chart" role="img" aria-label={props.label} />) as HTMLDivElement;
  const [width, setWidth] = createSignal(WIDEST);
  const observer = new ResizeObserver(([entry]) =>
    setWidth(Math.min(WIDEST, Math.round(entry!.contentRect.width))),
  );
  observer.observe(holder);
  onCleanup(() => observer.disconnect());
  createEffect(() => {
    const rows = props.series.flatMap(({ name, points, dots }) =>
      points.map(([x, y]) => ({ name, x, y, dots })),
    );
    const names = props.series.map(({ name }) => name);
    const colours = ['var(--first)', 'var(--second)', 'var(--third)', 'var(--fourth)'];
    const plot = Plot.plot({
      ...{ width: width(), height: props.height ?? 220, marginLeft: 58, marginBottom: 40, marginTop: 24 },
      className: 'plot',
      x: { label: props.x, grid: false, labelArrow: 'none', labelAnchor: 'center' },
      y: {
        label: props.y,
        type: props.log ? 'log' : 'linear',
        grid: true,
        labelArrow: 'none',
        ticks: 4,
        tickFormat: (value: number) => figure(value, 2),
      },
      color: { domain: names, range: colours.slice(0, names.length), legend: false },
      marks: [
        Plot.line(
          rows.filter(row => !row.dots),
          { x: 'x', y: 'y', stroke: 'name', strokeWidth: 1.8, z: 'name' },
        ),
        Plot.dot(
          rows.filter(row => row.dots),
          { x: 'x', y: 'y', fill: 'name', r: 2.6, fillOpacity: 0.8 },
        ),
      ],
    });
    // The page's policy lets no style in but its own: style.css has these rules.
    plot.querySelector('style')?.remove();
    plot.setAttribute('aria-hidden', 'true');
    holder.replaceChildren(plot, legend(names, colours));
  });
  return holder;
}

function legend(names: readonly string[], colours: readonly string[]): HTMLElement {
  const list = document.createElement('div');
  list.className = 'legend';
  if (names.length < 2) return list;
  names.forEach((name, i) => {
    const item = document.createElement('span');
    item.textContent = name;
    item.style.setProperty('--colour', colours[i]!);
    list.append(item);
  });
  return list;
}
