import { lineFigure } from '../../figures/line.ts';
import { correlation } from '../../tensor/statistics.ts';
import { judged } from './claims.ts';
import { experiment } from './lab.ts';
import { figure } from './means.ts';

/** Radii, in units of the body's, that are looked at. */
const STEP = 0.01;
const FARTHEST = 5;
/** Forces resemble each other that correlate by more than this, and far away where more than this part is left. */
const ALIKE = 0.9;
const FAR = 0.5;

/** Gravity of a body of constant density and radius 1: r inside, 1 / r^2 outside; 1 at its greatest. */
export const gravity = (r: number) => (r < 1 ? r : 1 / r ** 2);
/** Eq. 11 of Asperti et al. 2023, r exp(-r^2 / 2) for sigma = 1, divided by its greatest, exp(-1/2). */
export const attraction = (r: number) => r * Math.exp((1 - r ** 2) / 2);

/** The law of gravity beside the weighted attraction of eq. 11 (Asperti et al. 2023, fig. 8). */
export const fig8 = experiment({
  name: 'fig8',
  title: 'gravity and the weighted attraction of eq. 11',
  needs: [],
  async measure() {
    const radii = Array.from({ length: FARTHEST / STEP + 1 }, (_, i) => i * STEP);
    return {
      numbers: { radii },
    };
  },
  report({ radii }) {
    const [g, a] = [radii.map(gravity), radii.map(attraction)];
    const peak = (values: readonly number[]) => radii[values.indexOf(Math.max(...values))]!;
    const inner = radii.filter(r => r <= 2);
    const near = correlation(inner.map(gravity), inner.map(attraction));
    const shuffled = correlation(inner.map(gravity), inner.map(attraction).reverse());
    const tail = (r: number) => attraction(r) / gravity(r);
    const alike = near > ALIKE && Math.abs(peak(g) - peak(a)) < 2 * STEP;
    return {
      plots: [
        {
          file: 'fig8',
          caption:
            'Gravity of a body of constant density, and eq. 11, over the distance from its centre; both scaled to 1.',
          svg: lineFigure({
            title: 'Gravity and weighted attraction',
            x: { label: 'distance r, in units of sigma' },
            y: { label: 'force, relative to the greatest' },
            series: [
              { name: 'gravity', points: radii.map((r, i) => [r, g[i]!]) },
              { name: 'N(z | x; sigma²) |x − z|', points: radii.map((r, i) => [r, a[i]!]) },
            ],
          }),
        },
      ],
      claims: [
        judged({
          number: near,
          against: shuffled,
          paper: 'The weighted attraction of a data point resembles the gravity of a body with radius sigma.',
          ours: `both are greatest at r = ${figure(peak(a))} sigma and correlate by ${figure(near)} up to 2 sigma`,
          control: `the attraction turned round correlates by ${figure(shuffled)}; at 3 sigma the attraction is ${figure(tail(3), 2)} of gravity, at 5 sigma ${figure(tail(5), 2)}`,
          asked: `a correlation above ${figure(ALIKE, 1)}, the greatest force at the same distance, and more than ${figure(FAR, 1)} of gravity at 5 sigma; in part, the first two`,
          numbersSay: alike && tail(5) > FAR ? 'holds' : alike ? 'partly' : 'fails',
          because: alike
            ? `Near the body the two agree; far away gravity falls as 1 / r^2 and the attraction as a Gaussian, so distant data do not pull at all.`
            : 'The two differ near the body already.',
          values: { peak: peak(a), near, tail3: tail(3), tail5: tail(5) },
        }),
      ],
    };
  },
});
