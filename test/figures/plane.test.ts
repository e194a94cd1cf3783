import { parseHTML } from 'linkedom/worker';
import { expect, test } from 'vitest';
import { planeFigure } from '../../src/figures/plane.ts';

const axes = { x: { label: 'first coordinate' }, y: { label: 'second coordinate' } };
const SQUARE = [
  [-1, -1],
  [1, -1],
  [1, 1],
  [-1, 1],
] as const;

/** Centres of the circles of the data, as pixels; those of the key have other radii. */
function centres(svg: string, radius: number): [number, number][] {
  const { document } = parseHTML(`<html><body>${svg}</body></html>`);
  const circles = [...document.querySelectorAll('circle')] as unknown as {
    getAttribute(name: string): string;
  }[];
  return circles
    .filter(circle => Number(circle.getAttribute('r')) === radius)
    .map(circle => [Number(circle.getAttribute('cx')), Number(circle.getAttribute('cy'))]);
}

test('a unit is as long across as upright, whatever the key above takes', () => {
  const groups = [
    { name: 'a square', points: SQUARE, radius: 3 },
    ...Array.from({ length: 5 }, (_, i) => ({ name: `another group ${i}`, points: [[0, 0]] as const })),
  ];
  const [a, b, c] = centres(planeFigure({ title: 'Square', ...axes, groups }), 3);
  expect(Math.abs(b![0] - a![0])).toBeGreaterThan(200);
  expect(Math.abs(b![0] - a![0]) / Math.abs(c![1] - b![1])).toBeCloseTo(1, 2);
});

test('draws arrows and paths, and the same bytes again', () => {
  const figure = {
    title: 'Arrows',
    ...axes,
    groups: [{ name: 'points', points: SQUARE }],
    arrows: [[SQUARE[0], SQUARE[2]]] as const,
    paths: [[SQUARE[0], SQUARE[1], SQUARE[2]]],
  };
  const svg = planeFigure(figure);
  expect(svg).toContain('aria-label="arrow"');
  expect(svg).toContain('aria-label="line"');
  expect(planeFigure(figure)).toBe(svg);
});

test('says what it cannot draw', () => {
  expect(() => planeFigure({ title: 'Empty', ...axes, groups: [] })).toThrow("figure 'Empty' has no points");
  const wrong = { title: 'Wrong', ...axes, groups: [{ name: 'x', points: [[Number.NaN, 0]] as const }] };
  expect(() => planeFigure(wrong)).toThrow("figure 'Wrong': x is NaN");
});
